"""Windowed inference: tag sequences in windows and stitch the results. Shared by dev scoring and tagging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqtag.features import EncodedColumns, Windows, padded, padded_rows, stitched

CELLS = 8192  # tokens and padding per batch; in measurements, more than 4,096 gave no further speed-up
NO_VALUES: EncodedColumns = MappingProxyType({})
OUTPUT = np.dtype(
    [
        ("tag_id", np.int32),
        ("confidence", np.float32),  # probability of the tag
        ("span_confidence", np.float32),  # probability of the whole span that contains the token
    ]
)
WordTypeTable = Mapping[str, npt.NDArray[Any]]  # [n_word_types, ...] by feature; row 0 is padding


class Predictor(Protocol):
    """Interface of models that tag right-padded sequences."""

    def word_type_vectors(self, word_types: Mapping[str, npt.NDArray[Any]]) -> Any:
        """Return the vectors that `predict` takes, one per word type; row 0 is padding."""

    def predict(
        self, vectors: Any, positions: npt.NDArray[np.int32], columns: EncodedColumns
    ) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]`, undefined at padding.

        Args:
            vectors: vectors of word types.
            positions: `<int32>[batch, time]`, rows of `vectors`.
            columns: further columns of the tokens, `[batch, time, width]` each.
        """


def predict_tokens(
    predictor: Predictor,
    vectors: Any,
    word_type_ids: npt.NDArray[np.int32],
    all_windows: Windows,
    *,
    columns: EncodedColumns = NO_VALUES,
    offsets: npt.NDArray[np.int64],
    cells: int = CELLS,
) -> npt.NDArray[Any]:
    """Return `OUTPUT[n_tokens]` for concatenated sequences.

    Windows of similar length share a batch, which keeps padding low.

    Args:
        predictor: the model.
        vectors: vectors of all word types.
        word_type_ids: `<int32>[n_tokens]`, rows of `vectors`, sequences concatenated.
        columns: further columns of the tokens, `[n_tokens, width]` each.
        all_windows: the windows of the sequences.
        offsets: `<int64>[n_sequences + 1]`, start of each sequence.
        cells: maximum tokens and padding per batch.
    """

    def outputs() -> Iterator[tuple[Windows, npt.NDArray[Any]]]:
        for chosen in length_batches(all_windows.length, cells=cells):
            batch = all_windows.take(chosen)
            width = int(batch.length[-1])
            positions = padded(word_type_ids, batch, offsets=offsets, width=width)
            of_batch = {
                name: padded_rows(rows, batch, offsets=offsets, width=width) for name, rows in columns.items()
            }
            yield batch, predictor.predict(vectors, positions, of_batch)

    return stitched(outputs(), offsets=offsets, dtype=OUTPUT)


def length_batches(lengths: npt.NDArray[np.int32], *, cells: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield batches of positions, shortest first, each with at most `cells` tokens and padding.

    An item longer than `cells` gets its own batch.

    >>> [batch.tolist() for batch in length_batches(np.array([3, 1, 4, 1]), cells=4)]
    [[1, 3], [0], [2]]
    """
    order = np.argsort(lengths, kind="stable")
    begin = 0
    while begin < len(order):
        # In ascending order, the last item of a batch is the widest.
        width = lengths[order[begin : begin + cells]].astype(np.int64)
        n_fitting = int(np.count_nonzero(width * np.arange(1, len(width) + 1) <= cells))
        stop = begin + max(1, n_fitting)
        yield order[begin:stop]
        begin = stop
