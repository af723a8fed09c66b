"""Roles of columns, judged by their names and values: tokens, tags, sequence, split, document, order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from seqtag.config.suggestions import did_you_mean
from seqtag.corpus.formats.order_keys import kind_of_text
from seqtag.corpus.split_names import is_split_name
from seqtag.errors import ConfigError

Cells = Sequence[str]
Columns = Mapping[str, Cells]  # in the order of the file, equally long
_TOKENS = (
    *("token", "tokens", "word", "words", "form", "text", "event", "action", "activity", "item", "page"),
    "concept:name",
)
_MOST_EMPTY = 0.01  # share of a column's cells; more are hardly tokens
_TAGS = (
    *("tag", "tags", "label", "labels", "class", "annotation", "entity", "entities", "phase", "state"),
    *("ner", "ner_tag", "ner_tags", "ne", "ne_tag", "iob", "bio", "pos", "pos_tag", "pos_tags", "upos"),
)
_SEQUENCES = (
    *("sequence", "sequence_id", "seq", "seq_id", "sentence", "sentence #", "sentence_id", "sent_id", "sent"),
    *("case", "case_id", "session", "session_id", "user", "user_id", "id"),
)
_DOCUMENTS = ("doc", "doc_id", "docid", "document", "document_id")
_ORDERS = (
    "at",
    "time",
    "timestamp",
    "date",
    "datetime",
    "position",
    "pos_id",
    "index",
    "idx",
    "order",
    "step",
)
_SPAN_TAG = re.compile(r"O|[BIESLUM][-_].+")
_NUMBER = re.compile(r"-?\d+([.]\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d{10,19}")
_MOST_TAGS = 0.2  # distinct values for each token; more are hardly tags
_NO_TAG = ("", "-100", "-1")


@dataclass(frozen=True)
class Chosen:
    """Columns that the user names; None for those to find."""

    tokens: str | None = None
    tags: str | None = None
    sequence: str | None = None


@dataclass(frozen=True)
class Roles:
    """Columns by their role; `reasons` has a sentence for each choice among several candidates."""

    tokens: str
    tags: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class SequenceRoles:
    """Columns of data with one token per row that say which rows form a sequence."""

    sequence: str
    reasons: tuple[str, ...] = ()
    first_row: bool = False  # the id is only in the first row of a sequence
    order: str | None = None  # needed if the rows of a sequence are not adjacent, or not in its order
    interleaved: bool = False


def token_and_tag(columns: Columns, chosen: Chosen, *, place: str) -> Roles:
    """Choose the columns of tokens and tags.

    Tags look like spans (`B-PER`), or have few distinct values; tokens have many. Names count, too.

    Raises:
        ConfigError: a chosen column does not exist, or there are fewer than two.
    """
    require_columns(columns, (chosen.tokens, chosen.tags), place=place)
    if len(columns) < 2:
        raise ConfigError(
            f"{place}: no column for tags: expected tokens and tags in two columns, got "
            f"{', '.join(map(repr, columns)) or 'none'}; add the tags"
        )
    position = {name: number for number, name in enumerate(columns)}
    by_tags = sorted(
        (name for name in columns if name != chosen.tokens),
        key=lambda name: (*_like_tags(name, columns[name]), position[name]),
        reverse=True,
    )
    tags = chosen.tags or by_tags[0]
    by_tokens = sorted(
        (name for name in columns if name != tags),
        key=lambda name: (*_like_tokens(name, columns[name]), -position[name]),
        reverse=True,
    )
    tokens = chosen.tokens or by_tokens[0]
    others = [name for name in by_tags[1:] if name != tokens and any(_like_tags(name, columns[name])[:2])]
    reasons = []
    if chosen.tags is None and others:
        why = _shown(columns[tags])
        reasons.append(
            f"column {tags!r} is read as the tags ({why}), not {others[0]!r}; --tags names another"
        )
    return Roles(tokens, tags, tuple(reasons))


def sequence_roles(columns: Columns, roles: Roles, chosen: Chosen, *, place: str) -> SequenceRoles | None:
    """Choose the column that says which rows form a sequence, None if there is none.

    Its values are the same in some adjacent rows, or only in the first row of a sequence; or they alternate,
    as in a log, and another column has the time.

    Raises:
        ConfigError: the chosen column does not exist.
    """
    require_columns(columns, (chosen.sequence,), place=place)
    used = (roles.tokens, roles.tags)
    others = [name for name in columns if name not in used] if chosen.sequence is None else [chosen.sequence]
    blank = [name for name in others if _is_first_row(columns[name])]
    if blank:
        return SequenceRoles(blank[0], first_row=True)
    n_runs = {name: _n_runs(columns[name]) for name in others}
    n_rows = len(columns[roles.tokens])
    adjacent = [
        name
        for name in others
        if n_runs[name] == len(set(columns[name]))
        and 1 < n_runs[name] < n_rows
        and "" not in columns[name]
        and (name == chosen.sequence or not all(map(_TIME.fullmatch, columns[name])))
    ]
    if adjacent:
        return _adjacent_roles(columns, adjacent, chosen, used=used)
    repeated = [
        name
        for name in others
        if 1 < len(set(columns[name])) < n_runs[name] and len(set(columns[name])) < n_rows
    ]
    named = [name for name in repeated if name.casefold() in _SEQUENCES] or (
        repeated if chosen.sequence else []
    )
    if not named:
        return None
    order = order_column(columns, named[0], exclude=used)
    why = (
        f"column {named[0]!r} is read as the sequence id; its rows are not adjacent, so they are gathered"
        + (f" and sorted by {order!r}" if order else " in file order")
        + "; --sequence names another column"
    )
    return SequenceRoles(named[0], (why,), order=order, interleaved=True)


def _adjacent_roles(
    columns: Columns, candidates: Sequence[str], chosen: Chosen, *, used: Sequence[str]
) -> SequenceRoles:
    """Choose among columns whose values are the same in adjacent rows; sort rows that another reverses."""
    named = [name for name in candidates if name.casefold() in _SEQUENCES]
    best = max(named or candidates, key=lambda name: _n_runs(columns[name]))
    other = next((name for name in candidates if name != best and not _is_known(name, columns)), None)
    reasons = []
    if other and chosen.sequence is None:
        reasons.append(f"column {best!r} is read as the sequence id, not {other!r}; --sequence names another")
    order = order_column(columns, best, exclude=used)
    if order is None or not _falls(columns[order], columns[best]):
        return SequenceRoles(best, tuple(reasons))
    reasons.append(
        f"column {order!r} decreases within sequences, so their rows are sorted by it; remove order_column "
        "to keep the order of the file"
    )
    return SequenceRoles(best, tuple(reasons), order=order)


def order_column(columns: Columns, sequence: str, *, exclude: Sequence[str]) -> str | None:
    """Return the column of times or positions, None without one; one that no sequence varies is none.

    Args:
        sequence: the column that says which rows form a sequence.
    """
    n_sequences = len(set(columns[sequence]))
    names = [
        name
        for name, cells in columns.items()
        if name not in (*exclude, sequence)
        and len(set(zip(columns[sequence], cells, strict=True))) > n_sequences
    ]
    times = [name for name in names if all(map(_TIME.fullmatch, columns[name]))]
    numbered = [
        name for name in names if name.casefold() in _ORDERS and all(map(_NUMBER.fullmatch, columns[name]))
    ]
    return next(iter([*times, *numbered]), None)


def split_column(columns: Columns) -> str | None:
    """Return the column whose values all name splits, None without one."""
    return next(
        (name for name, cells in columns.items() if cells and all(map(is_split_name, set(cells)))), None
    )


def document_column(columns: Columns) -> str | None:
    """Return the column with the name of a document id, None without one."""
    found = (name for name, cells in columns.items() if name.casefold() in _DOCUMENTS and all(cells))
    return next(found, None)


def has_untagged(tags: Cells) -> bool:
    """Return whether a column of tags has cells that mean no tag."""
    return any(tag in _NO_TAG for tag in tags)


def require_columns(columns: Columns, names: Sequence[str | None], *, place: str) -> None:
    """Check that columns exist.

    Raises:
        ConfigError: one does not.
    """
    for name in names:
        if name is not None and name not in columns:
            raise ConfigError(
                f"{place}: no column {name!r}: expected one of {', '.join(map(repr, columns))}"
                f"{did_you_mean(name, columns)}"
            )


def _like_tags(name: str, cells: Cells) -> tuple[bool, bool, bool]:
    distinct = set(cells) - {""}
    spans = (
        len(distinct) > 1
        and all(map(_SPAN_TAG.fullmatch, distinct))
        and any(len(tag) > 1 for tag in distinct)
    )
    few = 1 < len(distinct) <= max(2, _MOST_TAGS * len(cells))
    return spans, few and name.casefold() in _TAGS, few and not _is_counter(cells)


def _like_tokens(name: str, cells: Cells) -> tuple[bool, bool, bool, int]:
    is_filled = cells.count("") <= _MOST_EMPTY * len(cells)
    return name.casefold() in _TOKENS, is_filled, not _is_counter(cells), len(set(cells))


def _is_counter(cells: Cells) -> bool:
    """Return whether nearly all cells that are filled are numbers or times."""
    filled = [cell for cell in cells if cell]
    n = sum(1 for cell in filled if _NUMBER.fullmatch(cell) or _TIME.fullmatch(cell))
    return n > 0.9 * len(filled)


def _is_known(name: str, columns: Columns) -> bool:
    """Return whether a column has another role."""
    return name in (split_column({name: columns[name]}), document_column({name: columns[name]}))


def _is_first_row(cells: Cells) -> bool:
    """Return whether values are only in the first rows of sequences, and differ."""
    filled = [cell for cell in cells if cell]
    return bool(cells and cells[0]) and 1 <= len(filled) < len(cells) and len(set(filled)) == len(filled)


def _n_runs(cells: Cells) -> int:
    return sum(1 for before, cell in zip([None, *cells], cells, strict=False) if cell != before)


def _falls(order: Cells, ids: Cells) -> bool:
    """Return whether rows of sequences are in reverse, or in another order than that of distinct values.

    Values that rise, fall and repeat, such as positions that restart in each sentence of a document, order
    nothing.
    """
    kind = kind_of_text(order[0])
    keys = [] if kind is None else kind.keys(pa.array(order)).to_pylist()
    rows = [(each, key) for each, key in zip(ids, keys, strict=False) if key is not None]
    steps = [(one[1] < other[1]) - (one[1] > other[1]) for one, other in pairwise(rows) if one[0] == other[0]]
    return -1 in steps and (1 not in steps or len(set(rows)) == len(rows))


def _shown(cells: Cells) -> str:
    counts = Counter(cells)
    return f"{len(counts)} values, such as {', '.join(name for name, _ in counts.most_common(3))}"
