"""What the champion's training showed it: words, and spans by their type and text."""

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


@dataclass(frozen=True, eq=False)
class Known:
    """Words with their ids, and `<uint64>[n]` sorted hashes of spans (8 bytes for each that differs)."""

    words: Symbols
    spans: npt.NDArray[np.uint64]

    @classmethod
    def of_training(cls, batches: Iterable[pa.RecordBatch], *, words: Symbols, scheme: SchemeName) -> Known:
        """Read the spans of the train split, in one pass."""
        found = np.zeros(0, np.uint64)
        for batch in batches if scheme != "none" else ():
            whole = sound(batch, scheme=scheme).labelled
            keys = gold_span_keys(whole.column(TOKENS), whole.column(TAGS), scheme=scheme)
            found = np.union1d(found, hash_strings(keys))
        return cls(words, found)

    def is_unknown(self, tokens: pa.Array) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_tokens]`: is the token outside the vocabulary?"""
        return self.words.ids(tokens) == UNK_ID

    def is_unseen(self, span_keys: pa.StringArray) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_spans]`: did training show no span of this type with this text?"""
        if not len(self.spans):
            return np.ones(len(span_keys), np.bool_)
        hashes = hash_strings(span_keys)
        nearest = np.minimum(np.searchsorted(self.spans, hashes), len(self.spans) - 1)
        return self.spans[nearest] != hashes
