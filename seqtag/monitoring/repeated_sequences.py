"""Filters for sequences that repeat across documents of a snapshot, or that it does not contain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.corpus.record_batches import has_content_id
from seqtag.corpus.schema import TOKENS
from seqtag.io.hash_counts import Hashes, Ints, find_hashes
from seqtag.io.hashing import hash_sequences
from seqtag.monitoring.block_bootstrap import unit_hashes


class RepeatedSequences:
    """Distinct sequences of a snapshot and whether several documents contain them; 24 bytes each.

    has_derived_documents   True if a sequence had no document; see `has_content_id`
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self.has_derived_documents = False
        self._sequences = self._low = self._high = np.zeros(0, np.uint64)  # lowest and highest document hash
        first = 0
        for batch in batches:
            self.has_derived_documents |= bool(has_content_id(batch).any())
            self._add(hash_sequences(batch.column(TOKENS)), unit_hashes(batch, "document", first=first))
            first += batch.num_rows

    def of_one_document(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield those of the snapshot's own sequences that no other of its documents contains."""
        for batch in batches:
            place, kept = self._find(batch)
            kept[kept] = self._low[place[kept]] == self._high[place[kept]]
            yield batch.filter(pa.array(kept))

    def not_held(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the sequences that the snapshot does not contain."""
        for batch in batches:
            _, found = self._find(batch)
            yield batch.filter(pa.array(~found))

    def _add(self, hashes: Hashes, documents: Hashes) -> None:
        every = np.concatenate([self._sequences, hashes])
        order = np.argsort(every, kind="stable")
        self._sequences, starts = np.unique(every[order], return_index=True)
        if len(starts):
            self._low = np.minimum.reduceat(np.concatenate([self._low, documents])[order], starts)
            self._high = np.maximum.reduceat(np.concatenate([self._high, documents])[order], starts)

    def _find(self, batch: pa.RecordBatch) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return the positions of the sequences, and a mask of the known ones."""
        return find_hashes(hash_sequences(batch.column(TOKENS)), self._sequences)
