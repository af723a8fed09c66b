"""Class numbers instead of tags: resolved by names, or refused with the key that names them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceRecord, read_sources
from seqtag.errors import CorpusFormatError

NAMES = ["O", "B-city", "I-city"]
CLASSES = {"_type": "ClassLabel", "names": NAMES}
OLDER = {
    "_type": "Sequence",
    "feature": {"num_classes": 3, "names": NAMES, "id": None, "_type": "ClassLabel"},
}
NEWER = {"_type": "List", "feature": CLASSES}
TOKENS = [["In", "New", "Ulm"], ["Oslo"]]
LONG = {"format": "parquet-long", "sequence_column": "s", "token_column": "w", "tag_column": "t"}

Record = Callable[..., SourceRecord]


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., str]:
    """Write a Parquet file with or without the metadata of `datasets`; return its path."""

    def write(columns: dict[str, Any], features: dict[str, Any] | None = None) -> str:
        noted = None if features is None else {"huggingface": json.dumps({"info": {"features": features}})}
        path = tmp_path / "hub.parquet"
        pq.write_table(pa.table(columns).replace_schema_metadata(noted), path, row_group_size=1)
        return str(path)

    return write


@pytest.fixture
def record_of() -> Record:
    def record(**source: Any) -> SourceRecord:
        found: list[SourceRecord] = []
        corpus = CorpusConfig.model_validate({"sources": [source]})
        for _ in read_sources(corpus, on_source=lambda report: found.append(report.record())):
            pass
        return found[0]

    return record


@pytest.mark.parametrize("feature", [OLDER, NEWER, [CLASSES]], ids=["older", "newer", "list"])
@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.float64()], ids=str)
def test_hugging_face_metadata_name_the_classes(feature, kind, parquet, read_rows, record_of) -> None:
    tags = pa.array([[0, 1, 2], [-100]], pa.list_(kind))
    path = parquet({"tokens": TOKENS, "ner_tags": tags}, {"tokens": {}, "ner_tags": feature})
    source = {"format": "parquet", "path": path, "tags_column": "ner_tags"}

    assert [row["tags"] for row in read_rows(source)] == [["O", "B-city", "I-city"], [None]]
    record = record_of(**source)
    assert record.assumed["tag names"] == {"3 of the file's metadata": 1}
    assert record.changed == {"class numbers -100 or -1 read as no tag": 1}


def test_tag_names_that_contradict_the_metadata_are_a_warning(parquet, record_of) -> None:
    path = parquet({"tokens": TOKENS, "tags": [[0, 1, 2], [0]]}, {"tags": NEWER})

    record = record_of(format="parquet", path=path, tag_names=["O", "I-city", "B-city"])
    same = record_of(format="parquet", path=path, tag_names=["O", "B-city", "I-city"])

    (warned,) = record.warnings
    assert warned.text == (
        "tag_names contradict the file's class names: [O, I-city, B-city] was used, the file says "
        "[O, B-city, I-city]; leave tag_names out to use those of the file"
    )
    assert same.warnings == []


def test_tokens_that_are_numbers_stay_text(parquet, read_rows) -> None:
    path = parquet({"tokens": [[17, 4]], "tags": [[0, 1]]}, {"tags": NEWER})
    (row,) = read_rows({"format": "parquet", "path": path})
    assert (row["tokens"], row["tags"]) == (["17", "4"], ["O", "B-city"])


def test_metadata_name_the_classes_with_one_token_per_row_too(parquet, read_rows) -> None:
    path = parquet({"s": ["a", "a", "b"], "w": ["New", "Ulm", "is"], "t": [1, 2, 0]}, {"t": CLASSES})
    rows = read_rows({"path": path, **LONG})
    assert [row["tags"] for row in rows] == [["B-city", "I-city"], ["O"]]


@pytest.mark.parametrize(
    "features",
    [
        None,
        {},
        {"tags": {"_type": "Value", "dtype": "int64"}},
        {"tags": {"_type": "ClassLabel", "names": []}},
    ],
    ids=["no metadata", "no column", "no classes", "no names"],
)
@pytest.mark.parametrize("kind", [pa.int64(), pa.float32(), pa.decimal128(3)], ids=str)
def test_numbers_without_names_are_refused(features, kind, parquet, read_rows) -> None:
    numbers = [[Decimal(0), Decimal(1), Decimal(2)], [Decimal(1)]]
    tags = pa.array(numbers, pa.list_(pa.decimal128(3))).cast(pa.list_(kind))
    path = parquet({"tokens": TOKENS, "tags": tags}, features)
    with pytest.raises(
        CorpusFormatError,
        match=r"^hub\.parquet: tags are numbers without names: expected text in 'tags', got list<.*; name "
        r'them in order, from number 0: tag_names = \["O", "B-PER", \.\.\.\] in',
    ):
        read_rows({"format": "parquet", "path": path})


def test_numbers_without_names_are_refused_with_one_token_per_row(parquet, read_rows) -> None:
    path = parquet({"s": ["a"], "w": ["New"], "t": [1]})
    with pytest.raises(CorpusFormatError, match=r"without names: .* 't', got int64"):
        read_rows({"path": path, **LONG})


@pytest.mark.parametrize("features", [None, {"tags": NEWER}])
def test_the_key_overrides_the_metadata(features, parquet, read_rows, record_of) -> None:
    path = parquet({"tokens": TOKENS, "tags": [[0, 1, 2], [-1]]}, features)
    source = {"format": "parquet", "path": path, "tag_names": ["X", "Y", "Z"]}
    assert [row["tags"] for row in read_rows(source)] == [["X", "Y", "Z"], [None]]
    assert record_of(**source).assumed["tag names"] == {"3 of tag_names": 1}


def test_a_number_without_a_name_is_refused_with_its_place(parquet, read_rows) -> None:
    numbered = {"tokens": TOKENS, "tags": [[0, 1, 2], [3]]}
    path = parquet(numbered, {"tags": NEWER})
    with pytest.raises(CorpusFormatError, match=r"hub\.parquet: row 2: .*: .*, got '3'; correct"):
        read_rows({"format": "parquet", "path": path})
    path = parquet(numbered | {"tags": [[0, 1, 1], [2]]})
    with pytest.raises(
        CorpusFormatError,
        match=r"hub\.parquet: row 2: tag is not a class number: expected 0 to 1 \(O, X\), "
        r"or -100 or -1 for no tag, got '2'; correct tag_names",
    ):
        read_rows({"format": "parquet", "path": path, "tag_names": ["O", "X"]})


TEXTS = [
    ("conll", "New 1\nUlm 2\n\nis 0\n", {}),
    ("jsonl", '{"tokens": ["New", "Ulm"], "tags": [1, 2]}\n{"tokens": ["is"], "tags": [0]}\n', {}),
    ("table", "s,w,t\na,New,1.0\na,Ulm,2.0\nb,is,0\n", {k: LONG[k] for k in LONG if k != "format"}),
]


@pytest.mark.parametrize(("format_", "text", "source"), TEXTS, ids=[each[0] for each in TEXTS])
def test_the_key_names_classes_in_text(format_, text, source, read) -> None:
    rows = read(text, format=format_, tag_names=NAMES, **source)
    assert [row["tags"] for row in rows] == [["B-city", "I-city"], ["O"]]


@pytest.fixture
def database(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "corpus.db") as connection:
        connection.execute("create table words (s text, w text, t integer)")
        connection.executemany("insert into words values (?, ?, ?)", [("a", "New", 1), ("a", "Ulm", None)])
    return f"sqlite:///{tmp_path}/corpus.db"


def test_numbers_of_a_database_are_named_or_refused(database, read_rows) -> None:
    source = {**LONG, "format": "sql", "url": database, "query": "select * from words"}
    assert read_rows({**source, "tag_names": NAMES})[0]["tags"] == ["B-city", None]
    with pytest.raises(CorpusFormatError, match=r"sql: tags are numbers without names: .* tag_names = "):
        read_rows(source)


@pytest.mark.parametrize("good", ['{"tokens": ["is"], "tags": [0]}', '{"tokens": ["is"], "tags": ["0"]}'])
@pytest.mark.parametrize("more", ["", "[1]\n"], ids=["by Arrow", "line by line"])
def test_numbers_in_json_are_read_the_same_by_arrow_and_line_by_line(good, more, read) -> None:
    text = f'{good}\n{{"tokens": ["New", "x"], "tags": [1, null]}}\n{{"tokens": ["x"], "tags": null}}\n'
    rows = read(text + more, format="jsonl", tag_names=NAMES)
    assert [row["tags"] for row in rows][:3] == [["O"], ["B-city", None], None]


def test_numbers_in_json_without_names_are_refused(read) -> None:
    with pytest.raises(
        CorpusFormatError, match=r"corpus\.txt:1: tags are numbers without names: .* \[0, 1\]"
    ):
        read('{"tokens": ["a", "b"], "tags": [0, 1]}\n', format="jsonl")
    rows = read('{"tokens": ["a"], "tags": ["O"]}\n{"tokens": ["a"], "tags": [1]}\n', format="jsonl")
    assert rows[1]["defect"] == "corpus.txt:2: tags are numbers without names, got [1]; set tag_names"
