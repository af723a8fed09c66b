"""Sequences through a model, in windows, and back to tokens: what scoring on dev and tagging share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqtag.features import Windows, padded, stitched

CELLS = 8192  # tokens and padding of one batch; measured: from 4,096 on more make it no faster
OUTPUT = np.dtype(
    [
        ("tag_id", np.int32),
        ("confidence", np.float32),  # the tag's probability
        ("span_confidence", np.float32),  # that of the whole span that the token is in
    ]
)
WordTypeTable = Mapping[str, npt.NDArray[Any]]  # [n_word_types, ...] by feature; row 0 is padding


class Predictor(Protocol):
    """What can tag right-padded sequences."""

    def word_type_vectors(self, word_types: Mapping[str, npt.NDArray[Any]]) -> Any:
        """Return what `predict` looks forms up in, from their features; row 0 is padding."""

    def predict(self, vectors: Any, positions: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]` for rows `<int32>[batch, time]`; at padding it means nothing."""


def predict_tokens(
    reader: Predictor,
    vectors: Any,
    word_type_ids: npt.NDArray[np.int32],
    cut: Windows,
    *,
    offsets: npt.NDArray[np.int64],
    cells: int = CELLS,
) -> npt.NDArray[Any]:
    """Return `OUTPUT[n_tokens]`, all sequences one after the other.

    Windows of like length are read together, so little is padding.

    Args:
        reader: the model.
        vectors: of all forms.
        word_type_ids: `<int32>[n_tokens]`, rows of `vectors`, all sequences one after the other.
        cut: the windows to read them in.
        offsets: `<int64>[n_sequences + 1]`, where each sequence begins.
        cells: tokens and padding of one batch.
    """

    def outputs() -> Iterator[tuple[Windows, npt.NDArray[Any]]]:
        for chosen in length_batches(cut.length, cells=cells):
            few = Windows(*(getattr(cut, field.name)[chosen] for field in fields(cut)))
            width = int(few.length[-1])
            yield few, reader.predict(vectors, padded(word_type_ids, few, offsets=offsets, width=width))

    return stitched(outputs(), offsets=offsets, dtype=OUTPUT)


def length_batches(lengths: npt.NDArray[np.int32], *, cells: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield all positions, shortest first, as many at a time as fit into `cells` when padded; at least one.

    >>> [batch.tolist() for batch in length_batches(np.array([3, 1, 4, 1]), cells=4)]
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
