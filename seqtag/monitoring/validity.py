"""Valid sequences: those with tokens and, if present, as many tags and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SchemeName
from seqtag.corpus.schema import DEFECT, TAGS, TOKENS
from seqtag.io.arrays import mask_of
from seqtag.tagging.schemes import split_tags

IN_TRAIN = "in train"  # bool: is the sequence in the train split? Only in references, never in a corpus
CONFIDENCE = "confidence"  # list<float>: probability of each tag; only in tagged logs


@dataclass(frozen=True, eq=False)
class ValidSequences:
    """The sequences of a batch that can be counted.

    usable: <bool>[n_sequences]   for the original batch
    batch                         only the usable sequences; the tags may all be null
    """

    usable: npt.NDArray[np.bool_]
    batch: pa.RecordBatch

    @property
    def is_labelled(self) -> npt.NDArray[np.bool_]:
        """`<bool>[batch.num_rows]`: the sequence has tags."""
        return mask_of(pc.is_valid(self.batch.column(TAGS)))

    @property
    def labelled(self) -> pa.RecordBatch:
        """The sequences with tags."""
        return self.batch.filter(pc.is_valid(self.batch.column(TAGS)))


def valid_sequences(batch: pa.RecordBatch, *, scheme: SchemeName, partial: bool = False) -> ValidSequences:
    """Drop broken sequences: defects, no tokens, nulls in lists, unequal lengths, or tags outside the scheme.

    A sequence without tags or without probabilities is not broken.

    Args:
        partial: a null tag marks an untagged token and does not break the sequence.
    """
    batch = _with_tags(batch)
    tokens = batch.column(TOKENS)
    n = pc.list_value_length(tokens)
    usable = mask_of(pc.greater(n, 0)) & ~_holds_null(tokens)
    if DEFECT in batch.schema.names:
        usable &= mask_of(pc.is_null(batch.column(DEFECT)))
    for name in {TAGS, CONFIDENCE} & set(batch.schema.names):
        lists = batch.column(name)
        same = pc.fill_null(pc.equal(pc.list_value_length(lists), n), True)  # null: the list is absent
        usable &= mask_of(same)
        if name != TAGS or not partial:
            usable &= ~_holds_null(lists)
    if scheme != "none":
        usable &= ~_holds(batch.column(TAGS), _stray(batch.column(TAGS)))
    return ValidSequences(usable, batch.filter(pa.array(usable)))


def _with_tags(batch: pa.RecordBatch) -> pa.RecordBatch:
    if TAGS in batch.schema.names:
        return batch
    return batch.append_column(TAGS, pa.nulls(batch.num_rows, pa.list_(pa.string())))


def _stray(tags: pa.ListArray) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_tags]` for the flattened tags: is the tag not in canonical span spelling?"""
    encoded = pc.dictionary_encode(tags.flatten())
    prefixes, _ = split_tags([tag or "" for tag in encoded.dictionary.to_pylist()])
    # null is checked elsewhere
    is_stray = np.array([prefix == "" for prefix in prefixes] + [False], np.bool_)
    return is_stray[encoded.indices.fill_null(len(prefixes)).to_numpy()]


def _holds_null(lists: pa.ListArray) -> npt.NDArray[np.bool_]:
    values = lists.flatten()
    if not values.null_count:
        return np.zeros(len(lists), np.bool_)
    return _holds(lists, mask_of(pc.is_null(values)))


def _holds(lists: pa.ListArray, is_so: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_lists]`: is `is_so` true for any element?"""
    found = np.zeros(len(lists), np.bool_)
    found[pc.list_parent_indices(lists).to_numpy()[is_so]] = True
    return found
