"""Order columns: detection of the kind of their values, and sort keys for rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.order_format import EPOCH_DIGITS
from seqtag.config.source_columns import LongColumns
from seqtag.corpus.formats.order_keys import (
    NUMBER,
    Kind,
    declared_kind,
    key_type_of,
    kind_of_text,
    kind_of_type,
)
from seqtag.corpus.formats.token_rows import KEY, ROW, name_of, set_defects
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import Positions
from seqtag.corpus.whitespace import stripped
from seqtag.errors import CorpusFormatError
from seqtag.formatting import first_line
from seqtag.io.arrays import mask_of, positions_of, with_column

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y")
_SHORT_DATES = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
_TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M:%S.%f %p")
_LOG_TIMES = ("%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z")  # of web servers, of mail
COMMON_FORMATS = (
    *_DATES,
    *_SHORT_DATES,
    *_TIMES,
    *_LOG_TIMES,
    *(f"{date} {time}" for date in (*_DATES, *_SHORT_DATES) for time in _TIMES),
)
_PLAUSIBLE = (315_532_800, 4_102_444_800)  # seconds since 1970: from 1980 to 2100
_KEEP = "leave order_column out to keep the order of the rows"


@dataclass(frozen=True)
class _First:
    """The first value of an order column, which determines the kind of all others."""

    kind: Kind
    shown: str
    row: int


@dataclass(frozen=True)
class _Sections:
    """Signs of section numbers such as 1.9 and 1.10: no program writes decimal fractions in both ways."""

    long: tuple[str, str] | None = None  # the first with a trailing zero, and its place
    has_short: bool = False

    def after(self, cells: pa.StringArray, row: int, name: str) -> _Sections:
        """Return the signs after more cells, the first of which is in `row`."""
        if not pc.any(pc.match_substring(cells, ".")).as_py():
            return self
        long = self.long
        if long is None:
            found = np.flatnonzero(pc.fill_null(pc.match_substring_regex(cells, r"\.[0-9]+0$"), False))
            long = (
                (cells[int(found[0])].as_py(), f"{name}: row {row + int(found[0])}") if len(found) else None
            )
        has_short = self.has_short or bool(pc.any(pc.match_substring_regex(cells, r"\.[1-9]$")).as_py())
        return _Sections(long, has_short)


def with_keys(
    rows: Iterable[pa.RecordBatch],
    source: LongColumns,
    columns: Sequence[str],
    report: SourceReport,
    *,
    name: str,
    on_kind: Callable[[Kind], object],
) -> Iterator[pa.RecordBatch]:
    """Yield rows of `identified` with the column KEY in place of the order column.

    The first value determines the kind of the column. A sequence with an empty cell, or one of another kind,
    is defective.

    Args:
        columns: further columns. If these or those of tokens contain the order column, it is kept as text.
        on_kind: called once with the kind of the values.

    Raises:
        CorpusFormatError: the first value cannot be sorted, most cells are of another kind, or all are empty.
    """
    column = source.order_column
    if column is None:
        yield from rows
        return
    roles = (source.token_column, source.tag_column, source.document_column, source.split_column)
    stays = column in (*columns, *source.token_columns.values(), *roles, source.sequence_column)
    first: _First | None = None
    other: tuple[str, int] | None = None  # the first value of another kind
    sections = _Sections()
    n_rows = n_keys = n_others = 0
    for batch in rows:
        n_rows += batch.num_rows
        name = name_of(batch, 0, name)
        cells = _plain(batch[column], source, name)
        if pa.types.is_string(cells.type):
            cells = stripped(cells, "order cells", report)
            cells = pc.if_else(pc.equal(cells, ""), None, cells)
        filled = positions_of(cells.is_valid())
        row = batch[ROW][0].as_py()
        if len(filled):
            known = first is not None
            first = _checked(first, cells, filled, source, row, name)
            if not known:
                on_kind(first.kind)
                _warn_of_unit(first, source, report, name)
        keys, wrong = _keys(first, cells, filled, source, name)
        if len(wrong) and other is None:
            other = (str(cells[int(wrong[0])].as_py()), row + int(wrong[0]))
        if first is not None and other is not None and first.kind.guessed:
            raise _mixed(first, *other, column, name)
        if first is not None and first.kind is NUMBER and pa.types.is_string(cells.type):
            sections = sections.after(cells, row, name)
        n_keys += len(filled) - len(wrong)
        n_others += len(wrong)
        yield _keyed(batch, cells, keys, wrong, first, column, stays)
    if n_rows == 0:
        return
    if first is None:
        raise CorpusFormatError(f"{name}: order column '{column}' is empty in every row; {_KEEP}")
    if other is not None and n_others > n_keys:
        raise _mixed(first, *other, column, name)
    report.assume("order", f"by '{column}', {first.kind.name}")
    if sections.long and sections.has_short:
        shown, place = sections.long
        report.warn(
            "section_numbers",
            f"order {shown!r:.80} in column '{column}' was sorted as a decimal fraction, though others have "
            'fewer digits after the point; set order_format = "natural" if 1.9 comes before 1.10',
            place=place,
        )


def _plain(cells: pa.Array, source: LongColumns, name: str) -> pa.Array:
    """Return the cells without dictionary encoding; text of any Arrow type, or with a format, as strings."""
    column = source.order_column
    if pa.types.is_dictionary(cells.type):
        cells = pc.cast(cells, cells.type.value_type)
    kind = cells.type
    if pa.types.is_fixed_size_binary(kind):
        cells = pc.cast(cells, pa.binary())
    if source.order_format in EPOCH_DIGITS and pa.types.is_decimal(kind):
        return pc.cast(cells, pa.string())
    if source.order_format in EPOCH_DIGITS and pa.types.is_floating(kind):
        fits = pc.less(pc.abs(pc.cast(cells, pa.float64())), 1e30)  # neither NaN nor infinite
        return pc.cast(pc.cast(pc.if_else(fits, cells, None), pa.decimal128(38, 6)), pa.string())
    text = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary)
    if source.order_format is not None and pa.types.is_integer(kind):
        return pc.cast(cells, pa.string())
    if any(is_text(cells.type) for is_text in (*text, pa.types.is_binary_view, pa.types.is_null)):
        try:
            cells = pc.cast(cells, pa.string())
            cells.validate(full=True)
        except pa.ArrowInvalid as error:
            raise CorpusFormatError(
                f"{name}: order column '{column}' is not text in UTF-8 ({kind}); {_KEEP}"
            ) from error
    if source.order_format is not None and not pa.types.is_string(cells.type):
        raise CorpusFormatError(
            f"{name}: order_format does not apply to column '{column}' of type {kind}; leave it out"
        )
    return cells


def _checked(
    first: _First | None, cells: pa.Array, filled: Positions, source: LongColumns, row: int, name: str
) -> _First:
    """Return the first value of the column, after checking that these cells have the same type."""
    column, is_text = source.order_column, pa.types.is_string(cells.type)
    if first is not None and is_text:
        return first
    position = int(filled[0])
    shown = str(cells[position].as_py())
    kind = kind_of_type(cells.type)
    if is_text:
        kind = declared_kind(source.order_format) if source.order_format else kind_of_text(shown)
    elif kind is None:
        raise CorpusFormatError(
            f"{name}: order column '{column}' cannot be sorted: its type is {cells.type}; expected "
            f"numbers, times or text; {_KEEP}"
        )
    if kind is None:
        raise _unsortable(shown, "no number and no ISO 8601 time", row + position, column, name)
    if first is not None:
        if (first.kind.name, first.kind.key_type) != (kind.name, kind.key_type):
            raise _mixed(first, shown, row + position, column, name)
        return first
    readable = filled[mask_of(_computed(kind, cells, column, name).is_valid())[filled]]
    if is_text and position not in readable[:1]:
        or_else = "no date or time that exists" if kind.is_time else "one with too many digits"
        what = f"not {kind.name}, or {or_else}"
        raise _unsortable(shown, what, row + position, column, name)
    if source.session_gap_minutes is not None and not kind.is_time:
        raise CorpusFormatError(
            f"{name}: row {row + position}: order {shown!r:.80} in column '{column}' is {kind.name}; "
            "session_gap_minutes needs times: ISO 8601, or declared by order_format, which is "
            '"epoch_s", "epoch_ms", "epoch_us" or "epoch_ns" for numbers that count from 1970'
        )
    if source.session_gap_minutes is not None and kind.cycle == "day":
        raise CorpusFormatError(
            f"{name}: row {row + position}: order {shown!r:.80} in column '{column}' has no date; "
            "session_gap_minutes needs dates with the times, as sessions continue after midnight; "
            "set order_column to a column with both"
        )
    if len(readable):  # of floats, not the NaN
        position = int(readable[0])
    return _First(kind, str(cells[position].as_py()), row + position)


def _keys(
    first: _First | None, cells: pa.Array, filled: Positions, source: LongColumns, name: str
) -> tuple[pa.Array, Positions]:
    """Return the keys, and the positions of cells that have a value but no key."""
    if first is None:
        natural = source.order_format is not None and declared_kind(source.order_format).key_type
        return pa.nulls(len(cells), natural or key_type_of(cells.type)), np.empty(0, np.int64)
    kind = first.kind if pa.types.is_string(cells.type) else kind_of_type(cells.type) or first.kind
    keys = _computed(kind, cells, source.order_column, name)
    missing = mask_of(keys.is_null())
    return keys, filled[missing[filled]]


def _computed(kind: Kind, cells: pa.Array, column: str | None, name: str) -> pa.Array:
    try:
        return kind.keys(cells)
    except pa.ArrowInvalid as error:
        raise CorpusFormatError(
            f"{name}: order column '{column}' cannot be sorted: {first_line(error)}; {_KEEP}"
        ) from error


def _keyed(
    batch: pa.RecordBatch,
    cells: pa.Array,
    keys: pa.Array,
    wrong: Positions,
    first: _First | None,
    column: str,
    stays: bool,
) -> pa.RecordBatch:
    empty = positions_of(cells.is_null())
    batch = set_defects(batch, empty, pa.array([f"the order is missing in column '{column}'"] * len(empty)))
    if len(wrong) and first is not None:
        shown = pc.utf8_slice_codeunits(pc.cast(cells.take(pa.array(wrong)), pa.string()), 0, 80)
        why = f"' in column '{column}' is not {first.kind.name}, as {first.shown!r:.80} in row {first.row} is"
        batch = set_defects(batch, wrong, pc.binary_join_element_wise("order '", shown, why, ""))
    texts = pc.cast(cells, pa.string()) if stays else None
    batch = batch.drop_columns([column]) if texts is None else with_column(batch, column, texts)
    return batch.append_column(KEY, keys)


def _mixed(first: _First, shown: str, row: int, column: str | None, name: str) -> CorpusFormatError:
    if row == first.row:
        return CorpusFormatError(
            f"{name}: order column '{column}' holds no value that is {first.kind.name}: row {row} holds "
            f"{shown!r:.80}; {_KEEP}"
        )
    natural = (
        'set order_format = "natural" if these are ids such as t1, t2, t10, or ' if first.kind.guessed else ""
    )
    return CorpusFormatError(
        f"{name}: order column '{column}' mixes kinds: row {first.row} holds {first.shown!r:.80}, "
        f"{first.kind.name}, and row {row} holds {shown!r:.80}; expected one kind; {natural}{_KEEP}"
    )


def _unsortable(shown: str, what: str, row: int, column: str | None, name: str) -> CorpusFormatError:
    cell = pa.array([shown])
    fits = [
        repr(format_) for format_ in COMMON_FORMATS if declared_kind(format_).keys(cell).is_valid()[0].as_py()
    ]
    hint = f"order_format = {' or '.join(fits)}" if fits else "order_format to its format, as in strptime"
    return CorpusFormatError(
        f"{name}: row {row}: order {shown!r:.80} in column '{column}' is {what}; "
        f"set {hint}, or order_format = 'natural' for ids such as a1, b2, b10, or {_KEEP}"
    )


def _warn_of_unit(first: _First, source: LongColumns, report: SourceReport, name: str) -> None:
    """Warn if the declared unit gives times far from the present and another unit does not."""
    declared = source.order_format
    if declared not in EPOCH_DIGITS or source.session_gap_minutes is None:
        return
    times = {unit: Decimal(first.shown).scaleb(-digits) for unit, digits in EPOCH_DIGITS.items()}
    likely = [unit for unit, time in times.items() if _PLAUSIBLE[0] <= time < _PLAUSIBLE[1]]
    if likely and declared not in likely:
        day = datetime.fromtimestamp(float(times[likely[0]]), UTC).date()
        report.warn(
            "epoch_unit",
            f"order {first.shown!r:.80} in column '{source.order_column}' is {day} in the unit of "
            f"{likely[0]!r}, and far from today in that of {declared!r}, by which sessions were cut; set "
            f"order_format = {likely[0]!r} if that is meant",
            place=f"{name}: row {first.row}",
        )
