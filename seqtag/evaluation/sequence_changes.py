"""Test sequences that two models tag differently, from their predictions files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SchemeName
from seqtag.errors import RunDirError
from seqtag.evaluation.predictions import CONFIDENCE, DOCUMENT_ID, GOLD_TAGS, PREDICTED, TOKENS
from seqtag.io.hashing import hash_pairs, hash_sequences, hash_strings
from seqtag.tagging.partial_tags import certain_spans, judged_spans
from seqtag.tagging.ragged import UNTAGGED, distinct_or_none, flatten, relist, sequence_numbers
from seqtag.tagging.spans import Spans, matches, read_spans

SEQUENCE_ID = "sequence_id"
BEFORE, NOW, LOST, GAINED, SUREST = "before", "now", "n_lost", "n_gained", "surest_error"
_COLUMNS = (SEQUENCE_ID, DOCUMENT_ID, TOKENS, GOLD_TAGS, PREDICTED)
_BATCH = 16_384  # sequences read at once

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SequenceChanges:
    """Sequences that two models tag differently.

    n_compared     sequences of both files with the same id, tokens and gold tags
    n_relabelled   the same id and tokens, but other gold tags; not compared
    n_only_before, n_only_now   sequences of one file only
    table          the sequences that are tagged differently; those with newly wrong tokens come first, the
                   most confident error before others:
        sequence_id, document_id   string
        tokens                     list<string>
        tags                       list<string?>, gold; null: unknown
        before, now                list<string>, predicted
        confidence                 list<float32>?, of `now`
        n_lost, n_gained           int64, tokens that are newly wrong and newly right
        surest_error               float32?, highest confidence of a newly wrong token
    """

    n_compared: int
    n_relabelled: int
    n_only_before: int
    n_only_now: int
    table: pa.Table

    def renamed(self, written: Callable[[str], str]) -> SequenceChanges:
        """Return the changes with each tag as `written` returns it."""
        table = self.table.combine_chunks()
        for name in (GOLD_TAGS, BEFORE, NOW):
            values, offsets = flatten(table[name].combine_chunks())
            coded = pc.dictionary_encode(values)
            names = pa.array([written(tag) for tag in coded.dictionary.to_pylist()], pa.string())
            at = table.column_names.index(name)
            table = table.set_column(at, name, relist(names.take(coded.indices), offsets))
        return replace(self, table=table)

    @property
    def newly_wrong(self) -> pa.Table:
        """Sequences with newly wrong tokens."""
        return self.table.filter(pc.greater(self.table[LOST], 0))

    @property
    def newly_right(self) -> pa.Table:
        """Sequences with newly right tokens and no newly wrong ones."""
        return self.table.filter(pc.and_(pc.equal(self.table[LOST], 0), pc.greater(self.table[GAINED], 0)))


@dataclass(frozen=True)
class TypeChanges:
    """Changes of one entity type, in spans, or of one tag, in tokens, if the tags have no scheme.

    newly_found, newly_missed   gold spans that only the new model finds, and that only the old one found
    new_false_positives, removed_false_positives   predicted spans that are not gold, of one model only
    """

    name: str
    newly_found: int
    newly_missed: int
    new_false_positives: int
    removed_false_positives: int


def sequence_changes(before: Path, now: Path) -> SequenceChanges:
    """Compare two predictions files, of the same test split or of two.

    Memory holds 24 bytes for each sequence, and the sequences that differ. Sequences without gold tags are
    left out.

    Raises:
        RunDirError: a file is missing or damaged.
    """
    one, other = _Hashes.of(before), _Hashes.of(now)
    _, i, j = np.intersect1d(one.sequence, other.sequence, return_indices=True)
    is_same = one.gold[i] == other.gold[j]
    differs = is_same & (one.predicted[i] != other.predicted[j])
    earlier, table = _rows(before, i[differs]), _rows(now, j[differs])
    table = table.rename_columns([NOW if name == PREDICTED else name for name in table.column_names])
    table = table.add_column(table.column_names.index(NOW), BEFORE, earlier[PREDICTED])
    return SequenceChanges(
        n_compared=int(is_same.sum()),
        n_relabelled=int((~is_same).sum()),
        n_only_before=len(one.sequence) - len(i),
        n_only_now=len(other.sequence) - len(j),
        table=_sorted(table),
    )


def changes_by_type(changes: SequenceChanges, scheme: SchemeName) -> list[TypeChanges]:
    """Count the changes of each entity type, or of each tag if there is no scheme; most lost ones first."""
    table = changes.table.combine_chunks()
    lists = [table[name].combine_chunks() for name in (GOLD_TAGS, BEFORE, NOW)]
    values, offsets = zip(*map(flatten, lists), strict=True)
    ids, tags = distinct_or_none(pa.chunked_array(values).combine_chunks())
    gold, before, now = np.split(ids, 3)
    if scheme == "none":
        known = gold != UNTAGGED
        counted = _token_changes(gold[known], before[known], now[known])
        names = tags
    else:
        spans, cut = certain_spans(gold, tags, offsets[0], scheme=scheme, mode="conlleval")
        was, now_is = (
            judged_spans(read_spans(each, tags, offsets[0], scheme=scheme, mode="conlleval"), cut, offsets[0])
            for each in (before, now)
        )
        counted = _span_changes(spans, was, now_is, offsets[0])
        names = spans.types
    found = [TypeChanges(name, *(int(n[number]) for n in counted)) for number, name in enumerate(names)]
    found = [each for each in found if any(astuple(each)[1:])]
    return sorted(found, key=lambda each: (-each.newly_missed, -each.newly_found, each.name))


@dataclass(frozen=True, eq=False)
class _Hashes:
    """Hashes of the sequences of a predictions file, each `<uint64>[n_sequences]`."""

    sequence: npt.NDArray[np.uint64]  # of id and tokens
    gold: npt.NDArray[np.uint64]
    predicted: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, path: Path) -> _Hashes:
        parts: list[list[npt.NDArray[np.uint64]]] = [[], [], []]
        for batch in _batches(path):
            tokens = hash_sequences(batch.column(TOKENS))
            parts[0].append(hash_pairs(hash_strings(batch.column(SEQUENCE_ID)), tokens))
            parts[1].append(hash_sequences(batch.column(GOLD_TAGS)))
            parts[2].append(hash_sequences(batch.column(PREDICTED)))
        return cls(*(np.concatenate([np.zeros(0, np.uint64), *part]) for part in parts))


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the labelled sequences."""
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            columns = [*_COLUMNS, *({CONFIDENCE} & set(file.schema_arrow.names))]
            for batch in file.iter_batches(_BATCH, columns=columns):
                yield batch.filter(pc.is_valid(batch.column(GOLD_TAGS)))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunDirError(f"{path}: predictions cannot be read: {error}") from error


def _rows(path: Path, wanted: Numbers) -> pa.Table:
    """Return some of the labelled sequences, in the order of `wanted`."""
    in_order, first, parts = np.unique(wanted), 0, list[pa.RecordBatch]()
    for batch in _batches(path):
        here = in_order[(in_order >= first) & (in_order < first + len(batch))] - first
        parts.append(batch.take(pa.array(here)))
        first += len(batch)
    if not parts:
        raise RunDirError(f"{path}: predictions are empty: expected the sequences of a test split")
    return pa.Table.from_batches(parts).take(pa.array(np.searchsorted(in_order, wanted)))


def _sorted(table: pa.Table) -> pa.Table:
    table = table.combine_chunks()
    gold, offsets = flatten(table[GOLD_TAGS].combine_chunks())
    before, now = (flatten(table[name].combine_chunks())[0] for name in (BEFORE, NOW))
    was_right, is_right = (pc.fill_null(pc.equal(gold, each), True) for each in (before, now))
    lost = np.asarray(pc.and_not(was_right, is_right))
    gained = np.asarray(pc.and_not(is_right, was_right))
    number, n = sequence_numbers(offsets), len(table)
    surest = np.full(n, -1, np.float32)
    if CONFIDENCE in table.column_names:
        confidence = flatten(table[CONFIDENCE].combine_chunks())[0].to_numpy(zero_copy_only=False)
        np.maximum.at(surest, number[lost], confidence[lost])
    n_lost, n_gained = (np.bincount(number[mask], minlength=n) for mask in (lost, gained))
    table = table.append_column(LOST, pa.array(n_lost)).append_column(GAINED, pa.array(n_gained))
    table = table.append_column(SUREST, pa.array(surest, mask=surest < 0))
    return table.take(pa.array(np.lexsort((-n_gained, -n_lost, -surest, n_lost == 0))))


def _token_changes(gold: Numbers, before: Numbers, now: Numbers) -> list[Counter[int]]:
    was_right, is_right = before == gold, now == gold
    return [
        Counter(gold[~was_right & is_right].tolist()),
        Counter(gold[was_right & ~is_right].tolist()),
        Counter(now[~is_right & (before != now)].tolist()),
        Counter(before[~was_right & (before != now)].tolist()),
    ]


def _span_changes(gold: Spans, before: Spans, now: Spans, offsets: Numbers) -> list[Counter[int]]:
    was_found, is_found = matches(gold, before, offsets), matches(gold, now, offsets)
    is_new, is_false = ~matches(now, before, offsets), ~matches(now, gold, offsets)
    is_gone, was_false = ~matches(before, now, offsets), ~matches(before, gold, offsets)
    return [
        Counter(gold.type_id[~was_found & is_found].tolist()),
        Counter(gold.type_id[was_found & ~is_found].tolist()),
        Counter(now.type_id[is_new & is_false].tolist()),
        Counter(before.type_id[is_gone & was_false].tolist()),
    ]
