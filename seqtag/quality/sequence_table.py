"""Single pass over the whole snapshot: a compact record per sequence, and corpus-wide counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SPLITS, QualityConfig, ReadColumn, SplitConfig, TagsConfig
from seqtag.corpus.schema import DEFECT, SEQUENCE_ID, SPLIT, TAGS, TOKENS
from seqtag.corpus.split_plan import assign_splits, plan_splits
from seqtag.corpus.token_values import invalid_values, is_parsed
from seqtag.corpus.untagged import known_tags
from seqtag.io.arrays import mask_of
from seqtag.io.hashing import hash_contents, hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.counters import TagCounter, TransitionCounter, WordTypeCounts, broken_schemes
from seqtag.quality.snapshot_reader import CodedLists
from seqtag.quality.validation_rules import UNKNOWN_SPLIT, fault_bit
from seqtag.tagging.ragged import flatten
from seqtag.tagging.scheme_detection import SchemeVerdict
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling


@dataclass(frozen=True)
class SequenceTable:
    """Compact record of every sequence (34 bytes): one element per array, in reading order."""

    id_hash: npt.NDArray[np.uint64]  # of the id and the split named by the source
    token_hash: npt.NDArray[np.uint64]  # of the tokens and of the columns that the model reads
    tag_hash: npt.NDArray[np.uint64]
    n_tokens: npt.NDArray[np.int32]
    split: npt.NDArray[np.int8]  # position in SPLITS
    label: npt.NDArray[np.int8]  # position in SPLITS of the split named by the source; -1: none, or ignored
    unlabelled: npt.NDArray[np.bool_]  # has no tags
    faults: npt.NDArray[np.uint16]  # bit i: breaks SEQUENCE_RULES[i]
    illegal: npt.NDArray[np.uint8]  # bit i: has a transition that is illegal under SPAN_SCHEMES[i]

    def __len__(self) -> int:
        return len(self.n_tokens)


@dataclass(frozen=True)
class MeasuredCorpus:
    """Result of the pass."""

    table: SequenceTable
    tags: TagCounter
    types: WordTypeCounts
    scheme: SchemeVerdict  # as detected, regardless of the declared one
    spelling: Spelling  # of the tags


class Splitter:
    """Split assignment, as numbers; the same that `split_corpus` will make."""

    def __init__(self, parts: Sequence[Path], config: SplitConfig) -> None:
        self._config = config
        self.plan = plan_splits(parts, config)

    def numbers(self, batch: pa.RecordBatch) -> npt.NDArray[np.int8]:
        """Return `<int8>[n]`, positions in SPLITS."""
        names = assign_splits(batch, plan=self.plan)
        return pc.index_in(names, pa.array(SPLITS)).to_numpy().astype(np.int8)

    def is_unknown(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n]`: does the source name an unknown split, or none where one is mandatory?"""
        named = pc.is_in(batch.column(SPLIT), pa.array([*SPLITS, None], pa.string()))
        if self._config.mode == "official":
            named = pc.is_in(batch.column(SPLIT), pa.array(SPLITS))
        return ~mask_of(named)


def measure_corpus(
    parts: Sequence[Path],
    *,
    tags: TagsConfig,
    quality: QualityConfig,
    splitter: Splitter,
    columns: Sequence[ReadColumn] = (),
) -> MeasuredCorpus:
    """Read the snapshot once, by row group, and collect what the rules need.

    Args:
        columns: columns of the tokens, whose values are checked.
    """
    tag_counter, type_counts, transitions = TagCounter(), WordTypeCounts(), TransitionCounter()
    table = _empty_table(sum(pq.read_metadata(part).num_rows for part in parts))
    names = [column.name for column in columns]
    for first_row, batch in read_row_groups(parts, coded=[TOKENS, TAGS]):
        tokens_of = CodedLists.of(batch.column(TOKENS))
        tags_of = CodedLists.of(known_tags(batch.column(TAGS), tags.mark))
        split = splitter.numbers(batch)
        tag_counter.add(tags_of, split)
        type_counts.add(tokens_of, split)
        mismatched = _is_mismatched(batch, partial=tags.partial)
        untagged = tags_of.any(tags_of.is_blank)
        aligned = ~mismatched & ~tags_of.is_null & (tags.partial | ~untagged)
        defect = mask_of(batch.column(DEFECT).is_valid())
        faults = {
            "broken_sequence": defect,
            "length_mismatch": mismatched,
            "missing_tag": untagged,
            "empty_token": has_empty_token(tokens_of),
            "unknown_tag": tags_of.any(_is_undeclared(tags_of, tags.declared)),
            "over_long": tokens_of.lengths > quality.max_length,
            "invalid_value": has_invalid_value(batch, columns),
            UNKNOWN_SPLIT: splitter.is_unknown(batch),
        }
        of_batch = {
            "id_hash": _id_hashes(batch),
            "token_hash": hash_contents(tokens_of.hashes, {name: batch.column(name) for name in names}),
            "tag_hash": tags_of.hashes,
            "n_tokens": tokens_of.lengths,
            "split": split,
            "label": splitter.plan.labels(batch),
            "unlabelled": tags_of.is_null,
            "faults": _packed(faults),
            "illegal": transitions.add(tags_of, aligned & ~defect),
        }
        for name, values in of_batch.items():
            getattr(table, name)[first_row : first_row + len(batch)] = values
    verdict = transitions.verdict(tags)
    declared = tags.scheme
    spelling = verdict.spelling if declared == "auto" else transitions.spelling(tags, declared)
    if spelling != CANONICAL_SPELLING:  # known only now; legality was checked for the canonical one
        table = replace(table, illegal=_illegal_as_spelled(parts, table, spelling, tags))
    return MeasuredCorpus(table, tag_counter, type_counts, verdict, spelling)


def _illegal_as_spelled(
    parts: Sequence[Path], table: SequenceTable, spelling: Spelling, tags: TagsConfig
) -> npt.NDArray[np.uint8]:
    """Reread the tags and return `SequenceTable.illegal` for their actual spelling."""
    unjudged = fault_bit("length_mismatch") | fault_bit("broken_sequence")
    if not tags.partial:
        unjudged |= fault_bit("missing_tag")
    aligned = ((table.faults & unjudged) == 0) & ~table.unlabelled
    illegal = [np.zeros(0, np.uint8)]
    for first_row, batch in read_row_groups(parts, [TAGS], coded=[TAGS]):
        here = aligned[first_row : first_row + len(batch)]
        tags_of = CodedLists.of(known_tags(batch.column(TAGS), tags.mark))
        illegal.append(broken_schemes(tags_of, here, spelling))
    return np.concatenate(illegal)


def _id_hashes(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """Return hashes of split and id, since train and test of a source may both be numbered from 1."""
    split = pc.fill_null(batch.column(SPLIT), "")
    return hash_strings(pc.binary_join_element_wise(split, batch.column(SEQUENCE_ID), "\0"))


def _is_mismatched(batch: pa.RecordBatch, *, partial: bool) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`: do the numbers of tags and tokens differ? With `partial`, tags may be null."""
    n_tokens, n_tags = (pc.list_value_length(batch.column(name)) for name in (TOKENS, TAGS))
    differ = pc.fill_null(pc.not_equal(n_tokens, n_tags), not partial)
    return mask_of(differ)


def has_empty_token(tokens: CodedLists) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`: has no tokens, or one that is null or empty?"""
    found: npt.NDArray[np.bool_] = tokens.any(tokens.is_blank) | (tokens.lengths == 0)
    return found


def has_invalid_value(batch: pa.RecordBatch, columns: Sequence[ReadColumn]) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`: has a value that is no number or time where `columns` read one?"""
    found = np.zeros(len(batch), dtype=np.bool_)
    for column in filter(is_parsed, columns):
        values, offsets = flatten(batch.column(column.name))
        wrong = np.flatnonzero(invalid_values(values, column))
        found[np.searchsorted(offsets, wrong, side="right") - 1] = True
    return found


def _is_undeclared(tags: CodedLists, declared: tuple[str, ...] | None) -> npt.NDArray[np.bool_]:
    if declared is None:
        return np.zeros(len(tags.distinct), dtype=np.bool_)
    known = mask_of(pc.is_in(tags.distinct, pa.array(declared, pa.string())))
    undeclared: npt.NDArray[np.bool_] = ~known & ~tags.is_blank  # a blank tag counts as missing
    return undeclared


def _packed(faults: dict[str, npt.NDArray[np.bool_]]) -> npt.NDArray[np.uint16]:
    bits = [np.where(broken, fault_bit(rule), 0).astype(np.uint16) for rule, broken in faults.items()]
    packed: npt.NDArray[np.uint16] = np.bitwise_or.reduce(bits)
    return packed


def _empty_table(n: int) -> SequenceTable:
    """Return a table to be filled; parts that are joined at the end would take twice the memory."""
    return SequenceTable(
        id_hash=np.empty(n, np.uint64),
        token_hash=np.empty(n, np.uint64),
        tag_hash=np.empty(n, np.uint64),
        n_tokens=np.empty(n, np.int32),
        split=np.empty(n, np.int8),
        label=np.empty(n, np.int8),
        unlabelled=np.empty(n, np.bool_),
        faults=np.empty(n, np.uint16),
        illegal=np.empty(n, np.uint8),
    )
