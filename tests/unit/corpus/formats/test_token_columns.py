"""Further columns of tokens, in every format that has columns."""

from __future__ import annotations

import json
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config.corpus_config import CorpusConfig
from seqtag.corpus import read_sources
from seqtag.corpus.record_batches import has_content_id
from seqtag.errors import CorpusFormatError

POS = [["NNP", "VBZ"], ["DT"]]
LONG = {"sequence_column": "case", "token_column": "word", "tag_column": "tag"}


def values(rows, name="pos"):
    return [row[name] for row in rows]


def test_columns_of_conll_are_named_by_number(read):
    rows = read("Ann NNP O\nruns VBZ O\n\nThe DT O\n", format="conll", token_columns={"pos": 1})
    assert values(rows) == POS


@pytest.mark.parametrize(
    ("columns", "tag_column", "width"), [({"pos": 1, "ner": 3}, -1, 4), ({"ner": -2}, 1, 3)]
)
def test_the_tags_are_no_further_column_once_their_number_is_known(columns, tag_column, width, read):
    text = "\n\n".join(f"w{i} NN _ B-X".rsplit(" ", 4 - width)[0] for i in range(20))
    with pytest.raises(CorpusFormatError) as error:
        read(text, format="conll", token_columns=columns, tag_column=tag_column)
    assert str(error.value) == (
        "corpus.txt:1: token_columns name the tags as 'ner': the model would read what it predicts; expected "
        f"another column, got {columns['ner']}, as tag_column = {tag_column} in lines of {width} columns"
    )


def test_lines_whose_tags_are_a_further_column_break_their_sequences(read):
    text = "a 1 2 O\n\n" * 9 + "b 1 O\n\n"
    rows = read(text, format="conll", tag_column=1, token_columns={"x": -2}, n_columns="vary")
    assert [row["defect"] for row in rows[:-1]] == [None] * 9
    assert rows[-1]["defect"].startswith("corpus.txt:19: found 3 columns, expected at least 2 and not 3")


def test_a_further_column_that_most_lines_lack_is_an_error(read):
    with pytest.raises(CorpusFormatError) as error:
        read("a NN O\n", format="conll", token_columns={"pos": 1, "chunk": 9})
    assert str(error.value) == (
        "corpus.txt:1: too few columns between tabs or blanks, here and in most lines: expected at least 11 "
        "(token_column = 0, tag_column = -1, token_columns = { pos = 1, chunk = 9 }), found 3 in 'a NN O'; "
        "set separator, token_column, tag_column or token_columns"
    )


def test_columns_of_conllu_have_no_value_where_there_is_an_underscore(read):
    lines = [
        "1\tAnn\t_\tPROPN\tNNP\tNumber=Sing\t2\tnsubj\t_\t_",
        "2\truns\trun\tVERB\t_\t_\t0\troot\t_\t_",
    ]
    rows = read("\n".join(lines) + "\n\n", format="conllu", token_columns={"xpos": "XPOS", "feats": "FEATS"})
    assert values(rows, "xpos") == [["NNP", None]]
    assert values(rows, "feats") == [["Number=Sing", None]]
    with pytest.raises(CorpusFormatError, match=r"no column 'XPOSS'.*token_columns"):
        read("\n".join(lines) + "\n\n", format="conllu", token_columns=["XPOSS"])


@pytest.mark.parametrize("order", [{}, {"order_column": "time"}])
def test_columns_of_a_table_follow_the_order_of_its_tokens(read, order):
    table = "case,word,tag,time,pos tag\n1,runs,O,2, VBZ \n1,Ann,O,1,NNP\n2,The,O,1,\n"
    rows = read(table, format="table", token_columns={"pos": "pos tag", "time": "time"}, **LONG, **order)
    expected = [["NNP", "VBZ"], [None]] if order else [["VBZ", "NNP"], [None]]
    assert values(rows) == expected
    assert values(rows, "time") == ([["1", "2"], ["1"]] if order else [["2", "1"], ["1"]])


def test_a_table_must_have_its_columns(read):
    with pytest.raises(CorpusFormatError, match=r"'pos' is missing.*correct token_columns"):
        read("case,word,tag\n1,a,O\n", format="table", token_columns=["pos"], **LONG)


def test_json_arrays_may_have_numbers_texts_and_nulls(read):
    objects = [
        {"tokens": ["a", "b"], "tags": ["O", "O"], "n": [1, 2], "x": [0.5, None], "pos": ["A", None]},
        {"tokens": ["c"], "tags": ["O"], "n": [None], "x": None, "pos": ["B"]},
        {"tokens": ["d"], "tags": ["O"], "n": ["many"], "x": [True], "pos": [7]},
    ]
    rows = read(
        "".join(f"{json.dumps(o)}\n" for o in objects), format="jsonl", token_columns=["n", "x", "pos"]
    )
    assert values(rows, "n") == [["1", "2"], [None], ["many"]]
    assert values(rows, "x") == [["0.5", None], [None], ["true"]]
    assert values(rows, "pos") == [["A", None], ["B"], ["7"]]


def test_the_first_object_must_have_the_columns(read):
    with pytest.raises(CorpusFormatError, match=r"object lacks 'pos'.*token_columns"):
        read('{"tokens": ["a"], "tags": ["O"]}\n', format="jsonl", token_columns=["pos"])


def test_columns_of_parquet_may_have_any_type(read_rows, tmp_path):
    table = pa.table(
        {
            "tokens": [["a", "b"], ["c"]],
            "tags": [["O", "O"], ["O"]],
            "amount": pa.array([[1.5, None], None], pa.list_(pa.float64())),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows = read_rows({"format": "parquet", "path": f"{tmp_path}/a.parquet", "token_columns": ["amount"]})
    assert values(rows, "amount") == [["1.5", None], [None]]


def test_columns_of_long_parquet_may_be_the_order(read_rows, tmp_path):
    times = pa.array([2_000, 1_000], pa.timestamp("ms", "UTC"))
    table = pa.table({"case": ["1", "1"], "word": ["b", "a"], "tag": ["O", "O"], "time": times})
    pq.write_table(table, tmp_path / "a.parquet")
    source = {"format": "parquet-long", "path": f"{tmp_path}/a.parquet", **LONG, "order_column": "time"}
    rows = read_rows({**source, "token_columns": ["time"]})
    assert values(rows, "tokens") == [["a", "b"]]
    assert [text[:19] for text in rows[0]["time"]] == ["1970-01-01 00:00:01", "1970-01-01 00:00:02"]


def test_columns_of_a_query(read_rows, tmp_path):
    with sqlite3.connect(tmp_path / "a.sqlite") as database:
        database.execute("create table log (c text, word text, tag text, amount real)")
        database.executemany(
            "insert into log values (?, ?, ?, ?)", [("1", "a", "O", 2.5), ("1", "b", "O", None)]
        )
    source = {"format": "sql", "url": f"sqlite:///{tmp_path}/a.sqlite", "query": "select * from log"}
    rows = read_rows({**source, **LONG, "sequence_column": "c", "token_columns": ["amount"]})
    assert values(rows, "amount") == [["2.5", None]]


def test_another_number_of_values_breaks_a_sequence(read):
    text = '{"tokens": ["a", "b"], "tags": ["O", "O"], "pos": ["A"]}\n'
    (row,) = read(text, format="jsonl", token_columns=["pos"])
    assert row["defect"] == (
        "corpus.txt:1: column 'pos' has another number of values: expected one per token, 2, got 1"
    )


def test_a_source_without_a_column_has_no_values(read_rows, tmp_path):
    (tmp_path / "a.conll").write_text("Ann NNP O\n\n")
    (tmp_path / "b.conll").write_text("Bob O\n\n")
    rows = read_rows(
        {"format": "conll", "path": str(tmp_path / "a.conll"), "token_columns": {"pos": 1}},
        {"format": "conll", "path": str(tmp_path / "b.conll")},
    )
    assert values(rows) == [["NNP"], None]


def test_columns_of_tokens_stay_next_to_those_of_a_path(read_rows, tmp_path):
    folder = tmp_path / "split=dev" / "site=x"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("case,word,tag,pos\n1,a,O,A\n")
    source = {"format": "table", "path": f"{tmp_path}/*/*/*.csv", **LONG, "split_column": "split"}
    (row,) = read_rows({**source, "token_columns": ["pos"]}, columns=["site"])
    assert (row["split"], row["site"], row["pos"]) == ("dev", "x", ["A"])


def test_columns_are_cut_with_their_tokens(tmp_path):
    lines = ["case,word,tag,amount"]
    lines += [f"a,w{i},O,{i}" for i in range(7)] + [f"b,v{i},O,{'' if i % 2 else 10 + i}" for i in range(3)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "b.conll").write_text("x O\n" * 5)
    table = {"format": "table", "path": str(tmp_path / "a.csv"), **LONG, "token_columns": ["amount"]}
    other = {"format": "conll", "path": str(tmp_path / "b.conll")}
    corpus = CorpusConfig.model_validate({"sources": [table, other], "cut": {"max_length": 3}})
    rows = pa.Table.from_batches(list(read_sources(corpus))).to_pylist()
    assert values(rows, "tokens")[:2] == [["w0", "w1", "w2"], ["w3", "w4", "w5"]]
    numbers = [["0", "1", "2"], ["3", "4", "5"], ["6"], ["10", None, "12"], None, None]
    assert values(rows, "amount") == numbers
    assert [row["sequence_id"] for row in rows][:3] == ["a#1", "a#2", "a#3"]


def test_sequences_without_documents_are_known_as_such_whatever_columns_other_sources_have(tmp_path):
    (tmp_path / "all.conll").write_text("a X 1 O\n\nb X 1 O\n")
    (tmp_path / "tags.conll").write_text("a O\n")
    files = {"format": "conll", "path": str(tmp_path / "all.conll")}
    sources = [
        {**files, "token_columns": {"pos": 1, "n": 2}},
        {**files, "token_columns": {"n": 2, "pos": 1}},
        {**files, "token_columns": {"pos": 2, "n": 1}},
        {"format": "conll", "path": str(tmp_path / "tags.conll")},
    ]
    batch = pa.Table.from_batches(read_sources(CorpusConfig.model_validate({"sources": sources})))
    (batch,) = batch.combine_chunks().to_batches()
    first, _, same, _, swapped, _, bare = batch["document_id"].to_pylist()

    assert has_content_id(batch).all()
    assert first == same
    assert len({first, swapped, bare}) == 3


def test_a_document_column_without_values_is_a_warning(report):
    table = "case,word,tag,pos,document\n1,runs,O,VBZ,{0}\n2,Ann,O,,{0}\n"
    source = {"format": "table", **LONG, "token_columns": ["pos"], "document_column": "document"}
    assert [warned.kind for warned in report(table.format(""), **source).warnings] == ["no_document"]
    assert report(table.format("d"), **source).warnings == []
