"""Whitespace around cells, in every format."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources
from seqtag.corpus.source_report import SourceRecord

TABLE = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}


def records(**source: object) -> list[SourceRecord]:
    found: list[SourceRecord] = []
    corpus = CorpusConfig.model_validate({"sources": [source]})
    list(read_sources(corpus, on_source=lambda report: found.append(report.record())))
    return found


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u3000", "\u2009"])
def test_a_blank_after_a_tag_is_not_part_of_it(blank, read, content):
    text = f"Nora\tB-PER{blank}\nswam\tO{blank}\n"

    assert content(read(text, format="conll", separator="tab")) == [(["Nora", "swam"], ["B-PER", "O"])]


def test_cells_padded_by_a_database_are_stripped(tmp_path, read_rows):
    url = f"sqlite:///{tmp_path / 'padded.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table c (s text, w text, t text, d text, p text, x text)"))
        for row in (
            ("s1  ", "Nora  ", "B-PER ", "d1 ", "train ", "mail "),
            ("s1", "swam ", "O  ", "", "", ""),
        ):
            values = dict(zip("swtdpx", row, strict=True))
            connection.execute(sqlalchemy.text("insert into c values (:s, :w, :t, :d, :p, :x)"), values)
    engine.dispose()
    source = {"format": "sql", "url": url, "query": "select * from c", "split_column": "p"}
    (row,) = read_rows({**TABLE, **source, "document_column": "d"}, columns=["x"])

    assert (row["sequence_id"], row["document_id"], row["split"], row["x"]) == ("s1", "d1", "train", "mail")
    assert (row["tokens"], row["tags"]) == (["Nora", "swam"], ["B-PER", "O"])


def test_changed_cells_are_counted(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("s,w,t\n1 ,a ,O \n1,b,O\u00a0\n2,c,O\n", "utf-8")
    (record,) = records(path=str(path), **TABLE)

    assert record.changed == {"sequence ids stripped": 1, "tokens stripped": 1, "tags stripped": 2}


def test_ids_that_differ_only_in_blanks_are_equal(read):
    assert [row["tokens"] for row in read("s,w,t\n1,a,O\n1 ,b,O\n\u00a01,c,O\n", **TABLE)] == [
        ["a", "b", "c"]
    ]


def test_a_whitespace_token_is_read_as_empty_and_reported_with_its_place(tmp_path, read_rows):
    path = tmp_path / "corpus.jsonl"
    rows = [{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["b", "\u3000", "\n"], "tags": ["O", "O", "O"]}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    source = {"format": "jsonl", "path": str(path)}

    assert [row["tokens"] for row in read_rows(source)] == [["a"], ["b", "", ""]]
    (warned,) = records(**source)[0].warnings
    assert (warned.kind, warned.place, warned.count) == ("blank_tokens", "corpus.jsonl:2", 2)
    assert warned.text == (
        "token 2 of the sequence that begins here is only whitespace ('\\u3000') and was read as an "
        "empty token; remove it from the source"
    )


def test_whitespace_around_a_token_in_a_list_is_kept(tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"tokens": [["Nora", " swam"]], "tags": [["B-PER ", " O"]]}), path)
    (row,) = read_rows({"format": "parquet", "path": str(path)})

    assert (row["tokens"], row["tags"]) == (["Nora", " swam"], ["B-PER", "O"])


def test_a_blank_id_is_missing(read):
    text = '{"id": " ", "tokens": ["a"], "tags": ["O"]}\n{"id": "7 ", "tokens": ["b"], "tags": ["O"]}\n'
    rows = read(text, format="jsonl", id_column="id")

    assert [row["sequence_id"] for row in rows] == ["corpus.txt#1", "7"]


@pytest.mark.parametrize("token", ["\u200b", "\u0085", "\u2028", "\u2029", "\ufeff", "\x1f", "a\u00a0b"])
def test_invisible_characters_other_than_whitespace_are_kept(token, read):
    text = json.dumps({"tokens": [token, "b"], "tags": ["O", "O"]}) + "\n"

    assert read(text, format="jsonl")[0]["tokens"] == [token, "b"]
    assert read(f"s,w,t\n1,{token},O\n1,b,O\n", **TABLE)[0]["tokens"] == [token, "b"]


def test_lists_with_nulls_are_stripped_too(tmp_path, read_rows):
    path = tmp_path / "corpus.parquet"
    columns = {"tokens": [["a"], None, ["b"]], "tags": [["O "], None, [None]]}
    pq.write_table(pa.table(columns), path)

    assert [row["tags"] for row in read_rows({"format": "parquet", "path": str(path)})] == [
        ["O"],
        None,
        [None],
    ]
