"""Parquet with lists, and with one token per row."""

from __future__ import annotations

import datetime
import gzip
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter

from seqtag.cli.tag_input import read_parquet_rows
from seqtag.config import Source
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.parquet import long_parquet_rows, read_parquet
from seqtag.corpus.recognition import Chosen, recognise
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError

LONG = {"format": "parquet-long", "sequence_column": "s", "token_column": "w", "tag_column": "t"}


@pytest.fixture
def read_columns(tmp_path: Path, read_rows: Callable[..., Any]) -> Callable[..., Any]:
    def rows(columns: dict[str, Any], *, further: tuple[str, ...] = (), **source: Any) -> Any:
        path = tmp_path / "corpus.parquet"
        pq.write_table(pa.table(columns), path)
        return read_rows({"path": str(path), **source}, columns=further)

    return rows


def test_lists_are_sequences(read_columns, content):
    rows = read_columns(
        {"tokens": [["a", "b"], ["c"]], "tags": [["X", "O"], None], "id": [7, None], "split": ["dev", None]},
        format="parquet",
        id_column="id",
        split_column="split",
    )

    assert content(rows) == [(["a", "b"], ["X", "O"]), (["c"], None)]
    assert [(row["sequence_id"], row["split"]) for row in rows] == [("7", "dev"), ("corpus.parquet#2", None)]


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_list(pa.large_string()),
        pa.list_(pa.string(), 2),
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
        pa.list_(pa.int64()),
    ],
    ids=str,
)
def test_other_kinds_of_lists_become_lists_of_strings(kind, read_columns, content):
    values = [["7", "8"]]
    tokens = pa.array([[7, 8]] if pa.types.is_integer(kind.value_type) else values, kind)

    assert content(read_columns({"tokens": tokens, "tags": values}, format="parquet")) == [
        (values[0], values[0])
    ]


@pytest.mark.parametrize("kind", [pa.list_view(pa.string()), pa.large_list_view(pa.large_string())], ids=str)
def test_list_views_are_lists(kind, read_columns, content, tmp_path):
    values = [["a"], ["b", "c"], None, ["d", None]]
    views = pa.array(values, kind)

    rows = read_columns({"tokens": values, "tags": views}, format="parquet")

    assert [row["tags"] for row in rows] == values
    (file,) = find_files(str(tmp_path / "corpus.parquet"))
    tagged = read_parquet_rows(file, column="tags")
    assert [tokens for _, batch in tagged for tokens in batch.to_pylist()] == values


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.dictionary(pa.int16(), pa.string()),
        pa.decimal128(10, 2),
        pa.decimal256(60, 0),
        pa.uint64(),
    ],
    ids=str,
)
def test_columns_of_one_token_a_row_become_strings(kind, read_columns, content):
    numbers = pa.array(["7", "10", "8"])
    encoded = numbers.dictionary_encode() if pa.types.is_dictionary(kind) else numbers
    ids, values = (pc.cast(each, kind) for each in (encoded.take(pa.array([0, 0, 2])), encoded))
    tokens = ["7.00", "10.00", "8.00"] if pa.types.is_decimal128(kind) else ["7", "10", "8"]

    rows = read_columns({"s": ids, "w": values, "t": ["X", "O", "X"]}, **LONG)

    assert content(rows) == [(tokens[:2], ["X", "O"]), (tokens[2:], ["X"])]
    assert [row["sequence_id"] for row in rows] == [tokens[0], tokens[2]]


@pytest.mark.parametrize("kind", [pa.decimal128(10, 2), pa.dictionary(pa.int16(), pa.string())], ids=str)
def test_an_order_column_of_any_type_sorts_by_number(kind, read_columns, content):
    numbers = pa.array(["10", "9"])
    order = pc.cast(numbers.dictionary_encode() if pa.types.is_dictionary(kind) else numbers, kind)
    rows = read_columns({"s": [1, 1], "w": ["b", "a"], "t": ["X", "O"], "o": order}, order_column="o", **LONG)
    assert content(rows) == [(["a", "b"], ["O", "X"])]


def test_files_of_partitions_may_differ_in_their_types(tmp_path, read_rows, content):
    kinds = [pa.list_(pa.int32()), pa.large_list(pa.large_string()), pa.list_view(pa.string())]
    for day, kind in enumerate(kinds, 1):
        folder = tmp_path / "lake" / f"date=2026-01-0{day}"
        folder.mkdir(parents=True)
        tokens = pa.array([[day] if day == 1 else [str(day)]], kind)
        pq.write_table(pa.table({"tokens": tokens, "tags": [["X"]]}), folder / "part-0.parquet")

    rows = read_rows({"format": "parquet", "path": str(tmp_path / "lake")}, columns=("date",))

    assert content(rows) == [([str(day)], ["X"]) for day in (1, 2, 3)]
    assert [row["date"] for row in rows] == ["2026-01-01", "2026-01-02", "2026-01-03"]


@pytest.mark.parametrize("kind", [pa.list_(pa.string(), 2), pa.list_view(pa.string())], ids=str)
def test_lists_of_any_layout_are_recognised(kind, tmp_path):
    words = pa.array([[f"Ada{n}", "left"] for n in range(9)], kind)
    tags = pa.array([["B-PER", "O"]] * 9, kind)
    pq.write_table(pa.table({"tokens": words, "tags": tags}), tmp_path / "a.parquet")
    (file,) = find_files(str(tmp_path / "a.parquet"))
    assert recognise(file, Chosen()).keys == {"format": "parquet"}


def test_additional_columns_become_strings(read_columns):
    rows = read_columns(
        {"tokens": [["a"]], "tags": [["X"]], "day": [datetime.date(2026, 11, 22)], "n": [1.5]},
        format="parquet",
        further=("day", "n"),
    )

    assert (rows[0]["day"], rows[0]["n"]) == ("2026-11-22", "1.5")


def test_sequences_without_tokens_are_defective(read_columns):
    rows = read_columns({"tokens": [["a"], [], None], "tags": [["X"], [], ["X"]]}, format="parquet")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.parquet: row 2: sequence has no token: expected at least 1, got 0",
        "corpus.parquet: row 3: sequence has no token: expected at least 1, got 0",
    ]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (
            ["a b"] * 2,
            r"column 'tokens' holds no lists: expected lists of strings, got string; .*parquet-long",
        ),
        ([[["a"]]] * 2, r"row 1: column 'tokens' holds no lists of strings: expected UTF-8, got list<"),
        ([[b"a"], [b"\xff"]], r"row 2: column 'tokens' holds no lists of strings: .* got list<.*binary"),
        ([[{"text": "a"}]] * 2, r"row 1: column 'tokens' holds no lists of strings: .* got list<.*struct"),
    ],
    ids=["no list", "nested", "not utf-8", "structs"],
)
def test_columns_of_other_types_are_an_error(tokens, message, read_columns):
    with pytest.raises(CorpusFormatError, match=message):
        read_columns({"tokens": tokens, "tags": [["X"]] * 2}, format="parquet")


def test_text_that_is_not_utf_8_is_refused_with_its_row_in_rows_of_one_token_too(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"s": ["1"] * 3, "w": [b"a", b"b", b"\xff"], "t": ["X"] * 3}), path)
    source = TypeAdapter(Source).validate_python({"path": str(path), **LONG})
    rows = long_parquet_rows(source, find_files(str(path))[0], (), SourceReport(), batch_rows=2)

    with pytest.raises(
        CorpusFormatError, match=r"a\.parquet: row 3: column 'w' holds no text: expected UTF-8"
    ):
        list(rows)


def test_rows_of_one_token_become_sequences_sorted_by_the_order_column(read_columns, content):
    noon = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
    rows = read_columns(
        {
            "s": [1, 1, 2],
            "w": ["b", "a", None],
            "t": ["X", "O", "O"],
            "o": [noon, noon - datetime.timedelta(hours=1), None],
            "year": [2026, 2026, 2027],
        },
        further=("year",),
        order_column="o",
        **LONG,
    )

    assert content(rows) == [(["a", "b"], ["O", "X"]), ([None], ["O"])]
    assert [(row["sequence_id"], row["year"], row["defect"]) for row in rows] == [
        ("1", "2026", None),
        ("2", "2027", "corpus.parquet: row 3: the order is missing in column 'o'"),
    ]


def test_an_order_that_cannot_be_sorted_is_an_error(read_columns):
    with pytest.raises(CorpusFormatError, match="order column 'o' cannot be sorted: its type is list"):
        read_columns(
            {"s": [1, 1], "w": ["a", "b"], "t": ["X", "X"], "o": [[2], [1]]}, order_column="o", **LONG
        )


def test_a_compressed_file_is_decompressed(tmp_path, read_rows, content):
    pq.write_table(pa.table({"tokens": [["a"]], "tags": [["X"]]}), tmp_path / "plain.parquet")
    packed = tmp_path / "corpus.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "plain.parquet").read_bytes()))

    assert content(read_rows({"format": "parquet", "path": str(packed)})) == [(["a"], ["X"])]


@pytest.mark.parametrize("source", [{"format": "parquet"}, LONG], ids=["lists", "long"])
def test_a_missing_column_is_an_error(source, read_columns):
    with pytest.raises(
        CorpusFormatError,
        match=r"corpus\.parquet: columns .* are missing: expected each once, got column 'x'; correct",
    ):
        read_columns({"x": [1]}, **source)


def test_a_file_without_rows_is_an_error(read_columns):
    nothing = pa.array([], pa.list_(pa.string()))
    with pytest.raises(CorpusFormatError, match=r"corpus\.parquet: no row found, expected at least one"):
        read_columns({"tokens": nothing, "tags": nothing}, format="parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"tokens,tags\n" * 10], ids=["empty", "short", "text"])
def test_a_file_that_is_not_parquet_is_an_error(content, read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: file is damaged or not Parquet"):
        read(content, format="parquet")


def test_a_column_name_that_is_not_utf_8_is_an_error(tmp_path, read):
    pq.write_table(pa.table({"tokens": [["a"]], "tags": [["X"]]}), tmp_path / "good", store_schema=False)
    damaged = (tmp_path / "good").read_bytes().replace(b"tokens", b"toke\xffs")

    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: file is damaged or not Parquet"):
        read(damaged, format="parquet")


def test_a_file_is_read_without_holding_all_of_it(tmp_path: Path) -> None:
    path, n_groups = tmp_path / "corpus.parquet", 32
    draw = random.Random(1)
    schema = pa.schema([("tokens", pa.list_(pa.string())), ("tags", pa.list_(pa.string()))])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(n_groups):  # of 200 kB
            tokens = [[draw.randbytes(100).hex() for _ in range(10)] for _ in range(100)]
            writer.write_table(pa.table([tokens, [["X"] * 10] * 100], schema))
    source = TypeAdapter(Source).validate_python({"format": "parquet", "path": str(path)})
    tracemalloc.start()
    for _ in read_parquet(source, find_files(str(path))[0], (), SourceReport(), batch_rows=100):
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < path.stat().st_size / 2
