"""Names of splits that are not train, dev and test."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceRecord, read_sources


def lines(*splits: str | None) -> str:
    return "".join(json.dumps({"tokens": ["a"], "tags": ["O"], "fold": split}) + "\n" for split in splits)


@pytest.fixture
def splits_of(tmp_path: Path):
    """Return the splits that are read, and what the report says."""

    def read(*given: str | None, **source: Any) -> tuple[list[str | None], SourceRecord]:
        (tmp_path / "a.jsonl").write_text(lines(*given))
        records: list[SourceRecord] = []
        corpus = CorpusConfig.model_validate(
            {
                "sources": [
                    {"format": "jsonl", "path": f"{tmp_path}/a.jsonl", "split_column": "fold", **source}
                ]
            }
        )
        batches = list(read_sources(corpus, on_source=lambda report: records.append(report.record())))
        return [split for batch in batches for split in batch["split"].to_pylist()], records[0]

    return read


def test_usual_names_are_mapped_in_any_case_and_reported(splits_of) -> None:
    splits, record = splits_of(
        "Train", "validation", "VAL", "valid", "devel", "training", "validation", None, "test"
    )
    assert splits == ["train", "dev", "dev", "dev", "dev", "train", "dev", None, "test"]
    assert record.changed["splits 'validation' read as dev"] == 2
    assert record.changed["splits 'Train' read as train"] == 1
    assert record.warnings == []


def test_plain_names_change_nothing(splits_of) -> None:
    splits, record = splits_of("train", "dev", None, "test")
    assert (splits, record.changed) == (["train", "dev", None, "test"], {})


def test_the_key_maps_other_names_and_overrides_usual_ones(splits_of) -> None:
    names = {"testa": "dev", "TestB": "test", "validation": "test", "0": "train"}
    splits, _ = splits_of("testA", "testb", "validation", "0", split_names=names)
    assert splits == ["dev", "test", "test", "train"]


def test_an_unknown_name_is_kept_and_a_warning_names_the_key(splits_of) -> None:
    splits, record = splits_of("train", "testa", "eval", "testa")
    assert splits == ["train", "testa", "eval", "testa"]
    (warned,) = record.warnings
    assert (warned.kind, warned.count) == ("unknown_splits", 3)
    assert warned.place == "a.jsonl:2"
    assert warned.text == (
        "unknown split 'testa': expected train, dev or test; say which it is: "
        'split_names = { "testa" = "dev" } in [[corpus.sources]]'
    )


def test_splits_of_a_database_are_mapped(tmp_path: Path, read_rows) -> None:
    with sqlite3.connect(tmp_path / "corpus.db") as connection:
        connection.execute("create table words (s text, w text, t text, p text)")
        connection.execute("insert into words values ('a', 'b', 'O', 'Validation')")
    source = {"format": "sql", "url": f"sqlite:///{tmp_path}/corpus.db", "query": "select * from words"}
    columns = {"sequence_column": "s", "token_column": "w", "tag_column": "t", "split_column": "p"}
    assert read_rows({**source, **columns})[0]["split"] == "dev"


@pytest.mark.parametrize(
    ("name", "split"), [("trn", "train"), ("tset", "test"), ("testb", "test"), ("eval", "dev")]
)
def test_the_suggested_key_maps_a_name_to_the_split_that_it_resembles(splits_of, name, split) -> None:
    _, record = splits_of(name)
    assert record.warnings[0].text.endswith(f'split_names = {{ "{name}" = "{split}" }} in [[corpus.sources]]')
