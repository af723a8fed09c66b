"""Retention: which runs and snapshots `seqtag remove --keep` removes, and which it keeps."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqtag import steps
from seqtag.cli import app
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError, CorpusRejectedError
from seqtag.registry import Registry, RegistryDecision
from seqtag.run_dir import RunDir, Snapshot, TaggedSnapshot, opened_runs
from seqtag.steps import Workspace
from tests.registry_decisions import apply_decision
from tests.taggers import ME, Taggers, retrain

SOURCE = '\n[[tagging.sources]]\nformat = "jsonl"\npath = "new.jsonl"\n'
NOW = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Return a folder with three runs: the champion's, one on another corpus, and the newest."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQTAG_HOME", str(folder / "home"))
        taggers, workspace = Taggers(folder), Workspace.of(Settings())
        retrain(taggers.write(seed=2, more=SOURCE), workspace)
        file = Path(taggers.write(more=SOURCE))
        file.write_text(file.read_text().replace("n_sequences = 200", "n_sequences = 210"))
        retrain(file, workspace, day=2)
        retrain(taggers.write(more=SOURCE), workspace, day=3)
        assert workspace.registry().champion("small").version == "1"
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of that folder whose snapshots were read long ago."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder, copy_function=shutil.copy2)
    for snapshot in (folder / "home" / "corpora" / "small").iterdir():
        os.utime(snapshot, (0, 0))
    monkeypatch.setenv("SEQTAG_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def runs(project: Path) -> list[RunDir]:
    """Return the runs, oldest first."""
    return sorted(opened_runs(project / "home" / "runs" / "small"), key=lambda run: run.id)


def remove(*arguments: str) -> list[str]:
    done = CliRunner().invoke(app, ["remove", "small", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def kept(*, n_runs: int = 1) -> dict[str, tuple[str, ...]]:
    return dict(steps.retention("small", Workspace.of(Settings()), n_runs=n_runs).kept)


def outdated(project: Path, *, n_runs: int = 1) -> set[str]:
    workspace = Workspace.of(Settings())
    found = steps.retention("small", workspace, n_runs=n_runs, config=load_tagger("small.toml"))
    return {str(folder.path.relative_to(project / "home")) for folder in found.outdated}


def promote(version: str, *, over: str) -> Registry:
    """Promote a version, whatever the gate said."""
    registry = Workspace.of(Settings()).registry()
    better = RegistryDecision(
        "PROMOTE", "PROMOTE: better.", against=over, digest=version, dataset="s", report="r"
    )
    apply_decision(registry, "small", version, better, by=ME)
    return registry


def snapshot_of(run: RunDir) -> Snapshot:
    return steps.read_snapshot(run)


def test_the_newest_run_and_those_of_aliases_are_kept(runs: list[RunDir]) -> None:
    assert kept() == {
        runs[2].id: ("newest", "challenger (version 3)"),
        runs[0].id: ("champion (version 1)",),
    }
    assert set(kept(n_runs=2)) == {run.id for run in runs}


def test_without_yes_it_lists_and_removes_nothing(project: Path, runs: list[RunDir]) -> None:
    before = sorted(project.rglob("*"))
    lines = remove("--keep", "1")
    assert [line.split("  ")[1] for line in lines if line.startswith("would remove")] == [
        str(runs[1].path),
        str(snapshot_of(runs[1]).path),
    ]
    assert lines[-2].startswith("would free  ")
    assert lines[-1] == "Nothing was removed. To remove: seqtag remove small --keep 1 --yes"
    assert sorted(project.rglob("*")) == before


def test_with_yes_it_removes_the_run_and_its_snapshot_and_nothing_is_repeated(
    project: Path, runs: list[RunDir]
) -> None:
    snapshots = [snapshot_of(run) for run in runs]
    assert remove("--keep", "1", "--yes")[-1].startswith("freed  ")
    assert [run.path.exists() for run in runs] == [True, False, True]
    assert [snapshot.path.exists() for snapshot in snapshots] == [True, False, True]
    assert not list((project / "home").rglob("*.removed"))
    for step in (steps.validate, steps.split, steps.train, steps.evaluate, steps.decide):
        assert step(runs[2]).reused, step
    assert len(Workspace.of(Settings()).registry().versions("small")) == 3


def test_a_run_in_which_a_step_is_running_is_kept(runs: list[RunDir]) -> None:
    with (runs[1].path / ".split.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert kept()[runs[1].id] == ("a step is running",)


def test_a_step_that_begins_meanwhile_stops_the_removal(runs: list[RunDir]) -> None:
    found = steps.retention("small", Workspace.of(Settings()), n_runs=1)
    with (runs[1].path / ".split.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="nothing was removed"):
            steps.remove(found.outdated)
    assert all(folder.path.exists() for folder in found.outdated)


def test_a_run_that_waits_for_approval_is_kept(runs: list[RunDir]) -> None:
    shutil.rmtree(runs[1].output("promote"))
    steps.open_approval_request(runs[1], by="one", now=NOW, within=timedelta(hours=1))
    assert kept()[runs[1].id] == ("waits for approval",)


def test_a_run_that_a_block_names_is_kept(runs: list[RunDir]) -> None:
    registry = promote("2", over="1")
    registry.roll_back("small", "2", "1", reason="worse", everything=False, by=ME)
    assert kept()[runs[1].id] == ("a block names it (version 2)",)
    registry.unblock("small", reason="fixed", by=ME)
    assert runs[1].id not in kept()


def test_the_run_that_a_kept_run_was_compared_with_is_kept(runs: list[RunDir]) -> None:
    promote("3", over="1")
    promote("2", over="3")
    assert kept()[runs[0].id] == (f"{runs[2].id} was compared with it",)


def test_a_snapshot_that_was_just_read_is_kept(project: Path, runs: list[RunDir]) -> None:
    file = project / "small.toml"
    file.write_text(file.read_text().replace("n_sequences = 200", "n_sequences = 210"))
    assert steps.ingest(load_tagger(file), Workspace.of(Settings())) == snapshot_of(runs[1])
    assert outdated(project) == {f"runs/small/{runs[1].id}"}


def test_an_interrupted_removal_is_completed(project: Path, runs: list[RunDir]) -> None:
    runs[1].path.rename(runs[1].path.with_name(f".{runs[1].id}.removed"))
    remove("--keep", "3", "--yes")
    assert not list((project / "home").rglob("*.removed"))
    assert runs[0].path.exists()


def test_files_that_other_runs_share_free_no_space(project: Path, runs: list[RunDir]) -> None:
    size = runs[1].split("train").stat().st_size
    found = steps.retention("small", Workspace.of(Settings()), n_runs=1).outdated
    before = steps.freed_bytes(found)
    os.link(runs[1].split("train"), project / "shared.parquet")
    assert steps.freed_bytes(found) == before - size
    os.link(runs[1].split("train"), runs[1].path / "again.parquet")  # another name in the same run
    assert steps.freed_bytes(found) == before - size


def write_new(project: Path, *, n: int, broken: int) -> None:
    rows = [{"tokens": [] if number < broken else ["view", str(n)]} for number in range(n)]
    (project / "new.jsonl").write_text("\n".join(map(json.dumps, rows)))


def opened_tagging() -> TaggedSnapshot:
    config, workspace = load_tagger("small.toml"), Workspace.of(Settings())
    snapshot = steps.ingest_untagged(config, workspace)
    os.utime(snapshot.path, (0, 0))
    return steps.open_tagging(config, snapshot, workspace, as_of=date(2026, 2, 1))


def test_of_bulk_taggings_only_what_an_unfinished_one_needs_is_kept(project: Path) -> None:
    write_new(project, n=10, broken=5)
    with pytest.raises(CorpusRejectedError):
        opened_tagging()
    write_new(project, n=20, broken=0)
    unfinished = opened_tagging()
    (refused,) = {path for path in hidden(project) if path != unfinished.partial}
    found = outdated(project)
    assert f"tagged/small/{refused.name}" in found
    assert f"untagged/small/{refused.name.split('-')[3]}" in found
    assert not any(unfinished.id.split("-")[3] in path for path in found)
    remove("--keep", "1", "--yes")
    assert hidden(project) == {unfinished.partial}
    assert steps.groups_of_parts(unfinished, Workspace.of(Settings())) == [("part-00000",)]


def hidden(project: Path) -> set[Path]:
    return {path for path in (project / "home" / "tagged" / "small").glob(".*") if path.is_dir()}
