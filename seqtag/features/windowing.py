"""Windowing: sequences to padded windows and back, without truncation.

Shared by encoding and inference; all operations are on whole arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Windows:
    """Positions and lengths of windows, one element per window.

    The ranges `[start + keep_start, start + keep_stop)` of a sequence's windows tile it exactly. Each token's
    prediction is kept from the window with the most context around it.
    """

    sequence: npt.NDArray[np.int64]  # index of the sequence
    start: npt.NDArray[np.int32]  # offset in the sequence
    length: npt.NDArray[np.int32]  # real tokens
    keep_start: npt.NDArray[np.int32]  # half-open range within the window whose outputs are kept
    keep_stop: npt.NDArray[np.int32]
    bucket: npt.NDArray[np.int32]  # padded length

    def __len__(self) -> int:
        return len(self.sequence)

    def at(self, bucket: int) -> Windows:
        """Return the windows that are padded to `bucket`, in order."""
        return self.take(self.bucket == bucket)

    def take(self, chosen: slice | npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Windows:
        """Return the windows selected by a range, by a mask or by positions."""
        return Windows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def windows(lengths: npt.ArrayLike, *, buckets: Sequence[int], overlap: int) -> Windows:
    """Cut sequences into windows, each padded to the shortest of `buckets` that holds it.

    A sequence that fits into the last bucket is one window. A longer one is cut into windows of the length of
    the last bucket. Neighbouring windows share `overlap` tokens, of which each keeps the half nearer to its
    middle; the last window may be shorter. An empty sequence has no window.

    Args:
        lengths: `<int>[n_sequences]`, tokens.
        buckets: padded lengths in tokens, ascending.
        overlap: tokens, less than the last bucket.

    >>> cut = windows([3, 10], buckets=[4, 6], overlap=2)
    >>> np.stack([cut.sequence, cut.start, cut.length, cut.keep_start, cut.keep_stop, cut.bucket], axis=1)
    array([[0, 0, 3, 0, 3, 4],
           [1, 0, 6, 0, 5, 6],
           [1, 4, 6, 1, 6, 6]])
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    longest = buckets[-1]
    stride = longest - overlap
    further = -(-np.maximum(lengths - longest, 0) // stride)  # windows after the first
    n_windows = np.where(lengths > 0, further + 1, 0)
    sequence = np.repeat(np.arange(len(lengths)), n_windows)
    number = running_index(n_windows)
    start = number * stride
    length = np.minimum(lengths[sequence] - start, longest)
    is_last = number == further[sequence]
    keep_start = np.where(number == 0, 0, overlap // 2)
    keep_stop = np.where(is_last, length, stride + overlap // 2)
    bucket_lengths = np.asarray(buckets, dtype=np.int32)
    bucket = bucket_lengths[np.searchsorted(bucket_lengths, length)]
    narrow = (column.astype(np.int32) for column in (start, length, keep_start, keep_stop, bucket))
    return Windows(sequence, *narrow)


def padded(
    values: npt.NDArray[Scalar], cut: Windows, *, offsets: npt.NDArray[np.int64], width: int
) -> npt.NDArray[Scalar]:
    """Return `[n_windows, width]`, the values of each window, padded with zeros on the right.

    Args:
        values: `[n_tokens]`, all sequences concatenated.
        cut: windows of at most `width` tokens.
        offsets: `<int64>[n_sequences + 1]`, the start of each sequence in `values`.

    >>> cut = windows([2, 1], buckets=[2], overlap=0)
    >>> padded(np.array([7, 8, 9]), cut, offsets=np.array([0, 2, 3]), width=2)
    array([[7, 8],
           [9, 0]])
    """
    begin = offsets[cut.sequence] + cut.start
    beyond = int(begin.max(initial=0)) + width - len(values)
    if beyond > 0:
        values = np.concatenate([values, np.zeros(beyond, values.dtype)])
    rows = sliding_window_view(values, width)[begin]  # [n_windows, width], including tokens of neighbours
    np.copyto(rows, 0, where=np.arange(width) >= cut.length[:, None])
    return rows


def padded_rows(
    values: npt.NDArray[Scalar], cut: Windows, *, offsets: npt.NDArray[np.int64], width: int
) -> npt.NDArray[Scalar]:
    """Return `[n_windows, width, k]`, as `padded` does for `values` of `[n_tokens, k]`."""
    columns = [padded(column, cut, offsets=offsets, width=width) for column in values.T]
    return np.stack(columns, axis=2)


def stitched(
    outputs: Iterable[tuple[Windows, npt.NDArray[Any]]],
    *,
    offsets: npt.NDArray[np.int64],
    dtype: npt.DTypeLike,
    shape: tuple[int, ...] = (),
) -> npt.NDArray[Any]:
    """Stitch the outputs of windows together in token order; the inverse of `windows` and `padded`.

    Args:
        outputs: windows with their outputs, `[n_windows, width, *shape]`, in any order; together they must
            contain all windows of all sequences.
        offsets: `<int64>[n_sequences + 1]`, the start of each sequence in the result.
        shape: of the output of a token; () for a single value.

    Returns: `[n_tokens, *shape]`, all sequences concatenated.
    """
    values = np.empty((int(offsets[-1]), *shape), dtype=dtype)
    for cut, rows in outputs:
        n_kept = cut.keep_stop - cut.keep_start
        column = np.repeat(cut.keep_start, n_kept) + running_index(n_kept)
        begin = np.repeat(offsets[cut.sequence] + cut.start, n_kept)
        values[begin + column] = rows[np.repeat(np.arange(len(cut)), n_kept), column]
    return values


def running_index(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return the ranges 0, 1, ... below each count, concatenated.

    >>> running_index(np.array([2, 0, 3]))
    array([0, 1, 0, 1, 2])
    """
    counts = counts.astype(np.int64)
    stops = np.cumsum(counts)
    total = int(stops[-1]) if len(stops) else 0
    return np.arange(total) - np.repeat(stops - counts, counts)
