"""Splits, documents and additional columns of tables whose rows disagree within a sequence."""

from __future__ import annotations

import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources

TABLE = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}


@pytest.mark.parametrize(
    ("column", "what", "values"),
    [("split_column", "split", ("train", "dev")), ("document_column", "document", ("d1", "d2"))],
)
def test_rows_that_name_two_values_make_their_sequence_defective(column, what, values, read):
    one, two = values
    rows = read(f"s,w,t,f\n0,a,O,{one}\n0,b,X,{two}\n1,a,O,{one}\n1,b,X, {one}\n", **TABLE, **{column: "f"})

    assert [row["defect"] for row in rows] == [
        f"corpus.txt: row 2: {what} '{two}' contradicts '{one}' in row 1; expected one {what} for a sequence "
        "(column 'f')",
        None,
    ]


def test_interleaved_rows_that_name_two_splits_make_their_sequence_defective(read):
    text = "s,o,w,t,f\n0,2,b,O,dev\n1,1,a,O,dev\n0,1,a,O,train\n1,2,b,O,dev\n"
    rows = read(text, **TABLE, split_column="f", order_column="o", rows="interleaved")

    assert [row["defect"] for row in rows] == [
        "corpus.txt: row 1: split 'dev' contradicts 'train' in row 3; expected one split for a sequence "
        "(column 'f')",
        None,
    ]


def test_blank_cells_do_not_contradict_split_and_document(read):
    text = "s,w,t,f,d\n0,a,O,,\n0,b,O,dev,d1\n0,c,O, ,\n1,a,O,test,\n1,b,O,,\n2,a,O,,d2\n"
    rows = read(text, **TABLE, split_column="f", document_column="d")

    assert [(row["split"], row["defect"]) for row in rows] == [("dev", None), ("test", None), (None, None)]
    assert [rows[0]["document_id"], rows[2]["document_id"]] == ["d1", "d2"]


def test_an_additional_column_that_varies_is_a_warning(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("s,w,t,x,y\n0,a,O,p,1\n0,b,O,p,2\n0,c,O,p,3\n1,a,O,q,4\n2,a,O,q,5\n2,b,O,r,6\n", "utf-8")
    sources = [{**TABLE, "path": str(path)}]
    corpus = CorpusConfig.model_validate({"sources": sources, "columns": ["y", "x", "t"]})
    warnings = []
    batches = list(read_sources(corpus, on_source=lambda report: warnings.extend(report.record().warnings)))

    assert [value for batch in batches for value in batch["x"].to_pylist()] == ["p", "q", "q"]
    assert [(w.text, w.place, w.count) for w in warnings] == [
        ("column 'y' varies within a sequence; the first row's value is kept", "corpus.csv: row 2", 2),
        ("column 'x' varies within a sequence; the first row's value is kept", "corpus.csv: row 6", 1),
    ]
