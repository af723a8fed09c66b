"""Order columns: kinds of values, sorting, errors and warnings."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from seqtag.config.source_config import TableSource
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.order_keys import natural_keys
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from tests.unit.corpus.long_readers import read_table

TABLE = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}
ORDERED = {**TABLE, "order_column": "o"}


def table(cells: list[str], *, sequence: str = "1") -> str:
    """Return a shuffled table whose tokens are the numbers of the rows in the intended order."""
    shuffled = [*enumerate(cells)][::-2] + [*enumerate(cells)][-2::-2]
    return "s;o;w;t\n" + "".join(f"{sequence};{cell};{n};O\n" for n, cell in shuffled)


def in_order(cells: list[str]) -> list[str]:
    return [str(n) for n in range(len(cells))]


@pytest.mark.parametrize(
    "cells",
    [
        ["-1e3", "-2.5", "0", ".5", "1e0", "9", "10", "1.1E1", "12345678901234567890123456789"],
        ["9.00000000000000000000001", "9.00000000000000000000002"],
        ["2024-07-14T19:40:58Z", "2024-07-14T19:40:58.250Z", "2024-07-14T19:40:58.25000000000000001Z"],
        ["2024-07-14 23:30:00+02:00", "2024-07-14T21:30:01Z", "2024-07-14 17:31-0400", "2024-07-14T21:32+00"],
        ["1066-10-14", "1969-12-31T23:59:59,5", "1970-01-01", "1970-01-01 00:00:00.25", "2024-02-29T12:00"],
        ["09:30", "09:30:00.5", "9:31".zfill(5), "24:00:00"],
        ["t1", "t2", "t10", "t100"],
    ],
    ids=["numbers", "long fractions", "fractions", "zones", "local times", "times of day", "numbered"],
)
def test_numbers_and_iso_8601_are_sorted_by_value(cells, read):
    (row,) = read(table(cells), **ORDERED, delimiter=";")

    assert (row["tokens"], row["defect"]) == (in_order(cells), None)


@pytest.mark.parametrize(
    ("order_format", "cells"),
    [
        ("%I:%M %p", ["12:05 AM", "09:30 a.m.", "12:00 pm", "01:30 PM"]),
        (
            "%d/%m/%Y %H:%M:%S.%f",
            ["02/11/2026 10:00:00.5", "02/11/2026 10:00:00.51", "01/12/2026 09:00:00.1"],
        ),
        ("%d-%b-%y %I.%M.%S.%f %p", ["30-NOV-99 11.00.00.1 PM", "01-Jan-26 09.00.00.2 AM"]),
        ("%a, %d %b %Y %T %z", ["Mon, 30 Nov 2026 10:00:00 +0200", "Mon, 30 Nov 2026 09:00:00 GMT"]),
        ("%Y-%j", ["2023-365", "2024-1", "2024-366"]),
        ("%Y%m%d", ["20240229", "20240301"]),
        ("natural", ["a2b10", "a10b2", "a10b10", "b1"]),
    ],
)
def test_declared_formats_are_sorted_by_value(order_format, cells, read):
    (row,) = read(table(cells), **ORDERED, delimiter=";", order_format=order_format)

    assert (row["tokens"], row["defect"]) == (in_order(cells), None)


@pytest.mark.parametrize("cell", ["30/02/2026", "1/13/2026", "2026-01-01", "x"])
def test_a_cell_in_another_format_makes_its_sequence_defective(cell, read):
    text = f"s,o,w,t\n1,01/02/2026,a,O\n1,02/02/2026,b,O\n2,{cell},c,O\n"
    _, row = read(text, **ORDERED, order_format="%d/%m/%Y")

    assert row["defect"] == (
        f"corpus.txt: row 3: order '{cell}' in column 'o' is not a time in the format '%d/%m/%Y', as "
        "'01/02/2026' in row 1 is"
    )


def test_an_unknown_kind_is_refused_with_the_formats_that_fit(read):
    with pytest.raises(CorpusFormatError) as error:
        read("s,o,w,t\n1,04/05/2026 09:30 AM,a,O\n1,04/05/2026 01:30 PM,b,O\n", **ORDERED)

    assert str(error.value) == (
        "corpus.txt: row 1: order '04/05/2026 09:30 AM' in column 'o' is no number and no ISO 8601 time; set "
        "order_format = '%d/%m/%Y %I:%M %p' or '%m/%d/%Y %I:%M %p', or order_format = 'natural' for ids such "
        "as a1, b2, b10, or leave order_column out to keep the order of the rows"
    )


@pytest.mark.parametrize(
    ("cell", "order_format", "message"),
    [
        ("2026-11-30", "%d/%m/%Y", r"'2026-11-30' .* is not a time in the format '%d/%m/%Y', .*'%Y-%m-%d'"),
        ("1e400", None, "row 1: order '1e400' in column 'o' is not a number, or one with too many digits"),
        (
            "2026-02-30",
            None,
            "row 1: order '2026-02-30' in column 'o' is not an ISO 8601 time without a zone",
        ),
    ],
)
def test_a_first_value_that_cannot_be_sorted_is_refused(cell, order_format, message, read):
    with pytest.raises(CorpusFormatError, match=message):
        read(f"s,o,w,t\n1,{cell},a,O\n", **ORDERED, order_format=order_format)


def test_the_first_cell_may_be_empty(read):
    rows = read("s,o,w,t\n0,,x,O\n1,10,b,O\n1,9,a,O\n", **ORDERED)

    assert [(row["tokens"], row["defect"]) for row in rows] == [
        (["x"], "corpus.txt: row 1: the order is missing in column 'o'"),
        (["a", "b"], None),
    ]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["x1", "1", "2"], r"mixes kinds: row 1 holds 'x1', a number after 'x', and row 2 holds '1'"),
        (["1", "2026-01-01", "2026-01-02"], r"row 1 holds '1', a number, and row 2 holds '2026-01-01'"),
        (
            ["2026-01-01", "2026-01-01T10:00Z", "2026-01-02T10:00Z"],
            "row 1 holds '2026-01-01', .*without a zone",
        ),
        (["w1", "w2", "v3"], r"row 3 holds 'v3'; expected one kind; set order_format = \"natural\""),
        (["", " ", "\u00a0"], "order column 'o' is empty in every row"),
    ],
)
def test_a_column_of_several_kinds_is_refused(cells, message, read):
    with pytest.raises(CorpusFormatError, match=message):
        read("s,o,w,t\n" + "".join(f"1,{cell},a,O\n" for cell in cells), **ORDERED)


@pytest.mark.parametrize("block_bytes", [40, 100, 1 << 20])
def test_the_first_value_determines_the_kind_for_any_block_size(block_bytes, tmp_path):
    path = tmp_path / "corpus.csv"
    cells = ["", "", *(str(n) for n in range(20, 0, -1)), "2026-01-01", *map(str, range(30))]
    path.write_text(
        "s,o,w,t\n" + "".join(f"{i // 7},{cell},{i},O\n" for i, cell in enumerate(cells)), "utf-8"
    )
    source = TableSource.model_validate({"path": str(path), **ORDERED})
    report = SourceReport()
    batches = read_table(source, find_files(str(path))[0], (), report, block_bytes=block_bytes)
    rows = [row for batch in batches for row in batch.to_pylist()]

    assert [row["tokens"][0] for row in rows] == ["6", "13", "20", "21", "28", "35", "42", "49"]
    assert [row["sequence_id"] for row in rows if row["defect"]] == ["0", "3"]
    assert report.record().assumed["order"] == {"by 'o', a number": 1}


TEXTS = ["10", "9", "8"]
NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "order",
    [
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array([b"10", b"9", b"8"], pa.binary()),
        pa.array([b"10", b"9 ", b"8 "], pa.binary(2)).cast(pa.binary()),
        pa.array([10, 9, 8], pa.uint64()),
        pa.array([Decimal("10.5"), Decimal("9"), Decimal("8")], pa.decimal128(10, 3)),
        pa.array([10.5, 9, 8], pa.float32()),
        pa.array([NOON, NOON.replace(hour=11), NOON.replace(hour=10)], pa.timestamp("us", "Europe/Paris")),
        pa.array([3, 2, 1], pa.date32()),
        pa.array([3, 2, 1], pa.time32("s")),
        pa.array([3, 2, 1], pa.time64("ns")),
        pa.array([3, 2, 1], pa.duration("ms")),
    ],
    ids=lambda order: str(order.type),
)
def test_every_ordered_type_is_sorted_by_value(order, tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"s": ["1"] * 3, "w": ["c", "b", "a"], "t": ["O"] * 3, "o": order}), path)
    source = {**ORDERED, "format": "parquet-long", "path": str(path)}

    assert read_rows(source)[0]["tokens"] == ["a", "b", "c"]
    (row,) = read_rows(source, columns=["o"])  # the order column may be a column of the corpus, too
    assert row["tokens"] == ["a", "b", "c"]
    assert row["o"] == pc.cast(pq.read_table(path)["o"], pa.string())[2].as_py().strip()


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([True, False, True], "cannot be sorted: its type is bool"),
        ([[1], [2], [3]], "cannot be sorted: its type is list"),
        ([b"\xff", b"1", b"2"], "is not text in UTF-8"),
        ([None, None, None], "is empty in every row"),
        ([{"a": 1}] * 3, "cannot be sorted: its type is struct"),
    ],
)
def test_an_unordered_type_is_refused(order, message, tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"s": ["1"] * 3, "w": ["c", "b", "a"], "t": ["O"] * 3, "o": order}), path)
    with pytest.raises(CorpusFormatError, match=message):
        read_rows({**ORDERED, "format": "parquet-long", "path": str(path)})


def test_a_float_that_is_not_finite_makes_its_sequence_defective(tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    order = [2.0, 1.0, float("nan"), float("inf"), 3.0, 4.0]
    columns = {"s": [1, 1, 2, 3, 4, 4], "w": list("badefg"), "t": ["O"] * 6, "o": order}
    pq.write_table(pa.table(columns), path)
    rows = read_rows({**ORDERED, "format": "parquet-long", "path": str(path)})

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.parquet: row 3: order 'nan' in column 'o' is not a finite number, as '2.0' in row 1 is",
        "corpus.parquet: row 4: order 'inf' in column 'o' is not a finite number, as '2.0' in row 1 is",
        None,
    ]


def test_whole_numbers_may_be_dates_and_other_types_need_no_format(tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    source = {**ORDERED, "format": "parquet-long", "path": str(path), "order_format": "%d%m%Y"}
    columns = {"s": [1, 1], "w": ["b", "a"], "t": ["O", "O"]}
    pq.write_table(pa.table({**columns, "o": [10122026, 30112026]}), path)
    assert read_rows(source)[0]["tokens"] == ["a", "b"]

    pq.write_table(pa.table({**columns, "o": [1.5, float("nan")]}), path)
    with pytest.raises(CorpusFormatError, match="order_format does not apply to column 'o' of type double"):
        read_rows(source)


def test_a_column_without_a_finite_float_is_refused(tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    nan = float("nan")
    pq.write_table(pa.table({"s": [1, 1], "w": ["b", "a"], "t": ["O", "O"], "o": [nan, nan]}), path)
    with pytest.raises(CorpusFormatError, match="holds no value that is a finite number: row 1 holds 'nan'"):
        read_rows({**ORDERED, "format": "parquet-long", "path": str(path)})


def warnings_of(tmp_path: Any, text: str, **keys: str) -> list[tuple[str, str, int]]:
    path = tmp_path / "corpus.csv"
    path.write_text(text, "utf-8")
    report = SourceReport()
    source = TableSource.model_validate({"path": str(path), **ORDERED, **keys})
    list(read_table(source, find_files(str(path))[0], (), report))
    return [(w.kind, w.place, w.count) for w in report.record().warnings]


def test_a_column_that_disagrees_with_most_sequences_is_a_warning(tmp_path):
    text = "s,o,w,t\n0,1,x,O\n1,2,b,O\n1,1,a,O\n2,1,c,O\n2,2,d,O\n3,2,f,O\n3,1,e,O\n"

    assert warnings_of(tmp_path, text) == [("order_disagrees", "corpus.csv: row 2", 2)]
    assert warnings_of(tmp_path, text, rows="interleaved") == []  # the order of their rows says nothing
    assert warnings_of(tmp_path, text.replace("3,2,f", "3,0,f")) == []
    assert warnings_of(tmp_path, text.replace("2,2,d", "2,0,d")) == []  # a log with the newest row first


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order_format": "%H:%M"}, "order_format needs an order_column"),
        ({"session_gap_minutes": 30}, "session_gap_minutes needs an order_column"),
        ({"order_column": "o", "order_format": "%Y %Q"}, "unknown directive, '%Q'"),
        ({"order_column": "o", "order_format": "%Y %"}, "unknown directive, '%'"),
        ({"order_column": "o", "order_format": "%I:%M"}, "needs %I and %p together"),
        ({"order_column": "o", "order_format": "%F %d"}, "repeats a directive"),
        ({"order_column": "o", "order_format": "day"}, "has no date and no time"),
        ({"order_column": "o", "order_format": "%M.%f"}, "has %f without %S"),
    ],
)
def test_wrong_settings_are_refused_when_the_file_is_read(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSource.model_validate({"path": "x.csv", **TABLE, **settings})


MIDNIGHT = (
    "s,o,w,t\n8,10:00,x,O\n8,11:00,y,O\n9,23:50,a,O\n9,23:58,b,O\n9,00:02,c,O\n7,09:00,x,O\n7,09:01,y,O\n"
)


@pytest.mark.parametrize("order_format", [None, "%H:%M"])
def test_times_of_day_are_not_cut_into_sessions(order_format, read):
    with pytest.raises(CorpusFormatError) as error:
        read(MIDNIGHT, **ORDERED, order_format=order_format, session_gap_minutes=30)

    assert str(error.value) == (
        "corpus.txt: row 1: order '10:00' in column 'o' has no date; session_gap_minutes needs dates with "
        "the times, as sessions continue after midnight; set order_column to a column with both"
    )


def test_times_of_day_that_run_backwards_in_any_sequence_are_a_warning(tmp_path):
    assert warnings_of(tmp_path, MIDNIGHT) == [("times_run_backwards", "corpus.csv: row 3", 1)]


@pytest.mark.parametrize(
    ("order_format", "scale"),
    [("epoch_s", ""), ("epoch_ms", "000"), ("epoch_us", "000000"), ("epoch_ns", "000000000")],
)
def test_numbers_that_count_from_1970_are_cut_into_sessions(order_format, scale, read):
    cells = [f"{n}{scale}" for n in (1700000060, 1700000000, 1700000121, 1700000182)]
    text = "s,o,w,t\n" + "".join(f"1,{cell},{n},O\n" for n, cell in enumerate(cells))
    with pytest.raises(CorpusFormatError, match='"epoch_us" or "epoch_ns" for numbers that count'):
        read(text, **ORDERED, session_gap_minutes=1)

    rows = read(text, **ORDERED, order_format=order_format, session_gap_minutes=1)
    assert [row["tokens"] for row in rows] == [["1", "0"], ["2"], ["3"]]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.decimal128(20, 3)], ids=str)
def test_numbers_that_count_from_1970_may_have_any_type(kind, tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    order = pa.array([1700000000061, 1700000000000, 0], pa.int64()).cast(pa.decimal128(22, 3)).cast(kind)
    pq.write_table(pa.table({"s": ["1"] * 3, "w": ["c", "b", "a"], "t": ["O"] * 3, "o": order}), path)
    source = {**ORDERED, "format": "parquet-long", "path": str(path)}
    rows = read_rows({**source, "order_format": "epoch_ms", "session_gap_minutes": 0.001})

    assert [row["tokens"] for row in rows] == [["a"], ["b"], ["c"]]


def test_a_number_that_is_too_long_has_no_natural_order():
    assert natural_keys(pa.array(["a" + "1" * 21, "a" + "0" * 30 + "1"])).to_pylist() == [
        None,
        "a00000000000000000001",
    ]


@pytest.mark.parametrize(
    ("order_format", "cells", "said"),
    [
        ("%b %d %H:%M", ["Dec 31 23:59", "Jan 01 00:01"], "dates without a year .* after the end of a year"),
        ("%d %H:%M", ["31 23:59", "01 00:01"], "days without a month .* after the end of a month"),
    ],
)
def test_dates_without_a_year_that_run_backwards_in_any_sequence_are_a_warning(
    order_format, cells, said, tmp_path
):
    rows = [f"{s},{cells[0]},a,O\n{s},{cells[0]},b,O\n" for s in range(5)] + [
        f"9,{cell},c,O\n" for cell in cells
    ]
    path = tmp_path / "corpus.csv"
    path.write_text("s,o,w,t\n" + "".join(rows), "utf-8")
    report = SourceReport()
    source = TableSource.model_validate({**ORDERED, "path": str(path), "order_format": order_format})
    list(read_table(source, find_files(str(path))[0], (), report))

    (warned,) = report.record().warnings
    assert (warned.place, warned.count) == ("corpus.csv: row 11", 1)
    assert re.search(said, warned.text)


@pytest.mark.parametrize(
    ("order_format", "cell", "kinds"),
    [
        ("epoch_s", "1700000000000", ["epoch_unit"]),
        ("epoch_us", "1700000000000", ["epoch_unit"]),
        ("epoch_ms", "1700000000000", []),
        ("epoch_ms", "250.5", []),  # since the beginning of the log
    ],
)
def test_a_unit_that_gives_times_far_from_today_is_a_warning(order_format, cell, kinds, report):
    source = {**ORDERED, "order_format": order_format, "session_gap_minutes": 30}
    assert [w.kind for w in report(f"s,o,w,t\n1,{cell},a,O\n", **source).warnings] == kinds


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("01/02/26", "set order_format = '%d/%m/%y' or '%m/%d/%y', or"),
        ("01/Nov/2026:09:00:00 +0100", "set order_format = '%d/%b/%Y:%H:%M:%S %z', or"),
        ("1  Mar 2026", "set order_format to its format, as in strptime, or"),
        ("2026-02-30", "is not an ISO 8601 time without a zone, or no date or time that exists; set"),
    ],
)
def test_an_error_about_an_order_proposes_only_formats_that_read_it(cell, said, read):
    with pytest.raises(CorpusFormatError, match=re.escape(said)):
        read(f"s,o,w,t\n1,{cell},a,O\n", **ORDERED)


@pytest.mark.parametrize(
    ("cells", "noted"),
    [(["1.9", "1.10"], ["corpus.txt: row 3"]), (["1.90", "1.10"], []), (["1.9", "1.0"], [])],
)
def test_section_numbers_are_a_warning(cells, noted, report):
    rows = [f"0,1,a,O\n1,{cells[0]},b,O\n1,{cells[1]},c,O\n", *(f"{s},1,d,O\n{s},2,d,O\n" for s in (2, 3))]
    warnings = report("s,o,w,t\n" + "".join(rows), **ORDERED).warnings
    assert [warned.place for warned in warnings if warned.kind == "section_numbers"] == noted
