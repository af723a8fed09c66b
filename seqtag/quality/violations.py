"""Find the sequences that violate each rule, and those refused for it, once the corpus is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqtag.config import SPLITS, SchemeName
from seqtag.quality.counters import scheme_bit
from seqtag.quality.sequence_table import SequenceTable
from seqtag.quality.validation_rules import AMONG_SEQUENCES, SEQUENCE_RULES, ValidationRule, fault_bit

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_ROWS_AT_ONCE = 1 << 20  # sorted at a time


@dataclass(frozen=True)
class FailingRows:
    """Sequences with rows that fail an expectation, ascending, and the first failing token of each, from 1.

    rows, tokens: `<int64>[n]`.
    """

    rows: Rows
    tokens: Rows

    def token(self, row: int) -> int:
        """Return the number of the first failing token of a sequence."""
        return int(self.tokens[np.searchsorted(self.rows, row)])


@dataclass(frozen=True)
class TableFindings:
    """Results of the expectations on the tables of tokens and sequences."""

    results: Mapping[str, ExpectationSuiteValidationResult] = field(default_factory=dict)  # by table
    sentences: Mapping[str, str] = field(default_factory=dict)  # by rule
    errors: Mapping[str, str] = field(default_factory=dict)  # by rule that could not be evaluated
    failing: Mapping[str, FailingRows] = field(default_factory=dict)  # by rule that quarantines


@dataclass(frozen=True)
class Violations:
    """Row numbers that violate each rule, and their consequences.

    rows: rule -> `<int64>[n_violations]`, ascending, for every rule that sequences can break.
    sound: `<bool>[n]`, not refused on its own account.
    ambiguous: `<bool>[n]`, sound, and its tokens occur with other tags in another sound sequence. Sequences
        with untagged tokens neither contradict others nor are contradicted.
    kept: `<bool>[n]`, not refused at all, so part of a split.
    failing: the violations of each expectation of the tagger's file that quarantines.
    """

    rows: Mapping[str, Rows]
    sound: Mask
    ambiguous: Mask
    kept: Mask
    failing: Mapping[str, FailingRows]


def find_violations(
    table: SequenceTable,
    rules: Sequence[ValidationRule],
    *,
    scheme: SchemeName,
    min_length: int,
    failing: Mapping[str, FailingRows],
) -> Violations:
    """Return the violations of `rules`.

    Duplicate ids and conflicting labels are searched among sound sequences only, so that a broken sequence
    does not disqualify a sound one. Duplicates and leakage (of at least `min_length` tokens) are searched
    among kept sequences.

    Args:
        failing: the violations of expectations, which are searched among the sequences that all else keeps.
    """
    in_force = {rule.name: rule for rule in rules}
    found: dict[str, Mask] = {
        name: (table.faults & fault_bit(name)) > 0
        for name in SEQUENCE_RULES
        if name in in_force and name not in AMONG_SEQUENCES
    }
    if "illegal_transition" in found:
        found["illegal_transition"] = (table.illegal & scheme_bit(scheme)) > 0
    sound = ~_refused(table, found, in_force)
    if "duplicate_id" in in_force:
        found["duplicate_id"] = _shared_ids(table, among=sound)
    tagged = ~table.unlabelled & ((table.faults & fault_bit("missing_tag")) == 0)
    ambiguous = _conflicts(table.token_hash, table.tag_hash, among=sound & tagged)
    if "conflicting_labels" in in_force:
        found["conflicting_labels"] = ambiguous
    for name, each in failing.items():
        found[name] = np.zeros(len(table), dtype=np.bool_)
        found[name][each.rows] = True
    kept = ~_refused(table, found, in_force)
    found["duplicates"] = _repeats(table.token_hash, among=kept)
    found["leakage"] = _leaks(table, among=kept, min_length=min_length)
    order = {name: i for i, name in enumerate(in_force)}
    names = sorted(found, key=lambda name: order[name])
    return Violations({name: np.flatnonzero(found[name]) for name in names}, sound, ambiguous, kept, failing)


def counterpart(table: SequenceTable, findings: Violations, rule: str, row: int) -> int | None:
    """Return the first other row that `row` repeats or contradicts; None if the rule involves no other."""
    if rule == "duplicate_id":
        like = (table.id_hash == table.id_hash[row]) & findings.sound
        like[row] = False
    elif rule == "conflicting_labels":
        violations = findings.rows[rule]
        like = np.zeros(len(table), dtype=np.bool_)
        like[violations] = table.token_hash[violations] == table.token_hash[row]
        like &= table.tag_hash != table.tag_hash[row]
    elif rule == "duplicates":
        like = (table.token_hash == table.token_hash[row]) & findings.kept
    elif rule == "leakage":
        is_train = table.split == SPLITS.index("train")
        like = (table.token_hash == table.token_hash[row]) & findings.kept & is_train
    else:
        return None
    return int(np.flatnonzero(like)[0])


def first_examples(table: SequenceTable, rule: str, rows: Rows, *, limit: int) -> Rows:
    """Return the first `limit` violations, with contradictory sequences next to each other."""
    if rule != "conflicting_labels":
        return rows[:limit]
    _, first, group = np.unique(table.token_hash[rows], return_index=True, return_inverse=True)
    return rows[np.argsort(first[group], kind="stable")][:limit]


def _refused(table: SequenceTable, found: Mapping[str, Mask], rules: Mapping[str, ValidationRule]) -> Mask:
    refused = np.zeros(len(table), dtype=np.bool_)
    for name, offends in found.items():
        if rules[name].refuses:
            refused |= offends
    return refused


def _repeats(hashes: npt.NDArray[np.uint64], *, among: Mask) -> Mask:
    """Return `<bool>[n]`: is the row in `among`, with the hash of an earlier one?"""
    repeats = np.zeros(len(hashes), dtype=np.bool_)
    for rows in _rows_by_hash(hashes, among):
        order = rows[np.argsort(hashes[rows], kind="stable")]
        repeats[order[1:]] = hashes[order[1:]] == hashes[order[:-1]]
    return repeats


def _shared_ids(table: SequenceTable, *, among: Mask) -> Mask:
    """Return `<bool>[n]`: is the row in `among`, with the id of another, and not the first of identical ones?

    Of different sequences none is known to be the right one: usually they are fragments of one sequence.
    Sequences that differ only in an untagged token are different, too.
    """
    differ = _conflicts(table.id_hash, table.token_hash, among=among)
    differ |= _conflicts(table.id_hash, table.tag_hash, among=among)
    return differ | _repeats(table.id_hash, among=among)


def _conflicts(keys: npt.NDArray[np.uint64], values: npt.NDArray[np.uint64], *, among: Mask) -> Mask:
    """Return `<bool>[n]`: is the row in `among`, with a key that also occurs with another value?"""
    conflicts = np.zeros(len(keys), dtype=np.bool_)
    for rows in _rows_by_hash(keys, among):
        order = rows[np.argsort(keys[rows], kind="stable")]
        key, value = keys[order], values[order]
        is_first = np.append(True, key[1:] != key[:-1])[: len(order)]
        group = np.cumsum(is_first) - 1
        differs = value != value[is_first][group]
        in_conflict = np.zeros(int(is_first.sum()), dtype=np.bool_)
        in_conflict[group[differs]] = True
        conflicts[order] = in_conflict[group]
    return conflicts


def _leaks(table: SequenceTable, *, among: Mask, min_length: int) -> Mask:
    is_train = table.split == SPLITS.index("train")
    may_leak = ~is_train & (table.n_tokens >= min_length)
    leaks = np.zeros(len(table), dtype=np.bool_)
    for rows in _rows_by_hash(table.token_hash, among):
        leaking, train = rows[may_leak[rows]], rows[is_train[rows]]
        leaks[leaking] = np.isin(table.token_hash[leaking], table.token_hash[train])
    return leaks


def _rows_by_hash(hashes: npt.NDArray[np.uint64], among: Mask) -> Iterator[Rows]:
    """Yield the rows in `among`, ascending, about a million at a time; equal hashes are together.

    Sorting all rows at once would take several times the memory of the hashes.
    """
    n_bits = min(8, max(0, (len(hashes) // _ROWS_AT_ONCE).bit_length()))
    if not n_bits:
        yield np.flatnonzero(among)
        return
    part = (hashes >> np.uint64(64 - n_bits)).astype(np.uint8)
    for number in range(1 << n_bits):
        yield np.flatnonzero(among & (part == number))
