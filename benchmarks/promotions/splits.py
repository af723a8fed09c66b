"""Simulated test splits: documents drawn from the population, with the scores of models on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.promotions.models import Model
from benchmarks.promotions.pool import Pool


@dataclass(frozen=True, eq=False)
class Split:
    """Documents drawn with replacement, so that the score on the population is the true score.

    Each copy counts as a separate document, as if drawn independently from a population of many such
    documents.

    drawn: <int64>[n_documents]  indices of documents, in the order of their arrival
    """

    pool: Pool
    drawn: npt.NDArray[np.int64]

    @classmethod
    def of(cls, pool: Pool, n_documents: int, random: np.random.Generator) -> Split:
        return cls(pool, random.integers(0, pool.n_documents, n_documents))

    def first(self, n_documents: int) -> Split:
        """Return the split of the documents that arrived first."""
        return Split(self.pool, self.drawn[:n_documents])

    @cached_property
    def lengths(self) -> npt.NDArray[np.float64]:
        return self.pool.lengths[self.drawn].astype(np.float64)

    @cached_property
    def _copies(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows of the population, and the index of the drawn document of each."""
        bounds = np.searchsorted(self.pool.document, np.arange(self.pool.n_documents + 1))
        sizes = np.diff(bounds)[self.drawn]
        copy = np.repeat(np.arange(len(self.drawn)), sizes)
        within = np.arange(len(copy)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return bounds[:-1][self.drawn][copy] + within, copy

    def counts(self, model: Model) -> npt.NDArray[np.float32]:
        """Return `<float32>[n_documents, 2]`, correct tokens and all tokens."""
        return np.stack([model.right_by_document[self.drawn], self.lengths], axis=1).astype(np.float32)

    def counts_by_sequence(self, model: Model) -> npt.NDArray[np.float32]:
        """Return `<float32>[n_sequences, 2]`, correct tokens and all tokens."""
        rows, _ = self._copies
        lengths = np.diff(self.pool.offsets)
        return np.stack([model.right_by_sequence[rows], lengths[rows]], axis=1).astype(np.float32)

    def score(self, model: Model) -> float:
        return float(model.right_by_document[self.drawn].sum() / self.lengths.sum())

    @cached_property
    def _table(self) -> pa.Table:
        """The sequences; copies of a document get distinct first tokens."""
        rows, copy = self._copies
        table = self.pool.sequences.take(rows)
        starts = np.append(0, np.cumsum(np.diff(self.pool.offsets)[rows]))
        words = pc.list_flatten(table["tokens"]).to_numpy().copy()
        _, first, kind = np.unique(self.drawn, return_index=True, return_inverse=True)
        is_copy = first[kind][copy] != copy
        words[starts[:-1][is_copy]] += np.char.add("#", copy[is_copy].astype(str)).astype(object)
        lists = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(words, pa.string()))
        return pa.table(
            {
                "row": pa.array(np.arange(len(rows))),
                "document_id": pa.array([str(number) for number in copy]),
                "tokens": lists,
                "tags": table["tags"],
            }
        )

    def write(self, model: Model, path: Path, *, tested: int | None = None) -> None:
        """Write predictions in the format of a tagger.

        Args:
            tested: number of documents in the split when the model was evaluated; None: all.
        """
        rows, copy = self._copies
        tokens = np.concatenate([np.arange(*self.pool.offsets[[row, row + 1]]) for row in rows])
        offsets = pa.array(np.append(0, np.cumsum(np.diff(self.pool.offsets)[rows])), pa.int32())
        tags = pa.array(self.pool.tags).take(pa.array(model.predicted[tokens]))
        n = len(copy)
        columns = {
            "predicted": pa.ListArray.from_arrays(offsets, tags),
            "unknown": pa.ListArray.from_arrays(offsets, pa.array(np.zeros(len(tokens), np.bool_))),
            "seen": pa.array(np.zeros(n, np.bool_)),
            "tested": pa.array(copy < (len(self.drawn) if tested is None else tested)),
        }
        table = self._table
        for name, column in columns.items():
            table = table.append_column(name, column)
        pq.write_table(table, path)
