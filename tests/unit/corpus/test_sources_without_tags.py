"""Sequences to tag, read from every format without tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from seqtag.config import TaggerConfig
from seqtag.corpus import read_sources

SEQUENCES = [["Ada", "spoke"], ["Bo"]]
LONG = [(str(n), token) for n, tokens in enumerate(SEQUENCES) for token in tokens]
NAMED = {"sequence_column": "id", "token_column": "word"}


def as_text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text) and None


def as_parquet(table: dict[str, Any]) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(table), path)


def as_database(path: Path) -> None:
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        connection.exec_driver_sql("CREATE TABLE words (id TEXT, word TEXT)")
        for row in LONG:
            connection.exec_driver_sql("INSERT INTO words VALUES (?, ?)", row)


COLUMNS = {"id": [n for n, _ in LONG], "word": [word for _, word in LONG]}
XES = "".join(
    f'<trace><string key="concept:name" value="{n}"/>'
    + "".join(f'<event><string key="concept:name" value="{token}"/></event>' for token in tokens)
    + "</trace>"
    for n, tokens in enumerate(SEQUENCES)
)
FORMATS = {
    "conll": ({}, as_text("Ada\nspoke\n\nBo\n")),
    "conllu": (
        {},
        as_text("1\tAda" + "\t_" * 8 + "\n2\tspoke" + "\t_" * 8 + "\n\n1\tBo" + "\t_" * 8 + "\n\n"),
    ),
    "table": (NAMED, as_text("id,word\n" + "".join(f"{n},{word}\n" for n, word in LONG))),
    "parquet-long": (NAMED, as_parquet(COLUMNS)),
    "jsonl": ({}, as_text("".join(json.dumps({"tokens": tokens}) + "\n" for tokens in SEQUENCES))),
    "jsonl-spans": (
        {"tokenise": "whitespace"},
        as_text("".join(json.dumps({"text": " ".join(tokens)}) + "\n" for tokens in SEQUENCES)),
    ),
    "parquet": ({}, as_parquet({"tokens": SEQUENCES})),
    "parallel": ({}, as_text("Ada spoke\nBo\n")),
    "xes": ({}, as_text(f'<?xml version="1.0"?><log xes.version="1.0">{XES}</log>')),
    "sql": (
        {**NAMED, "url": "sqlite:///PATH", "query": "select * from words order by id, rowid"},
        as_database,
    ),
}


@pytest.mark.parametrize("form", FORMATS)
def test_tokens_are_read_and_tags_are_null(tmp_path: Path, form: str) -> None:
    keys, write = FORMATS[form]
    path = tmp_path / "data"
    write(path)
    source = {"format": form, **keys}
    if form == "sql":
        source["url"] = f"sqlite:///{path}"
    else:
        source["path"] = str(path)
    assert read(source) == [(tokens, None, None) for tokens in SEQUENCES]


def test_a_record_of_fasta_needs_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "x.fasta"
    path.write_text(">P1\nMKV\n>P2\nMK\nHH\n")
    found = read({"format": "fasta", "path": str(path)})
    assert found == [(["M", "K", "V"], None, None), (["M", "K"], None, None)]


def test_tags_that_are_there_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.conll"
    path.write_text("Ada B-PER\nspoke O\n\nBo B-PER\n")
    assert read({"format": "conll", "path": str(path)}) == [(tokens, None, None) for tokens in SEQUENCES]


def test_tokens_that_are_numbers_are_not_taken_for_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"tokens": ["a"]}\n{"tokens": [1, 2]}\n')
    (_, (_, _, defect)) = read({"format": "jsonl", "path": str(path)})
    assert "x.jsonl:2: 'tokens'" in defect


def read(source: dict[str, Any]) -> list[tuple[list[str], list[str] | None, str | None]]:
    """Return tokens, tags and defect of each sequence."""
    config = TaggerConfig.model_validate(
        {"name": "x", "corpus": {"sources": [{"format": "sample"}]}, "tagging": {"sources": [source]}}
    )
    rows = [row for batch in read_sources(config.tagging.corpus) for row in batch.to_pylist()]
    return [(row["tokens"], row["tags"], row["defect"]) for row in rows]
