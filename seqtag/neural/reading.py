"""Windows through a model and back to tokens: what scoring on dev and tagging share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqtag.features import Windows

CELLS = 8192  # tokens and padding of one batch; measured: 4,096 and more are equally fast
OUTPUT = np.dtype([("tag_id", np.int32), ("confidence", np.float32)])  # the tag's probability


class Reader(Protocol):
    """What can tag right-padded token ids `<int32>[batch, time]` with `OUTPUT[batch, time]`."""

    def predict(self, token_ids: npt.NDArray[np.int32]) -> npt.NDArray[np.void]: ...


def outputs(
    reader: Reader,
    cut: Windows,
    token_ids: Callable[[npt.NDArray[np.int64], int], npt.NDArray[np.int32]],
    *,
    cells: int = CELLS,
) -> Iterator[tuple[Windows, npt.NDArray[Any]]]:
    """Yield windows and what the model says of them, `OUTPUT[n_windows, width]`, as `stitched` takes them.

    Windows of like length are read together, so little is padding.

    Args:
        reader: the model.
        cut: windows to read.
        token_ids: gives `<int32>[n_windows, width]` for positions in `cut` and a width.
        cells: tokens and padding of one batch; bounds the memory.
    """
    for chosen in reading_batches(cut.length, cells=cells):
        width = int(cut.length[chosen[-1]])
        few = Windows(*(getattr(cut, field.name)[chosen] for field in fields(cut)))
        yield few, reader.predict(token_ids(chosen, width))


def reading_batches(lengths: npt.NDArray[np.int32], *, cells: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield all positions, shortest first, as many at a time as fit into `cells` when padded; at least one.

    >>> [batch.tolist() for batch in reading_batches(np.array([3, 1, 4, 1]), cells=4)]
    [[1, 3], [0], [2]]
    """
    order = np.argsort(lengths, kind="stable")
    begin = 0
    while begin < len(order):
        # Shortest first: a batch is as wide as the last window in it.
        width = lengths[order[begin : begin + cells]].astype(np.int64)
        n_fitting = int(np.count_nonzero(width * np.arange(1, len(width) + 1) <= cells))
        stop = begin + max(1, n_fitting)
        yield order[begin:stop]
        begin = stop
