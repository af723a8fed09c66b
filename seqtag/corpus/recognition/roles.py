"""Roles of columns, judged by their names and values: tokens, tags, sequence, split, document, order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seqtag.config.suggestions import did_you_mean
from seqtag.corpus.recognition.order_roles import (
    Cells,
    Columns,
    Order,
    disagreement,
    is_counter,
    is_time,
    order_of,
    plain_name,
)
from seqtag.corpus.split_names import is_split_name
from seqtag.errors import ConfigError

# Plain names of columns.
_TOKENS = (
    *("token", "tokens", "word", "words", "form", "text", "event", "action", "item", "page"),
    *("conceptname", "activity", "activityid", "activityname", "activityen", "eventname"),  # process mining
)
_MOST_EMPTY = 0.01  # share of a column's cells; more are hardly tokens
_TAGS = (
    *("tag", "tags", "label", "labels", "class", "annotation", "entity", "entities", "phase", "state"),
    *("ner", "nertag", "nertags", "ne", "netag", "iob", "bio", "pos", "postag", "postags", "upos"),
)
_SEQUENCES = (
    *("sequence", "sequenceid", "seq", "seqid", "sentence", "sentenceid", "sentid", "sent"),
    *("case", "caseid", "casekey", "caseconceptname", "trace", "traceid"),
    *("session", "sessionid", "user", "userid", "id"),
)
_DOCUMENTS = ("doc", "doc_id", "docid", "document", "document_id")
_SPAN_TAG = re.compile(r"O|[BIESLUM][-_].+")
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
    order: Order | None = None  # needed if the rows of a sequence are not adjacent, or not in its order
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
        and (name == chosen.sequence or not is_time(columns[name]))
    ]
    if adjacent:
        return _adjacent_roles(columns, adjacent, chosen, used=used)
    repeated = [
        name
        for name in others
        if 1 < len(set(columns[name])) < n_runs[name] and len(set(columns[name])) < n_rows
    ]
    named = [name for name in repeated if plain_name(name) in _SEQUENCES] or (
        repeated if chosen.sequence else []
    )
    if not named:
        return None
    order = order_of(columns, named[0], exclude=used)
    why = (
        f"column {named[0]!r} is read as the sequence id; its rows are not adjacent, so they are gathered"
        + (f" and sorted by {order.column!r}" if order else " in file order")
        + "; --sequence names another column"
    )
    return SequenceRoles(named[0], (why, *_format_reasons(order)), order=order, interleaved=True)


def _adjacent_roles(
    columns: Columns, candidates: Sequence[str], chosen: Chosen, *, used: Sequence[str]
) -> SequenceRoles:
    """Choose among columns whose values are the same in adjacent rows; sort rows that another reverses."""
    named = [name for name in candidates if plain_name(name) in _SEQUENCES]
    best = max(named or candidates, key=lambda name: _n_runs(columns[name]))
    other = next((name for name in candidates if name != best and not _is_known(name, columns)), None)
    reasons = []
    if other and chosen.sequence is None:
        reasons.append(f"column {best!r} is read as the sequence id, not {other!r}; --sequence names another")
    order = order_of(columns, best, exclude=used)
    why = "" if order is None else disagreement(columns, best, order)
    if not why:
        return SequenceRoles(best, tuple(reasons))
    reasons.append(f"{why}, so they are sorted by it; remove order_column to keep the order of the file")
    return SequenceRoles(best, (*reasons, *_format_reasons(order)), order=order)


def _format_reasons(order: Order | None) -> list[str]:
    """Return a sentence if the dates of an order column have two formats."""
    if order is None or order.also is None:
        return []
    return [f"dates in {order.column!r} fit {order.order_format!r} and {order.also!r}; correct order_format"]


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
    return spans, few and plain_name(name) in _TAGS, few and not is_counter(cells)


def _like_tokens(name: str, cells: Cells) -> tuple[bool, bool, bool, int]:
    is_filled = cells.count("") <= _MOST_EMPTY * len(cells)
    return plain_name(name) in _TOKENS, is_filled, not is_counter(cells), len(set(cells))


def _is_known(name: str, columns: Columns) -> bool:
    """Return whether a column has another role."""
    return name in (split_column({name: columns[name]}), document_column({name: columns[name]}))


def _is_first_row(cells: Cells) -> bool:
    """Return whether values are only in the first rows of sequences, and differ."""
    filled = [cell for cell in cells if cell]
    return bool(cells and cells[0]) and 1 <= len(filled) < len(cells) and len(set(filled)) == len(filled)


def _n_runs(cells: Cells) -> int:
    return sum(1 for before, cell in zip([None, *cells], cells, strict=False) if cell != before)


def _shown(cells: Cells) -> str:
    counts = Counter(cells)
    return f"{len(counts)} values, such as {', '.join(name for name, _ in counts.most_common(3))}"
