"""Interleaved rows, as in an event log ordered by time: refused by default, gathered on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.corpus.formats.adjacency import adjacent
from seqtag.corpus.formats.external_sort import gathered
from seqtag.corpus.formats.token_rows import ROW
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError

LOG = {"format": "table", "sequence_column": "case", "token_column": "event", "tag_column": "tag"}
BY_TIME = """case,at,event,tag
c7,2026-11-01T09:00:00Z,open,O
c2,2026-11-01T09:01:00Z,open,O
c7,2026-11-01T09:02:00Z,pay,B
c9,2026-11-01T09:02:00Z,open,O
c2,2026-11-01T09:31:00Z,close,O
c9,2026-11-01T09:32:00.5Z,pay,B
c7,2026-11-01T10:00:00Z,close,O
"""


def test_a_log_ordered_by_time_is_refused_with_the_key_that_gathers_it(read):
    with pytest.raises(CorpusFormatError) as error:
        read(BY_TIME, **LOG, order_column="at")

    assert str(error.value) == (
        "corpus.txt: rows of a sequence are not adjacent: 3 of 3 ids in column 'case' return after rows "
        'of other ids, first in row 3 the id of row 1; set rows = "interleaved" to gather them by id, as in '
        "an event log by time; or sort the source by id; or, where several sequences share an id, give each "
        "its own"
    )


def test_a_log_ordered_by_time_is_gathered_by_case(read):
    rows = read(BY_TIME, **LOG, order_column="at", rows="interleaved")

    assert [(row["sequence_id"], row["tokens"], row["tags"]) for row in rows] == [
        ("c7", ["open", "pay", "close"], ["O", "B", "O"]),
        ("c2", ["open", "close"], ["O", "O"]),
        ("c9", ["open", "pay"], ["O", "B"]),
    ]


def test_rows_of_a_case_keep_their_order_without_an_order_column(read):
    rows = read(BY_TIME.replace("09:00", "23:00"), **LOG, rows="interleaved")

    assert rows[0]["tokens"] == ["open", "pay", "close"]


def test_a_defect_of_a_gathered_sequence_names_its_row_in_the_file(read):
    text = BY_TIME.replace("2026-11-01T09:31:00Z", "soon").replace("c9,", ",")
    rows = read(text, **LOG, order_column="at", rows="interleaved")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.txt: row 5: order 'soon' in column 'at' is not an ISO 8601 time with a zone, as "
        "'2026-11-01T09:00:00Z' in row 1 is",
        "corpus.txt: row 4: the sequence id is missing in column 'case'",
    ]


def test_parquet_and_sql_are_gathered_too(tmp_path, read_rows):
    columns = {"case": ["a", "b", "a"], "at": [2, 1, 1], "event": ["y", "z", "x"], "tag": ["O", "O", "O"]}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    url = f"sqlite:///{tmp_path / 'log.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text('create table log ("case" text, at int, event text, tag text)'))
        for row in zip(*columns.values(), strict=True):
            values = dict(zip(columns, row, strict=True))
            connection.execute(sqlalchemy.text("insert into log values (:case, :at, :event, :tag)"), values)
    engine.dispose()
    gather = {**LOG, "order_column": "at", "rows": "interleaved"}
    parquet = {**gather, "format": "parquet-long", "path": str(tmp_path / "log.parquet")}
    sql = {**gather, "format": "sql", "url": url, "query": "select * from log order by at"}

    assert [row["tokens"] for row in read_rows(parquet)] == [["x", "y"], ["z"]]
    assert sorted(row["tokens"] for row in read_rows(sql)) == [["x", "y"], ["z"]]


def test_ids_in_first_rows_only_are_read_from_parquet_too(tmp_path, read_rows):
    columns = {"case": ["a", None, " ", "b", ""], "event": list("vwxyz"), "tag": ["O"] * 5}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    source = {**LOG, "format": "parquet-long", "path": str(tmp_path / "log.parquet")}

    assert [row["tokens"] for row in read_rows(source | {"sequence_ids": "first_row"})] == [
        ["v", "w", "x"],
        ["y", "z"],
    ]


def test_a_pause_begins_a_session(read):
    rows = read(BY_TIME, **LOG, order_column="at", rows="interleaved", session_gap_minutes=30)

    assert [(row["sequence_id"], row["tokens"]) for row in rows] == [
        ("c7#1", ["open", "pay"]),
        ("c7#2", ["close"]),
        ("c2#1", ["open", "close"]),  # exactly 30 minutes are no longer than 30 minutes
        ("c9#1", ["open"]),
        ("c9#2", ["pay"]),
    ]
    documents = {row["sequence_id"]: row["document_id"] for row in rows}
    assert documents["c7#1"] == documents["c7#2"] == "c7"  # sessions of a case are never split apart


def test_a_pause_needs_times(read):
    text = "case,at,event,tag\na,1,x,O\na,2,y,O\n"
    with pytest.raises(CorpusFormatError, match=r"row 1: order '1' .* is a number; session_gap_minutes"):
        read(text, **LOG, order_column="at", session_gap_minutes=30)


def test_a_few_returning_ids_are_a_warning(tmp_path):
    rows = pa.record_batch({"s": list("aabbcca"), ROW: range(1, 8)})
    report = SourceReport()
    list(adjacent([rows], "s", report, name="x.csv"))

    (warned,) = report.record().warnings
    assert (warned.kind, warned.place, warned.count) == ("returning_ids", "x.csv: row 7", 1)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_only_the_first_runs_are_checked(size):
    rows = pa.record_batch({"s": list("ababcdef"), ROW: range(1, 9)})
    batches = [rows.slice(start, size) for start in range(0, 8, size)]
    with pytest.raises(CorpusFormatError, match="2 of 2 ids"):
        list(adjacent(batches, "s", SourceReport(), name="x.csv", most_runs=4))


def by_id(ids: list[str]) -> list[tuple[str, int]]:
    return [(id_, row) for id_ in dict.fromkeys(ids) for row, other in enumerate(ids) if other == id_]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    batch_rows=st.integers(1, 20),
    memory_bytes=st.sampled_from([1, 200, 1000, 1 << 20]),
    slice_rows=st.integers(1, 6),
)
def test_gathered_rows_do_not_depend_on_blocks_or_memory(
    ids, batch_rows, memory_bytes, slice_rows, monkeypatch
):
    monkeypatch.setattr("seqtag.corpus.formats.external_sort._SLICE_ROWS", slice_rows)
    rows = pa.record_batch({"s": ids, "n": range(len(ids))})
    batches = [rows.slice(start, batch_rows) for start in range(0, len(ids), batch_rows)]
    found = pa.Table.from_batches(list(gathered(batches, "s", memory_bytes=memory_bytes)))

    assert list(zip(found["s"].to_pylist(), found["n"].to_pylist(), strict=True)) == by_id(ids)


def test_a_log_larger_than_memory_is_sorted_on_disk_and_leaves_nothing_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    n = 40_000
    ids = [f"c{row % 997}" for row in range(n)]
    rows = pa.record_batch({"s": ids, "n": range(n)})
    largest = 0

    def watched() -> Any:
        nonlocal largest
        for start in range(0, n, 1000):
            largest = max(largest, sum(path.stat().st_size for path in tmp_path.rglob("*.arrow")))
            yield rows.slice(start, 1000)

    found = pa.Table.from_batches(list(gathered(watched(), "s", memory_bytes=100_000)))

    assert largest > 100_000
    assert list(zip(found["s"].to_pylist(), found["n"].to_pylist(), strict=True)) == by_id(ids)
    assert list(tmp_path.iterdir()) == []


def test_an_abandoned_reader_leaves_nothing_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = pa.record_batch({"s": list("abab") * 100})
    stream = gathered([rows] * 5, "s", memory_bytes=1)
    next(stream)
    stream.close()  # type: ignore[attr-defined]

    assert list(tmp_path.iterdir()) == []
