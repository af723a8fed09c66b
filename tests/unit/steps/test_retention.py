"""Retention: which runs and snapshots `seqtag remove --keep` removes, and which it keeps."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqtag import steps
from seqtag.cli import app
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError, CorpusRejectedError, RegistryError
from seqtag.registry import Registry, RegistryDecision, sqlite_url
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
    """Return a copy of that folder whose snapshots and runs were written long ago."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder, copy_function=shutil.copy2)
    for path in (*folder.glob("home/corpora/small/*"), *folder.glob("home/runs/small/*")):
        os.utime(path, (0, 0))
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


def age(folder: Path) -> None:
    os.utime(folder, (0, 0))


def snapshot_of(run: RunDir) -> Snapshot:
    return steps.read_snapshot(run)


def test_the_newest_run_and_those_of_aliases_are_kept(runs: list[RunDir]) -> None:
    assert kept() == {
        runs[2].id: ("one of the newest 1", "challenger (version 3)"),
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


@pytest.mark.parametrize("held_back_before", [False, True])
def test_a_run_that_waits_for_approval_is_kept(runs: list[RunDir], held_back_before: bool) -> None:
    if not held_back_before:
        shutil.rmtree(runs[1].output("promote"))
    steps.open_approval_request(runs[1], by="one", now=NOW, within=timedelta(hours=1))
    age(runs[1].path)
    assert kept()[runs[1].id] == ("waits for approval",)


def test_a_run_in_progress_is_kept_between_two_steps(runs: list[RunDir]) -> None:
    shutil.rmtree(runs[1].output("report"))  # as a step does that replaces its output
    assert kept()[runs[1].id] == ("written in the last day",)


def test_a_run_that_was_opened_halfway_is_kept(runs: list[RunDir]) -> None:
    opened = runs[2].path.with_name("2026-01-04-0-0")
    opened.mkdir()
    shutil.copy(runs[2].config, opened)
    shutil.copy(runs[2].snapshot_address, opened)
    assert kept(n_runs=2)[opened.name] == ("one of the newest 2", "written in the last day")


def test_links_to_folders_elsewhere_are_kept(project: Path, runs: list[RunDir]) -> None:
    for path in (runs[1].path, snapshot_of(runs[1]).path):
        path.rename(project / path.name)
        path.symlink_to(project / path.name)
    assert kept()[runs[1].id] == ("is a link",)
    assert outdated(project) == set()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda home: (home / "registry.db").unlink(), "registry.db: it does not exist"),
        (lambda home: empty(home / "registry.db"), "it has no version of small, but runs registered some"),
        (lambda home: run_sql(home, "drop table seqtag_ledger"), "it has no ledger"),
        (
            lambda home: run_sql(home, "delete from model_versions where version = 1"),
            "it has no version 1, which the ledger names as champion",
        ),
    ],
)
def test_without_its_registry_nothing_is_removed(
    damage: Callable[[Path], None], message: str, project: Path, runs: list[RunDir]
) -> None:
    damage(project / "home")
    done = CliRunner().invoke(app, ["remove", "small", "--keep", "1", "--yes"])
    assert isinstance(done.exception, RegistryError)
    assert message in str(done.exception)
    assert all(run.path.exists() for run in runs)


def empty(database: Path) -> None:
    database.unlink()
    Registry(sqlite_url(database), database.parent / "other").create()


def run_sql(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "registry.db")) as connection, connection:
        connection.execute(statement)


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


def test_a_snapshot_that_is_reused_while_others_are_removed_is_kept(project: Path) -> None:
    config, workspace = load_tagger("small.toml"), Workspace.of(Settings())
    with ThreadPoolExecutor(1) as thread:
        with steps.snapshots_locked("small", workspace):
            reused = thread.submit(steps.ingest, config, workspace)
            time.sleep(0.5)
            assert not reused.done()
        assert reused.result(60).path.exists()


@pytest.mark.parametrize("of_run", [True, False])
def test_an_interrupted_removal_is_completed(project: Path, runs: list[RunDir], of_run: bool) -> None:
    path = runs[1].path if of_run else snapshot_of(runs[1]).path
    path.rename(path.with_name(f".{path.name}.removed"))
    remove("--keep", "1", "--yes")
    assert not list((project / "home").rglob("*.removed"))
    assert [run.path.exists() for run in runs] == [True, False, True]


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
