"""Describe one violation: the finding, its place, and an excerpt of tokens and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa

from seqtag.config import QualityConfig, ReadColumn, SchemeName, TagsConfig
from seqtag.corpus.schema import DEFECT, SEQUENCE_ID, SPLIT, TAGS, TOKENS
from seqtag.corpus.token_values import invalid_values, is_parsed
from seqtag.formatting import escaped, shortened
from seqtag.quality.validation_rules import expectation_rule
from seqtag.tagging.schemes import PREFIXES, legal_transitions
from seqtag.tagging.spelling import CANONICAL_SPELLING, PATTERNS, UNTAGGED, Spelling, split_like

_BEFORE, _AFTER = 4, 8  # tokens shown around the position
_LONGEST = 40  # characters of a token, a tag or an id that are shown
_LONGEST_PLACE = 200
_OF_ANOTHER = {  # {other}: place in the source, or row in the snapshot
    "duplicate_id": "{other} has the same id",
    "conflicting_labels": "{other} has the same tokens but different tags",
    "duplicates": "{other} has the same tokens",
    "leakage": "{other} in train has the same tokens",
}
_SCHEME_OF = {  # a scheme that uses the prefix
    "B": "IOB2",
    "I": "IOB2",
    "E": "IOBES",
    "S": "IOBES",
    "L": "BILOU",
    "U": "BILOU",
    "M": "BMES",
    "W": "BMEWO",
}


@dataclass(frozen=True)
class Violation:
    """One row of the frame of violations; `row` is None if it does not concern a single sequence."""

    rule: str
    row: int | None
    sequence_id: str
    split: str
    finding: str
    excerpt: str
    place: str = ""  # start of the sequence in its source: "train.conll:17"
    other: int | None = None  # row that it repeats or contradicts

    @property
    def sentence(self) -> str:
        """Place and finding; a defect found by the reader already names its place."""
        where = self.place or ("" if self.row is None else f"sequence {self.sequence_id} (row {self.row})")
        return f"{where}: {self.finding}" if where and self.rule != "broken_sequence" else self.finding


@dataclass(frozen=True)
class Requirements:
    """Requirements that a sequence is checked against."""

    scheme: SchemeName
    declared: tuple[str, ...] | None
    max_length: int
    spelling: Spelling = CANONICAL_SPELLING
    unlabelled: str = "-"  # the tag that marks an untagged token
    partial: bool = False  # untagged tokens are allowed
    expectations: Mapping[str, str] = field(default_factory=dict)  # of the tagger's file, by rule
    columns: tuple[ReadColumn, ...] = ()  # of the tokens

    @classmethod
    def of(
        cls,
        scheme: SchemeName,
        tags: TagsConfig,
        quality: QualityConfig,
        spelling: Spelling,
        columns: Sequence[ReadColumn] = (),
    ) -> Self:
        rules = (expectation_rule(name, each) for name, each in quality.expectations.items())
        return cls(
            scheme,
            tags.declared,
            quality.max_length,
            spelling,
            tags.unlabelled,
            tags.partial,
            {rule.name: rule.required for rule in rules},
            tuple(columns),
        )

    @property
    def mark(self) -> str | None:
        """The tag that marks an untagged token; None if every token needs a tag."""
        return self.unlabelled if self.partial else None

    def hint(self, tag: str | None) -> str:
        """Suggest how to read a tag as untagged, if it looks like a mark; else ""."""
        if not tag or (tag != self.unlabelled and tag.casefold() not in UNTAGGED):
            return ""
        keys = [] if self.partial else ["tags.partial = true"]
        if tag != self.unlabelled:
            keys.append(f'tags.unlabelled = "{printable(tag)}"')
        return f"; if it marks untagged tokens, set {' and '.join(keys)}" if keys else ""


def describe(
    rule: str,
    row: int,
    sequence: Mapping[str, Any],
    *,
    other: int | None,
    required: Requirements,
    token: int | None = None,
) -> Violation:
    """Describe how a sequence breaks `rule`.

    Args:
        other: the row that it repeats or contradicts.
        token: the token, from 1, that fails an expectation of the tagger's file; 0 or None: not a token.
    """
    tokens: list[str | None] = sequence[TOKENS]
    tags: list[str | None] | None = sequence[TAGS]
    if tags is not None and required.partial:
        tags = [None if tag == required.unlabelled else tag for tag in tags]
    if rule in required.expectations:
        failed = f"fails {required.expectations[rule]}"
        finding, place = (f"token {token} {failed}", token - 1) if token else (failed, 0)
    else:
        finding, place = _finding(rule, tokens, tags, sequence, other=other, required=required)
    return Violation(
        rule=rule,
        row=row,
        sequence_id=printable(sequence[SEQUENCE_ID]),
        split=printable(sequence[SPLIT]),
        finding=finding,
        excerpt=excerpt(tokens, tags, place=place),
        other=other,
    )


def located(violation: Violation, places: Mapping[int, str]) -> Violation:
    """Return the violation with the places of its row and of the other row.

    Args:
        places: row -> place.
    """
    if violation.row is None:
        return violation
    other = None if violation.other is None else places.get(violation.other)
    finding = _OF_ANOTHER[violation.rule].format(other=_shown(other)) if other else violation.finding
    return replace(violation, place=_shown(places.get(violation.row, "")), finding=finding)


def _shown(place: str) -> str:
    return printable(place, longest=_LONGEST_PLACE) if place else ""


def excerpt(tokens: Sequence[str | None], tags: Sequence[str | None] | None, *, place: int) -> str:
    """Return the tokens around `place`, each with its tag.

    >>> excerpt(["EU", "rejects", ""], ["B-ORG", "O", None], place=0)
    'EU/B-ORG rejects/O (empty)/(null)'
    """
    length = max(len(tokens), len(tags or ()))
    start, stop = max(0, place - _BEFORE), min(length, place + _AFTER)
    words = []
    for i in range(start, stop):
        word = printable(tokens[i]) if i < len(tokens) else "(no token)"
        if tags is not None:
            word += "/" + (printable(tags[i]) if i < len(tags) else "(no tag)")
        words.append(word)
    return ("… " if start else "") + " ".join(words) + (" …" if stop < length else "")


def printable(text: str | None, *, longest: int = _LONGEST) -> str:
    r"""Return printable text: invisible characters are escaped, long text is cut.

    >>> printable("a\nb"), printable(""), printable(None)
    ('a\\nb', '(empty)', '(null)')
    """
    if text is None:
        return "(null)"
    if not text:
        return "(empty)"
    return escaped(shortened(text, longest))


def _finding(
    rule: str,
    tokens: Sequence[str | None],
    tags: Sequence[str | None] | None,
    sequence: Mapping[str, Any],
    *,
    other: int | None,
    required: Requirements,
) -> tuple[str, int]:
    """Return a sentence and the position of the token that it concerns."""
    if rule == "illegal_transition":
        return _illegal_transition(tags or (), required)
    if rule == "empty_token":
        place = next((i for i, token in enumerate(tokens) if not token), 0)
        return (f"token {place + 1} is {printable(tokens[place])}" if tokens else "no tokens"), place
    if rule == "length_mismatch":
        return _length_mismatch(tokens, tags)
    if rule == "missing_tag":
        return _missing_tag(tags or ())
    if rule == "invalid_value":
        return _invalid_value(sequence, required)
    if rule == "unknown_tag":
        known = set(required.declared or ())
        place = next(i for i, tag in enumerate(tags or ()) if tag and tag not in known)
        tag = (tags or ())[place]
        return f"token {place + 1}: tag {_undeclared(tag, required)}{required.hint(tag)}", place
    sentences = {
        "broken_sequence": printable(sequence[DEFECT], longest=400),
        "over_long": f"{len(tokens):,} tokens, more than quality.max_length = {required.max_length}",
        "unknown_split": f"split {printable(sequence[SPLIT])} is unknown; map it with split_names",
    }
    return sentences.get(rule) or _OF_ANOTHER[rule].format(other=f"row {other}"), 0


def _undeclared(tag: str | None, required: Requirements) -> str:
    canonical = required.spelling.canonical(tag or "")
    if canonical in (required.declared or ()):
        return (
            f"{printable(tag)} is declared as {printable(canonical)}; declare tags as the corpus spells them"
        )
    return f"{printable(tag)} is not declared"


def _illegal_transition(tags: Sequence[str | None], required: Requirements) -> tuple[str, int]:
    """Find the first illegal transition; nothing is illegal next to an untagged token."""
    scheme, spelling = required.scheme, required.spelling
    distinct = sorted({tag or "" for tag in tags})
    legal = legal_transitions([spelling.canonical(tag) for tag in distinct], scheme)
    exists = np.asarray(legal[:-1].any(axis=1))
    if "" in distinct:
        hidden = distinct.index("")
        legal[hidden], legal[:, hidden] = True, True
    boundary = len(distinct)
    ids = [boundary, *(distinct.index(tag or "") for tag in tags), boundary]
    place = int(np.argmin(legal[ids[:-1], ids[1:]]))
    lone = _lone(tags[place - 1], "B", required) if place else ""
    if place == len(tags):
        return f"{printable(tags[-1])} cannot end a sequence in {scheme}{lone}", place - 1
    after = f"cannot follow {printable(tags[place - 1])}" if place else "cannot begin a sequence"
    tag = tags[place]
    if exists[ids[place + 1]]:
        lone = lone or _lone(tag, "E", required)
        return f"token {place + 1}: {printable(tag)} {after} in {scheme}{lone}", place
    why = _no_tag(tag or "", scheme, spelling) + required.hint(tag)
    return f"token {place + 1}: {printable(tag)} {why}", place


def _lone(tag: str | None, prefix: str, required: Requirements) -> str:
    """Suggest the key if one-token spans may be marked with the prefix of longer ones; else ""."""
    if required.scheme != "IOBES" or not required.spelling.canonical(tag or "").startswith(prefix):
        return ""
    return (
        f'; if {printable(tag)} alone marks a one-token span, set [quality.rules] illegal_transition = "warn"'
    )


def _no_tag(tag: str, scheme: SchemeName, spelling: Spelling) -> str:
    """Explain why a tag does not belong to a scheme, and the key that would read it."""
    missing = f"is not a tag in {scheme}"
    letter, type_ = split_like(tag, spelling.pattern)
    if letter and (type_ or letter not in PREFIXES):
        prefix = tag.removesuffix(type_) if spelling.pattern.endswith("X") else tag.removeprefix(type_)
        name = _SCHEME_OF[letter]
        if scheme == "IOBES":  # another letter is in use for it
            return f"{missing}: prefix {prefix} is not in use here ({spelling.sample(scheme)}); respell it"
        return (
            f"{missing}: prefix {prefix} belongs to {name}; declare tags.scheme "
            f'= "{name}", or "none" if tags label single tokens'
        )
    for pattern in PATTERNS:
        letter, type_ = split_like(tag, pattern)
        if letter and type_ and pattern != spelling.pattern:
            return (
                f"{missing}: it is spelled {pattern}, the others {spelling.pattern}; respell it, or declare "
                f'tags.spelling = "{pattern}" if the others are wrong'
            )
    if tag.isalpha() and len(tag) > 1:
        return missing
    return (
        f"{missing}, where {spelling.outside} is the outside tag; declare tags.outside = "
        f'"{printable(tag)}" if this is it'
    )


def _length_mismatch(tokens: Sequence[str | None], tags: Sequence[str | None] | None) -> tuple[str, int]:
    if tags is None:
        return f"{len(tokens):,} tokens, unlabelled", 0
    return f"{len(tokens):,} tokens, {len(tags):,} tags", max(0, min(len(tokens), len(tags)) - 1)


def _invalid_value(sequence: Mapping[str, Any], required: Requirements) -> tuple[str, int]:
    for column in filter(is_parsed, required.columns):
        values = pa.array(sequence[column.name] or [], pa.string())
        wrong = np.flatnonzero(invalid_values(values, column))
        if len(wrong):
            expected = (
                "a finite number" if column.kind == "number" else f"a time ({column.format or 'ISO 8601'})"
            )
            place = int(wrong[0])
            found = printable(values[place].as_py())
            return f"token {place + 1}: column {column.name!r}: expected {expected}, got {found}", place
    raise ValueError("no value is invalid")


def _missing_tag(tags: Sequence[str | None]) -> tuple[str, int]:
    place = next(i for i, tag in enumerate(tags) if not tag)
    has = "has no tag" if tags[place] is None else "has an empty tag"
    return f"token {place + 1} {has}; set tags.partial = true to train on the others", place
