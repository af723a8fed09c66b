"""Words and spans of the champion's training, with or without what a document itself contributed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.features import UNK_ID, Symbols
from seqtag.hashing import hash_strings
from seqtag.monitoring.sound import sound
from seqtag.scoring.predictions import gold_span_keys

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Known:
    """Words with their ids and counts, and spans (type and text) with theirs, in 16 bytes for each.

    spans: <uint64>[n]        sorted hashes
    span_counts: <int64>[n]   occurrences in train
    min_count                 occurrences that a word of train needs to be in the vocabulary

    `own` is the document of each element where train holds it, -1 elsewhere. What train knows of an element
    from its own document alone then counts as not known, as it would be if the document were new.
    """

    words: Symbols
    spans: npt.NDArray[np.uint64]
    span_counts: Ints
    min_count: int = 1

    @classmethod
    def of_training(
        cls, batches: Iterable[pa.RecordBatch], *, words: Symbols, scheme: SchemeName, min_count: int = 1
    ) -> Known:
        """Read the spans of the train split, in one pass."""
        spans, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        for batch in batches if scheme != "none" else ():
            whole = sound(batch, scheme=scheme).labelled
            keys = gold_span_keys(whole.column(TOKENS), whole.column(TAGS), scheme=scheme)
            spans, counts = merge_counts(spans, counts, hash_strings(keys))
        return cls(words, spans, counts, min_count)

    def is_unknown(self, tokens: pa.Array, *, own: Ints | None = None) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_tokens]`: is the token outside the vocabulary?"""
        ids = self.words.ids(tokens).astype(np.int64)
        unknown = ids == UNK_ID
        return unknown if own is None else unknown | (_left(self.words.counts, ids, own) < self.min_count)

    def is_unseen(self, span_keys: pa.StringArray, *, own: Ints | None = None) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_spans]`: did training show no span of this type with this text?"""
        if not len(self.spans):
            return np.ones(len(span_keys), np.bool_)
        hashes = hash_strings(span_keys)
        nearest = np.minimum(np.searchsorted(self.spans, hashes), len(self.spans) - 1)
        unseen = self.spans[nearest] != hashes
        return unseen if own is None else unseen | (_left(self.span_counts, nearest, own) < 1)


def merge_counts(
    hashes: npt.NDArray[np.uint64], counts: Ints, further: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Add hashes, in any order and with repetitions, to sorted distinct ones with their counts.

    >>> merge_counts(np.array([3, 5], np.uint64), np.array([1, 2]), np.array([5, 4, 5], np.uint64))
    (array([3, 4, 5], dtype=uint64), array([1, 1, 4]))
    """
    found, n = np.unique(further, return_counts=True)
    merged, place = np.unique(np.concatenate([hashes, found]), return_inverse=True)
    sums = np.bincount(place, weights=np.concatenate([counts, n]), minlength=len(merged))
    return merged, sums.astype(np.int64)


def _left(counts: Ints, ids: Ints, own: Ints) -> Ints:
    """Return `<int64>[n]`: occurrences in train of each element outside of its own document."""
    left = counts[ids]
    trained = np.flatnonzero(own >= 0)
    pairs = own[trained] * len(counts) + ids[trained]
    _, place, n = np.unique(pairs, return_inverse=True, return_counts=True)
    left[trained] -= n[place]
    return left
