"""Sequences to padded windows and back: nothing is dropped, nothing is truncated.

Shared by encoding and tagging; everything is arrays, no loop over sequences.
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
    """What stands in which padded row, one element per window.

    Over the windows of a sequence the ranges `[start + keep_start, start + keep_stop)` tile it exactly:
    a prediction counts where it saw the most on either side.
    """

    sequence: npt.NDArray[np.int64]  # position of the sequence among the lengths
    start: npt.NDArray[np.int32]  # offset in the sequence
    length: npt.NDArray[np.int32]  # real tokens
    keep_start: npt.NDArray[np.int32]  # half-open range inside the window whose outputs count
    keep_stop: npt.NDArray[np.int32]
    bucket: npt.NDArray[np.int32]  # padded length

    def __len__(self) -> int:
        return len(self.sequence)

    def at(self, bucket: int) -> Windows:
        """Return the windows that are padded to `bucket`, in order."""
        here = self.bucket == bucket
        return Windows(*(getattr(self, field.name)[here] for field in fields(self)))


def windows(lengths: npt.ArrayLike, *, ladder: Sequence[int], overlap: int) -> Windows:
    """Cut sequences into windows, each padded to the shortest rung of `ladder` that holds it.

    A sequence up to the last rung is one window. A longer one becomes windows of the last rung's length,
    neighbours sharing `overlap` tokens of which each keeps the half nearer to its middle; the last window
    is as short as it comes out. An empty sequence has no window.

    Args:
        lengths: `<int>[n_sequences]`, tokens.
        ladder: rising padded lengths.
        overlap: tokens, below the last rung.

    >>> cut = windows([3, 10], ladder=[4, 6], overlap=2)
    >>> np.stack([cut.sequence, cut.start, cut.length, cut.keep_start, cut.keep_stop, cut.bucket], axis=1)
    array([[0, 0, 3, 0, 3, 4],
           [1, 0, 6, 0, 5, 6],
           [1, 4, 6, 1, 6, 6]])
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    longest = ladder[-1]
    stride = longest - overlap
    further = -(-np.maximum(lengths - longest, 0) // stride)  # windows after the first one
    n_windows = np.where(lengths > 0, further + 1, 0)
    sequence = np.repeat(np.arange(len(lengths)), n_windows)
    number = running_index(n_windows)
    start = number * stride
    length = np.minimum(lengths[sequence] - start, longest)
    is_last = number == further[sequence]
    keep_start = np.where(number == 0, 0, overlap // 2)
    keep_stop = np.where(is_last, length, stride + overlap // 2)
    buckets = np.asarray(ladder, dtype=np.int32)
    bucket = buckets[np.searchsorted(buckets, length)]
    narrow = (column.astype(np.int32) for column in (start, length, keep_start, keep_stop, bucket))
    return Windows(sequence, *narrow)


def padded(
    values: npt.NDArray[Scalar], cut: Windows, *, offsets: npt.NDArray[np.int64], width: int
) -> npt.NDArray[Scalar]:
    """Return `[n_windows, width]`: each window's values from the left, then zeros.

    Args:
        values: `[n_tokens]`, all sequences one after the other.
        cut: windows of at most `width` tokens.
        offsets: `<int64>[n_sequences + 1]`, where each sequence begins in `values`.

    >>> cut = windows([2, 1], ladder=[2], overlap=0)
    >>> padded(np.array([7, 8, 9]), cut, offsets=np.array([0, 2, 3]), width=2)
    array([[7, 8],
           [9, 0]])
    """
    begin = offsets[cut.sequence] + cut.start
    beyond = int(begin.max(initial=0)) + width - len(values)
    if beyond > 0:
        values = np.concatenate([values, np.zeros(beyond, values.dtype)])
    rows = sliding_window_view(values, width)[begin]  # [n_windows, width], with the neighbours' tokens
    np.copyto(rows, 0, where=np.arange(width) >= cut.length[:, None])
    return rows


def stitched(
    outputs: Iterable[tuple[Windows, npt.NDArray[Any]]],
    *,
    offsets: npt.NDArray[np.int64],
    dtype: npt.DTypeLike,
) -> npt.NDArray[Any]:
    """Put the outputs of windows back in the order of the tokens; the inverse of `windows` and `padded`.

    Args:
        outputs: windows and what came out for them, `[n_windows, width]`, in any number and order, all
            windows of all sequences together.
        offsets: `<int64>[n_sequences + 1]`, where each sequence begins in the result.

    Returns: `[n_tokens]`, all sequences one after the other.
    """
    values = np.empty(int(offsets[-1]), dtype=dtype)
    for cut, rows in outputs:
        n_kept = cut.keep_stop - cut.keep_start
        column = np.repeat(cut.keep_start, n_kept) + running_index(n_kept)
        begin = np.repeat(offsets[cut.sequence] + cut.start, n_kept)
        values[begin + column] = rows[np.repeat(np.arange(len(cut)), n_kept), column]
    return values


def running_index(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return 0, 1, ... up to each count, one after the other.

    >>> running_index(np.array([2, 0, 3]))
    array([0, 1, 0, 1, 2])
    """
    counts = counts.astype(np.int64)
    stops = np.cumsum(counts)
    total = int(stops[-1]) if len(stops) else 0
    return np.arange(total) - np.repeat(stops - counts, counts)
