"""Bulk tagging: the sources of [tagging] through all its steps, with a champion that was really trained."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.cli import app
from seqtag.config import Settings, TaggerConfig, load_tagger
from seqtag.config.source_config import SampleSource
from seqtag.corpus import sample_batches, snapshot
from seqtag.errors import ConfigError, CorpusRejectedError
from seqtag.neural import Tagger
from seqtag.reporting import TaggingSummary
from seqtag.run_dir import TaggedSnapshot
from seqtag.steps import Workspace
from seqtag.steps.tag_parts import tag_files
from seqtag.subprocess_runner import run_in_subprocess
from tests.taggers import ME, Taggers, retrain

DAY = date(2026, 2, 1)
pytestmark = pytest.mark.usefixtures("in_this_process")
SOURCE = '\n[tagging]\ncolumns = ["user"]\n\n[[tagging.sources]]\nformat = "jsonl"\npath = "new.jsonl"\n'


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Return a folder with a tagger's file, and a home with its champion, version 1, and version 2."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQTAG_HOME", str(folder / "home"))
        retrain(Taggers(folder).write(seed=2, more=SOURCE), Workspace.of(Settings()))
        retrain(Taggers(folder).write(more=SOURCE), Workspace.of(Settings()), day=2)
        assert Workspace.of(Settings()).registry().champion("small").version == "1"
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that folder, with 120 sequences to tag, one of them empty."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("SEQTAG_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)
    write_sequences(folder, n=120, broken=1)
    return folder


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tag without a subprocess, which would load TensorFlow again."""

    def call(function: Callable[..., None], **arguments: Any) -> None:
        function(**arguments)

    monkeypatch.setattr(sys.modules["seqtag.steps.tag_parts"], "run_in_subprocess", call)


def write_sequences(folder: Path, *, n: int, broken: int = 0, seed: int = 8) -> None:
    batches = sample_batches(SampleSource(format="sample", n_sequences=n, seed=seed), ())
    tokens = [each for batch in batches for each in batch["tokens"].to_pylist()]
    for number in range(broken):
        tokens[2 * number + 1] = []
    lines = [json.dumps({"tokens": each, "user": f"u{number}"}) for number, each in enumerate(tokens)]
    (folder / "new.jsonl").write_text("\n".join(lines) + "\n")


def opened(**arguments: Any) -> tuple[TaggerConfig, Workspace, TaggedSnapshot]:
    config, workspace = load_tagger("small.toml"), Workspace.of(Settings())
    found = steps.ingest_untagged(config, workspace)
    return config, workspace, steps.open_tagging(config, found, workspace, **{"as_of": DAY, **arguments})


def tag_all(**arguments: Any) -> TaggedSnapshot:
    config, workspace, tagged = opened(**arguments)
    if not steps.is_finished(tagged):
        for names in steps.groups_of_parts(tagged, workspace):
            steps.tag_parts(tagged, names, workspace)
        steps.finish_tagging(config, tagged, workspace)
    return tagged


def test_sequences_are_tagged_as_by_the_champion_and_keep_their_columns(project: Path) -> None:
    tagged = tag_all()
    rows = pq.read_table(tagged.sequences)
    assert rows.column_names == [
        "sequence_id", "document_id", "tokens", "user", "predicted", "confidence", "model_version"
    ]  # fmt: skip
    assert rows["user"].to_pylist() == ["u0", *(f"u{n}" for n in range(2, 120))]
    assert set(rows["model_version"].to_pylist()) == {"1"}
    champion = Workspace.of(Settings()).registry().champion("small")
    expected = Tagger.load(champion.bundle).tag(rows["tokens"].combine_chunks())
    assert rows["predicted"].to_pylist() == expected.predicted.to_pylist()


def test_what_cannot_be_tagged_is_in_quarantine_with_its_reason(project: Path) -> None:
    tagged = tag_all()
    (refused,) = pq.read_table(tagged.quarantine).to_pylist()
    assert (refused["row"], refused["user"]) == (1, "u1")
    assert refused["reasons"] == ["broken_sequence", "empty_token"]
    summary = TaggingSummary.load(tagged.summary)
    assert (summary.n_sequences, summary.n_quarantined, summary.version) == (119, 1, "1")
    assert summary.by_rule == {"broken_sequence": 1, "empty_token": 1, "invalid_value": 0}
    assert 0 < summary.confidence <= 1
    assert sum(summary.tags.values()) == summary.n_tokens


def test_too_many_broken_sequences_are_refused_before_anything_is_tagged(project: Path) -> None:
    write_sequences(project, n=120, broken=40)
    with pytest.raises(CorpusRejectedError, match=r"expected at most 1.0%.*got 33.3% of 120 sequences"):
        opened()
    assert not list((project / "home" / "tagged" / "small").glob("????-*"))


def test_sequences_that_a_version_has_tagged_are_not_tagged_again(project: Path) -> None:
    first = tag_all()
    before = first.summary.stat().st_mtime_ns
    again = tag_all(as_of=date(2026, 2, 2))
    assert again == first
    assert first.summary.stat().st_mtime_ns == before
    assert not first.partial.exists()


def test_of_two_taggings_at_once_the_second_finds_the_work_of_the_first(project: Path) -> None:
    config, workspace, tagged = opened()
    second = opened()[2]
    groups = steps.groups_of_parts(second, workspace)
    tag_all()
    for names in groups:
        steps.tag_parts(second, names, workspace)
    steps.finish_tagging(config, second, workspace)
    assert second == tagged
    assert steps.groups_of_parts(second, workspace) == []
    assert not tagged.partial.exists()


def test_files_that_were_moved_are_not_tagged_again(project: Path) -> None:
    tagged = tag_all()
    shutil.rmtree(tagged.sequences)
    assert tag_all() == tagged
    assert not tagged.sequences.exists()


def test_each_version_and_each_snapshot_has_a_folder(project: Path) -> None:
    first, second = tag_all(), tag_all(version="2")
    write_sequences(project, n=120, seed=9)
    third = tag_all()
    assert [each.id[-3:] for each in (first, second, third)] == ["-v1", "-v2", "-v1"]
    assert len({first.id, second.id, third.id}) == 3


def test_the_champion_is_pinned_before_anything_is_tagged(project: Path) -> None:
    config, workspace, tagged = opened()
    steps.rollback("small", workspace, to="2", reason="a test", everything=False, by=ME)
    for names in steps.groups_of_parts(tagged, workspace):
        steps.tag_parts(tagged, names, workspace)
    steps.finish_tagging(config, tagged, workspace)
    assert set(pq.read_table(tagged.sequences)["model_version"].to_pylist()) == {"1"}


def test_parts_that_are_tagged_are_kept_when_a_later_one_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "CHUNK_SEQUENCES", 20)
    monkeypatch.setattr(snapshot, "PART_CHUNKS", 2)
    config, workspace, tagged = opened()
    (names,) = steps.groups_of_parts(tagged, workspace)
    assert names == ("part-00000", "part-00001", "part-00002")
    second = next(workspace.home.untagged("small").glob("*/part-00001.parquet"))
    content = second.read_bytes()
    second.write_bytes(b"damaged")
    champion = workspace.registry().champion("small")
    parts = [str(second.with_name(f"{name}.parquet")) for name in names]
    with pytest.raises(pa.ArrowInvalid):
        tag_files(str(tagged.path), parts, str(champion.bundle))
    kept = tagged.tagged_part("part-00000").stat().st_ino
    assert not tagged.part("part-00001").exists()
    assert not tagged.path.exists()

    second.write_bytes(content)
    steps.tag_parts(tagged, names, workspace)
    assert tagged.tagged_part("part-00000").stat().st_ino == kept
    steps.finish_tagging(config, tagged, workspace)
    rows = pq.read_table(tagged.sequences)
    assert rows["user"].to_pylist() == ["u0", *(f"u{n}" for n in range(2, 120))]


def test_the_drift_of_the_sequences_is_written_next_to_them(project: Path) -> None:
    tagged = tag_all()
    drift = read_json(tagged.drift)
    assert drift["champion"]["version"] == "1"
    assert set(drift["profiles"]) == {"logs"}
    card = steps.tagging_card(tagged)
    assert "# Tagged by version 1 on 2026-02-01" in card
    assert "| sequences in quarantine | 1 (broken\\_sequence 1, empty\\_token 1) |" in card


def test_without_the_run_of_the_version_there_is_no_drift(project: Path) -> None:
    shutil.rmtree(project / "home" / "runs" / "small")
    tagged = tag_all()
    assert not tagged.drift.exists()
    assert "not known" in TaggingSummary.load(tagged.summary).drift
    assert "Drift is not known" in steps.tagging_card(tagged)


def with_source(folder: Path, text: str) -> None:
    file = folder / "small.toml"
    file.write_text(file.read_text().partition("\n[tagging]")[0] + text)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: with_source(folder, ""), "nothing to tag is configured"),
        (
            lambda folder: (folder / "new.jsonl").unlink(),
            r"^tagging.sources: '.*new.jsonl' matches no file",
        ),
        (lambda folder: shutil.rmtree(folder / "home"), r"no champion of 'small' in the registry"),
    ],
)
def test_what_is_missing_is_named(project: Path, prepare: Callable[[Path], None], message: str) -> None:
    prepare(project)
    with pytest.raises(ConfigError, match=message):
        opened()


def test_the_command_prints_the_folder_of_the_sequences(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["seqtag.steps.tag_parts"], "run_in_subprocess", run_in_subprocess)
    found = CliRunner().invoke(app, ["tag-sources", "small.toml"])
    assert found.exit_code == 0, found.output
    folder = Path(found.stdout.splitlines()[-1])
    assert len(pq.read_table(folder)) == 119
    assert "119 sequences" in found.stderr
    assert "tagged by version 1; 1 sequence in quarantine" in found.stderr
