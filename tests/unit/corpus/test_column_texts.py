"""A value of a column is the same text from every source, in `seqtag tag`, in Python and when served."""

from __future__ import annotations

import json
import math
import sqlite3
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.cli.tag_columns import of_objects, of_rows
from seqtag.config import CategoryColumn, NumberColumn
from seqtag.corpus.column_texts import column_texts, object_lists, object_texts
from seqtag.corpus.token_values import invalid_values, numbers
from seqtag.features import ColumnIndex, LearnedColumn
from seqtag.library import LoadedTagger

NAN = float("nan")
TEXTS = [
    (1.0, "1"),
    (2.5, "2.5"),
    (1, "1"),
    (True, "true"),
    (False, "false"),
    ("1.0", "1.0"),
    ("web", "web"),
    (" web\u00a0", "web"),
    ("", None),
    (" ", None),
    (None, None),
    (NAN, None),
    ("nan", "nan"),
    (1e15, "1e+15"),
    (10**15, "1000000000000000"),
    (2**53 + 1, "9007199254740993"),
]
NUMBERS = [  # with the number, NaN where it is missing, None where it is refused
    (1.5, 1.5),
    (" 1.5 ", 1.5),
    ("-2e3", -2000.0),
    ("", NAN),
    (None, NAN),
    (NAN, NAN),
    ("NaN", NAN),
    ("-nan", NAN),
    (float("inf"), None),
    ("inf", None),
    ("1,5", None),
    ("1_000", None),
    (True, None),
    ("many", None),
]
ids = pytest.mark.parametrize(("value", "text"), TEXTS, ids=map(repr, (value for value, _ in TEXTS)))


@pytest.fixture(scope="module")
def served():
    with warnings.catch_warnings():  # of MLflow 3.17, on import
        warnings.simplefilter("ignore")
        from seqtag.registry import serving_model
    return serving_model


@pytest.fixture
def library():
    """A tagger in Python that notes the columns that its model receives."""
    seen = []

    def tag(tokens, columns):
        seen.append(columns["v"].to_pylist())
        sure = pa.array([[0.5] * len(row) for row in tokens.to_pylist()], pa.list_(pa.float32()))
        return SimpleNamespace(predicted=tokens, confidence=sure, span_confidence=sure, unknown=sure)

    column = LearnedColumn(column=CategoryColumn(name="v", kind="category"))
    model = SimpleNamespace(tag=tag, columns=ColumnIndex(columns=(column,)))
    return LoadedTagger("x", ("O",), "IOB2", model), seen


@ids
@pytest.mark.parametrize("first", [1, 0.5, "text", True], ids=repr)  # its type is that of the whole block
@pytest.mark.parametrize("other", [[], [2, 0.25, "text"]], ids=["alone", "mixed"])
def test_json_does_not_depend_on_other_values(value, text, first, other, read):
    lists = [[first], [value], *([other] if other else [])]
    lines = [json.dumps({"tokens": ["t"] * len(v), "tags": ["O"] * len(v), "v": v}) for v in lists]
    rows = read("".join(f"{line}\n" for line in lines), format="jsonl", token_columns=["v"])
    assert [row["defect"] for row in rows] == [None] * len(lists)
    assert rows[1]["v"] == [text]


@ids
def test_arrow_gives_the_same(value, text, read_rows, tmp_path):
    table = pa.table({"tokens": [["t"]], "tags": [["O"]], "v": [[value]]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = {"format": "parquet", "path": f"{tmp_path}/a.parquet", "token_columns": ["v"]}
    assert read_rows(source)[0]["v"] == [text]
    (rows,) = table.to_batches()
    assert of_rows(rows, {"v": "v"}, name="x")["v"].to_pylist() == [[text]]
    long = pa.table({"case": ["1"], "word": ["t"], "tag": ["O"], "v": [value]})
    pq.write_table(long, tmp_path / "b.parquet")
    source = {"format": "parquet-long", "path": f"{tmp_path}/b.parquet", "token_columns": ["v"]}
    keys = {"sequence_column": "case", "token_column": "word", "tag_column": "tag"}
    assert read_rows({**source, **keys})[0]["v"] == [text]


@pytest.mark.parametrize(("value", "text"), [row for row in TEXTS if row[0] not in (True, False)])
def test_a_query_gives_the_same(value, text, read_rows, tmp_path):
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        database.execute("create table log (c, word, tag, v)")  # without types, so that values keep theirs
        database.execute("insert into log values ('1', 't', 'O', ?)", [value])
    source = {"format": "sql", "url": f"sqlite:///{tmp_path}/a.sqlite", "query": "select * from log"}
    keys = {"sequence_column": "c", "token_column": "word", "tag_column": "tag", "token_columns": ["v"]}
    assert read_rows({**source, **keys})[0]["v"] == [text]


@ids
def test_tagging_gives_the_same(value, text, library, served):
    objects = [{"v": [value, 7]}, {"v": None}, {}]
    assert of_objects(objects, {"v": "v"}, name="x")["v"].to_pylist() == [[text, "7"], None, None]
    tagger, seen = library
    tagger.tag([["a", "b"]], {"v": [[value, 7]]})
    tagger.tag_arrow(pa.array([["a"]]), {"v": pa.array([[value]])})
    assert seen == [[[text, "7"]], [[text]]]
    assert served._value(0, "v", "category", value) == (text or "")


@pytest.mark.parametrize(("value", "number"), NUMBERS, ids=map(repr, (value for value, _ in NUMBERS)))
def test_a_number_is_read_alike_in_training_and_in_a_served_model(value, number, served):
    texts = column_texts(object_texts([value]))
    is_invalid = invalid_values(texts, NumberColumn(name="v", kind="number")).tolist()
    assert is_invalid == [number is None]
    if number is None:
        with pytest.raises(ValueError, match=r"row 0: column 'v': expected a number, got"):
            served._value(0, "v", "number", value)
    else:
        assert numbers(texts).tolist() == [pytest.approx(number, nan_ok=True)]
        assert served._value(0, "v", "number", value) == pytest.approx(number, nan_ok=True)


def test_values_of_other_types_are_text_as_arrow_casts_them():
    values = [Decimal("1.50"), datetime(2026, 1, 1, 9, tzinfo=UTC), np.float32(0.1), np.bool_(True), 10**30]
    assert column_texts(object_texts(values)).to_pylist() == [
        "1.50",
        "2026-01-01 09:00:00.000000Z",
        "0.1",
        "true",
        "1" + "0" * 30,
    ]


def test_lists_may_be_missing_or_empty():
    assert object_lists([[1, None], None, []]).to_pylist() == [["1", None], None, []]
    assert object_lists([]).to_pylist() == []


def test_a_served_model_takes_no_lists_as_values_and_no_truth_values_as_times(served):
    for kind, value in (("category", [1]), ("time", True), ("time", "soon")):
        with pytest.raises(ValueError, match=r"row 3: column 'v': expected"):
            served._value(3, "v", kind, value)
    assert served._value(0, "v", "time", " 1970-01-01T00:01:00Z ") == 60.0
    assert served._value(0, "v", "time", 60) == 60.0
    assert math.isnan(served._value(0, "v", "time", None))
