"""Assumptions and warnings of readers in log, profile, data docs, cards and CLI."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from seqtag import steps
from seqtag.artifacts import MANIFEST, find_manifest, publish, read_json
from seqtag.cli import app
from seqtag.config import Settings, TaggerConfig
from seqtag.corpus import SourceReport, readers
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir, Snapshot

COLUMNS = "a.conll:17: 4 columns where the first line has 3; set n_columns (the first of 12 such places)"
READ = "columns 2, comments none, compression none, encoding utf-8, header none, separator tab"
COMMENT = "b.conll:1: this line looks like a comment; set comment"


@pytest.fixture
def workspace(tmp_path: Path) -> steps.Workspace:
    return steps.Workspace.of(Settings(home=tmp_path / "home"))


@pytest.fixture
def doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the reader of CoNLL files report two warnings."""
    read = readers.read_conll

    def reading(
        source: Any, file: Any, columns: Any, report: SourceReport, **options: Any
    ) -> Iterator[pa.RecordBatch]:
        yield from read(source, file, columns, report, **options)
        report.change("tags stripped", 1200)
        if file.name == "a.conll":
            text = "4 columns where the first line has 3; set n_columns"
            report.warn("columns", text, place="a.conll:17", count=12)
        report.warn("comment", "this line looks like a comment; set comment", place=f"{file.name}:1")

    monkeypatch.setattr(readers, "read_conll", reading)


@pytest.fixture
def two_files(tmp_path: Path) -> Callable[..., TaggerConfig]:
    """Configuration of a tagger with two CoNLL files, of 60 and of 6 sequences."""

    def config(**tables: Any) -> TaggerConfig:
        found = []
        for name, n in (("a.conll", 60), ("b.conll", 6)):
            text = "\n\n".join(f"Ada{name}{i}\tB-PER\nKent\tB-LOC" for i in range(n))
            (tmp_path / name).write_text(text, "utf-8")
            found.append({"format": "conll", "path": str(tmp_path / name)})
        return TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": found}, **tables})

    return config


def opened(config: TaggerConfig, workspace: steps.Workspace) -> RunDir:
    return steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))


@pytest.mark.usefixtures("doubtful")
def test_ingest_reports_how_each_source_was_read_even_from_its_cache(two_files, workspace, caplog):
    config = two_files()
    records = []
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="seqtag"):
            steps.ingest(config, workspace)
        records.append([r for r in caplog.records if r.getMessage().startswith(("source", "warning"))])

    assert "the sources are unchanged" in caplog.text
    assert [record.getMessage() for record in records[0]] == [
        f"source a.conll: {READ}; 1,200 tags stripped; 60 sequences",
        f"warning: {COLUMNS}",
        "warning: a.conll:1: this line looks like a comment; set comment",
        f"source b.conll: {READ}; 1,200 tags stripped; 6 sequences",
        f"warning: {COMMENT}",
    ]
    assert [record.getMessage() for record in records[1]] == [record.getMessage() for record in records[0]]
    assert [record.levelname for record in records[0]] == ["INFO", "WARNING", "WARNING", "INFO", "WARNING"]


@pytest.mark.usefixtures("doubtful")
def test_profile_data_docs_and_card_show_sources_and_warnings(two_files, workspace):
    run = opened(two_files(), workspace)
    steps.validate(run)

    profile = read_json(run.profile)
    assert [(s["name"], s["n_sequences"], len(s["warnings"])) for s in profile["sources"]] == [
        ("a.conll", 60, 2),
        ("b.conll", 6, 1),
    ]
    assert (
        "; warnings: few_test_documents (test contains 6 documents, fewer than the 13 " in profile["sentence"]
    )
    assert profile["sentence"].endswith(f"; 2 sources contradict themselves, first {COLUMNS}.")
    page = run.data_docs.read_text("utf-8")
    for text in (COLUMNS, COMMENT, READ):
        assert text in page
    card = steps.corpus_card(run)
    assert f"| a.conll | 60 | {READ} |" in card
    assert "- **Warning** a.conll:17: 4 columns where" in card.replace("\\", "")


@pytest.mark.usefixtures("doubtful")
def test_a_refusal_ends_with_warnings_about_the_sources(two_files, workspace):
    run = opened(two_files(quality={"max_length": 1}), workspace)

    with pytest.raises(CorpusRejectedError) as error:
        steps.validate(run)

    assert str(error.value).endswith(
        f"; warnings: 2 sources contradict themselves, first {COLUMNS}. See {run.data_docs}"
    )


def test_an_older_snapshot_without_records_and_locations_is_validated(two_files, workspace):
    config = two_files(quality={"max_length": 1})
    snapshot = steps.ingest(config, workspace)
    for file in (snapshot.sources, snapshot.places, snapshot.path / MANIFEST):
        file.unlink()
    publish(
        snapshot.path.rename(snapshot.path.with_name("old")),
        snapshot.path,
        step="ingest",
        inputs={},
        seconds=0,
    )
    run = steps.open_run(config, snapshot, workspace, as_of=date(2026, 1, 1))

    with pytest.raises(
        CorpusRejectedError,
        match=r"; first sequence a\.conll#1 \(row 0\): 2 tokens, more than quality\.max_length = 1",
    ):
        steps.validate(run)

    assert read_json(run.profile)["sources"] == []
    assert "How the sources were read" not in run.data_docs.read_text("utf-8")
    assert "Sources" not in steps.corpus_card(run)


def test_moved_sequences_keep_the_snapshot_with_new_locations(tmp_path, workspace):
    def read(name: str, before: str) -> tuple[Snapshot, str]:
        lines = "\n".join(f'{{"id": "s{i}", "tokens": ["a{i}", ""], "tags": ["O", "O"]}}' for i in range(20))
        (tmp_path / name).write_text(before + lines, "utf-8")
        source = {"format": "jsonl", "path": str(tmp_path / name), "id_column": "id"}
        config = TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": [source]}})
        run = opened(config, workspace)
        with pytest.raises(CorpusRejectedError) as error:
            steps.validate(run)
        snapshot = Snapshot(run.resolved(read_json(run.snapshot_address)["path"]))
        return snapshot, str(error.value).partition("; first ")[2].partition(":")[2].partition(":")[0]

    one, first = read("monday.jsonl", "")
    manifest = find_manifest(one.path)
    same, also_first = read("tuesday.jsonl", "")
    unchanged = find_manifest(same.path)
    moved, third = read("tuesday.jsonl", "\n\n")

    assert one.id == same.id == moved.id
    assert (first, also_first, third) == ("1", "1", "3")
    assert unchanged == manifest  # a renamed file does not make a new snapshot
    assert find_manifest(moved.path) not in (None, manifest)


def test_ingest_prints_only_the_snapshot_to_stdout(two_files, tmp_path, monkeypatch):
    two_files()
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    toml = tmp_path / "toy.toml"
    toml.write_text(
        f'name = "toy"\n[[corpus.sources]]\nformat = "conll"\npath = "{tmp_path}/?.conll"\n', "utf-8"
    )

    done = CliRunner().invoke(app, ["ingest", str(toml)], catch_exceptions=False)

    (line,) = done.stdout.splitlines()
    assert Path(line).parent == tmp_path / "home" / "corpora" / "toy"
