"""Columns that order the tokens of a sequence, times or positions, and their agreement with the rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from seqtag.corpus.formats.order_keys import Kind, declared_kind, kind_of_text
from seqtag.corpus.formats.ordering import COMMON_FORMATS
from seqtag.formatting import plural

Cells = Sequence[str]
Columns = Mapping[str, Cells]  # in the order of the file, equally long
_ORDERS = (
    *("at", "time", "timestamp", "date", "datetime"),
    *("position", "posid", "index", "idx", "order", "step"),
)
_FEWEST_DISTINCT = 0.9  # values of each sequence that differ, among all rows
_NUMBER = re.compile(r"-?\d+([.]\d+)?")
_STANDARD_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d{10,19}")  # ISO 8601, or since 1970
_DATE = re.compile(r"\d{1,4}[-/. ]([A-Za-z]{3}|\d{1,2})[-/. ]\d{2,4}([T: ].*)?")


@dataclass(frozen=True)
class Order:
    """A column that orders tokens, and its format if it is no number and no ISO 8601 time."""

    column: str
    order_format: str | None = None
    also: str | None = None  # another format that all of its values have

    @property
    def keys(self) -> dict[str, object]:
        """The keys of a source that sort its rows by the column."""
        declared = {} if self.order_format is None else {"order_format": self.order_format}
        return {"order_column": self.column, **declared}


def order_of(columns: Columns, sequence: str, *, exclude: Sequence[str]) -> Order | None:
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
    for name in names:
        if all(map(_STANDARD_TIME.fullmatch, columns[name])):
            return Order(name)
    for name in names:
        if formats := _formats_of(columns[name]):
            return Order(name, formats[0], next(iter(formats[1:]), None))
    numbered = (name for name in names if plain_name(name) in _ORDERS)
    found = next((name for name in numbered if all(map(_NUMBER.fullmatch, columns[name]))), None)
    return None if found is None else Order(found)


def disagreement(columns: Columns, sequence: str, order: Order) -> str:
    """Say how the rows of sequences disagree with a column, "" if they do not.

    Values that rise, fall and often repeat, such as positions that restart in each sentence of a document,
    order nothing.
    """
    rows: dict[str, list[Any]] = defaultdict(list)
    for each, key in zip(columns[sequence], _keys(columns[order.column], order), strict=True):
        if key is not None:
            rows[each].append(key)
    steps = {each: {(b > a) - (b < a) for a, b in pairwise(keys)} for each, keys in rows.items()}
    falling = [each for each, found in steps.items() if -1 in found]
    if not falling:
        return ""
    if not any(1 in found for found in steps.values()):
        return f"rows of sequences are in the reverse order of column {order.column!r}"
    n_distinct = sum(len(set(keys)) for keys in rows.values())
    if n_distinct < _FEWEST_DISTINCT * sum(map(len, rows.values())):
        return ""
    return f"rows are not in the order of column {order.column!r} in {plural(len(falling), 'sequence')}"


def is_time(cells: Cells) -> bool:
    """Return whether all cells are times of one kind."""
    return all(map(_STANDARD_TIME.fullmatch, cells)) or bool(_formats_of(cells))


def is_counter(cells: Cells) -> bool:
    """Return whether nearly all cells that are filled are numbers or times."""
    filled = [cell for cell in cells if cell]
    n = sum(any(kind.fullmatch(cell) for kind in (_NUMBER, _STANDARD_TIME, _DATE)) for cell in filled)
    return n > 0.9 * len(filled)


def plain_name(name: str) -> str:
    """Return a column's name without case and separators, and without the marks of spreadsheets.

    >>> plain_name("Case ID"), plain_name("time:timestamp"), plain_name("Sentence #")
    ('caseid', 'timetimestamp', 'sentence')
    """
    return re.sub(r"[\W_]+", "", name).casefold()


def _formats_of(cells: Cells) -> list[str]:
    """Return the usual formats of dates with a year that all cells have."""
    if not cells or not all(map(_DATE.fullmatch, cells)):
        return []
    first, texts = pa.array(cells[:1]), pa.array(cells)
    kinds = {each: declared_kind(each) for each in COMMON_FORMATS}
    fitting = [each for each, kind in kinds.items() if kind.cycle is None and _fits(kind, first)]
    return [each for each in fitting if _fits(kinds[each], texts)]


def _fits(kind: Kind, cells: pa.StringArray) -> bool:
    return bool(kind.keys(cells).null_count == 0)


def _keys(cells: Cells, order: Order) -> list[Any]:
    if order.order_format is not None:
        return declared_kind(order.order_format).keys(pa.array(cells)).to_pylist()
    kind = kind_of_text(cells[0])
    return [None] * len(cells) if kind is None else kind.keys(pa.array(cells)).to_pylist()
