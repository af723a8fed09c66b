"""Words and spans of the champion's training data, with support for leave-one-out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.evaluation.predictions import gold_span_keys
from seqtag.features import UNK_ID, Symbols
from seqtag.io.hash_counts import HashCounts, Hashes, Ints
from seqtag.io.hashing import hash_pairs, hash_strings
from seqtag.monitoring.block_bootstrap import Blocks
from seqtag.monitoring.validity import IN_TRAIN, ValidSequences, valid_sequences
from seqtag.tagging.partial_tags import certain_spans
from seqtag.tagging.ragged import distinct_or_none, flatten, sequence_numbers


@dataclass(frozen=True, eq=False)
class TrainingReference:
    """Words with their ids and counts in train, and counts of hashed spans (type and text).

    min_count         occurrences in train that a word needs to be in the vocabulary
    words_by_period   counts of pairs of period and word id in train, if periods are left out; spans likewise

    The argument `own` of the methods gives the document of each element of train (or its period, if periods
    are left out), and -1 for elements not in train. A word or span that train has only from there counts as
    unknown, as if the document or period were new.
    """

    words: Symbols
    spans: HashCounts
    min_count: int = 1
    words_by_period: HashCounts | None = None
    spans_by_period: HashCounts | None = None

    @classmethod
    def of_training(
        cls, batches: Iterable[pa.RecordBatch], *, words: Symbols, scheme: SchemeName, min_count: int = 1
    ) -> TrainingReference:
        """Read the spans of the train split in one pass."""
        spans = HashCounts()
        for batch in batches if scheme != "none" else ():
            # like train itself
            _, hashes = _spans(valid_sequences(batch, scheme=scheme, partial=True), scheme)
            spans.add(hashes)
        return cls(words, spans, min_count)

    def without_periods(
        self, reference: Iterable[pa.RecordBatch], *, blocks: Blocks, scheme: SchemeName
    ) -> TrainingReference:
        """Return a copy that can leave out periods of a reference with the column `IN_TRAIN`."""
        words, spans = HashCounts(), HashCounts()
        for batch in reference:
            found = valid_sequences(batch.filter(batch.column(IN_TRAIN)), scheme=scheme, partial=True)
            period = blocks.periods_of(found.batch)
            tokens, offsets = flatten(found.batch.column(TOKENS))
            words.add(hash_pairs(period[sequence_numbers(offsets)].astype(np.uint64), self._word_ids(tokens)))
            if scheme != "none":
                owners, hashes = _spans(found, scheme)
                spans.add(hash_pairs(period[owners].astype(np.uint64), hashes))
        return replace(self, words_by_period=words, spans_by_period=spans)

    def is_unknown(self, tokens: pa.Array, *, own: Ints | None = None) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_tokens]`: is the token outside the vocabulary?"""
        ids = self._word_ids(tokens)
        unknown = ids == UNK_ID
        if own is None:
            return unknown
        left = self.words.counts[ids] - _own_counts(ids, own, self.words_by_period)
        return unknown | (left < self.min_count)

    def is_unseen(self, span_keys: pa.StringArray, *, own: Ints | None = None) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_spans]`: is there no span of this type with this text in train?"""
        hashes = hash_strings(span_keys)
        left = self.spans.of(hashes)
        return left < 1 if own is None else left - _own_counts(hashes, own, self.spans_by_period) < 1

    def _word_ids(self, tokens: pa.Array) -> Hashes:
        return self.words.ids(tokens).astype(np.uint64)


def _spans(found: ValidSequences, scheme: SchemeName) -> tuple[Ints, Hashes]:
    """Return the sequence of each span, numbered as in `found.batch`, and its hash."""
    batch = found.labelled
    values, offsets = flatten(batch.column(TAGS))
    spans, _ = certain_spans(*distinct_or_none(values), offsets, scheme=scheme, mode="conlleval")
    keys = gold_span_keys(batch.column(TOKENS), batch.column(TAGS), scheme=scheme)
    return np.flatnonzero(found.is_labelled)[spans.sequence], hash_strings(keys)


def _own_counts(numbers: Hashes, own: Ints, by_period: HashCounts | None) -> Ints:
    """Return `<int64>[n]`: occurrences of each number in its own document or period of train."""
    found = np.zeros(len(numbers), np.int64)
    trained = own >= 0
    pairs = hash_pairs(own[trained].astype(np.uint64), numbers[trained])
    found[trained] = (HashCounts([pairs]) if by_period is None else by_period).of(pairs)
    return found
