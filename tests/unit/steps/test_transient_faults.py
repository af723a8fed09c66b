"""Transient faults while the champion tags or a version is smoke-tested fail the step and decide nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, load_tagger
from seqtag.errors import (
    MemoryExhaustedError,
    RegistryError,
    RunDirError,
    SubprocessFailedError,
    SubprocessKilledError,
)
from seqtag.run_dir import RunDir
from seqtag.steps.run_inputs import PinnedOpponent
from tasks.failures import is_transient, kind_of
from tests import children
from tests.taggers import Taggers

ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))
FAULTS = [
    ("SIGKILL", SubprocessKilledError),
    ("SIGSEGV", SubprocessKilledError),
    ("memory", MemoryExhaustedError),
    ("EIO", OSError),
    ("ESTALE", OSError),
    ("ENOSPC", OSError),
    ("access", PermissionError),
    ("time-out", TimeoutError),
    ("a bug", SubprocessFailedError),
]


@dataclass(frozen=True)
class Judged:
    """A champion, a run that was compared with it, and the undisturbed decision of that run."""

    workspace: steps.Workspace
    champion: RunDir
    run: RunDir
    verdict: str
    decision: dict

    @property
    def bundle(self) -> Path:
        """The registered bundle of the champion."""
        return self.run.resolved(PinnedOpponent.load(self.run.opponent).champion.bundle)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("judged")
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    champion = run_up_to_training(folder, workspace, floor=0.05)
    steps.evaluate(champion)
    steps.decide(champion)
    steps.register(champion, workspace)
    steps.smoke_test(champion, workspace)
    steps.promote(champion, workspace, by=ME)
    run = run_up_to_training(folder, workspace, floor=0.06)
    steps.evaluate(run)
    steps.decide(run)
    assert PinnedOpponent.load(run.opponent).champion.version == "1"
    return Judged(workspace, champion, run, read_json(run.decision)["verdict"], without_costs(run))


def run_up_to_training(folder: Path, workspace: steps.Workspace, *, floor: float) -> RunDir:
    config = load_tagger(Taggers(folder).write(floor=floor))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode, steps.train, steps.retrain_champion):
        step(run)
    return run


def without_costs(run: RunDir) -> dict:
    """The decision without the rule about the budget, which each comparison spends."""
    decision = read_json(run.decision)
    rules = [rule for rule in decision["rules"] if "budget" not in rule["rule"]]
    return {**decision, "rules": rules}


@pytest.fixture
def tagging(judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return `tagging(fault)`, which injects a fault (or none, for "") where the champion tags."""
    tagged = tmp_path / "tagged.parquet"
    shutil.copyfile(judged.run.predictions("challenger"), tagged)
    monkeypatch.setenv("TAGGED", str(tagged))
    monkeypatch.setattr(import_module("seqtag.steps.evaluate"), "tag_split", children.tagging)
    for folder in (judged.run.output("evaluate"), judged.run.output("decide")):
        shutil.rmtree(folder)
    return lambda fault: monkeypatch.setenv("FAULT", fault)


@pytest.mark.parametrize(("fault", "error"), FAULTS)
def test_a_fault_while_the_champion_tags_fails_the_step_and_the_retry_succeeds(
    judged: Judged, tagging: Callable[[str], None], fault: str, error: type[Exception]
) -> None:
    tagging(fault)
    with pytest.raises(error):
        steps.evaluate(judged.run)
    assert not judged.run.output("evaluate").exists()
    tagging("")
    assert not steps.evaluate(judged.run).reused
    steps.decide(judged.run)
    assert read_json(judged.run.metrics)["champion_error"] is None
    assert without_costs(judged.run) == judged.decision


def flip_a_bit(bundle: Path) -> None:
    content = bytearray((bundle / "weights.npz").read_bytes())
    content[-1] ^= 1
    (bundle / "weights.npz").write_bytes(content)


def set_another_format(bundle: Path) -> None:
    said = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(said | {"format": 3}))


@pytest.fixture
def restored(judged: Judged, tmp_path: Path) -> Iterator[None]:
    """Restore the champion's bundle after the test."""
    shutil.copytree(judged.bundle, tmp_path / "whole")
    yield
    shutil.rmtree(judged.bundle)
    shutil.copytree(tmp_path / "whole", judged.bundle)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (flip_a_bit, "weights.npz: file has changed: expected sha256"),
        (set_another_format, "bundle has format 3, written by another version of seqtag"),
        (lambda bundle: (bundle / "tags.json").unlink(), "tags.json: file is missing from the bundle"),
    ],
)
def test_a_permanently_damaged_champion_is_a_verdict_and_is_not_retried(
    judged: Judged, tagging: Callable[[str], None], damage: Callable[[Path], None], why: str
) -> None:
    tagging("")
    damage(judged.bundle)
    steps.evaluate(judged.run)
    steps.decide(judged.run)
    decision = read_json(judged.run.decision)
    assert decision["verdict"] == "HOLD"
    assert "champion v1 could not be scored" in decision["sentence"]
    assert why in decision["rules"][0]["detail"]
    assert steps.evaluate(judged.run).reused


@pytest.mark.usefixtures("restored")
def test_a_missing_champion_folder_is_not_a_verdict(judged: Judged, tagging: Callable[[str], None]) -> None:
    tagging("")
    away = judged.bundle.with_name("away")
    judged.bundle.rename(away)
    with pytest.raises(RunDirError, match="bundle cannot be found"):
        steps.evaluate(judged.run)
    away.rename(judged.bundle)
    assert not judged.run.output("evaluate").exists()


@pytest.fixture
def serving_code(judged: Judged) -> Iterator[Path]:
    """The registered serving code of the champion, restored after the test, and its verdict removed."""
    shutil.rmtree(judged.champion.output("smoke_test"), ignore_errors=True)
    path = judged.bundle.parents[1] / "serving_model.py"
    text = path.read_text()
    yield path
    path.write_text(text)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "TransientError"),
        ("raise MemoryError", "ResourceError"),
        ("raise OSError(5, 'Input/output error')", "TransientError"),
        ("raise TimeoutError('no answer')", "TransientError"),
        ('raise RuntimeError("can\'t start new thread")', "InternalError"),
    ],
)
def test_a_fault_during_the_smoke_test_fails_the_step_and_the_retry_succeeds(
    judged: Judged, serving_code: Path, fault: str, kind: str
) -> None:
    whole = serving_code.read_text()
    serving_code.write_text(f"{whole}\nimport os, signal\n{fault}\n")
    with pytest.raises((SubprocessFailedError, OSError)) as raised:
        steps.smoke_test(judged.champion, judged.workspace)
    assert kind_of(raised.value) == kind
    assert not judged.champion.output("smoke_test").exists()
    serving_code.write_text(whole)
    steps.smoke_test(judged.champion, judged.workspace)
    assert read_json(judged.champion.smoke_findings)["passed"]


def test_a_fault_during_a_response_is_not_held_against_the_version(
    judged: Judged, serving_code: Path
) -> None:
    text = serving_code.read_text()
    tagging = "        sequences = [_checked(row, tokens)"
    assert tagging in text
    serving_code.write_text(text.replace(tagging, f"        raise MemoryError\n{tagging}"))
    with pytest.raises(MemoryExhaustedError):
        steps.smoke_test(judged.champion, judged.workspace)
    assert not judged.champion.output("smoke_test").exists()


def test_a_version_that_crashes_once_is_retried_before_the_verdict(
    judged: Judged, serving_code: Path, tmp_path: Path
) -> None:
    once = tmp_path / "crashed"
    crash = f"""
import os, pathlib, signal
if not pathlib.Path({str(once)!r}).exists():
    pathlib.Path({str(once)!r}).touch()
    os.kill(os.getpid(), signal.SIGSEGV)
"""
    serving_code.write_text(serving_code.read_text() + crash)
    steps.smoke_test(judged.champion, judged.workspace)
    assert once.exists()
    assert read_json(judged.champion.smoke_findings)["passed"]


def test_a_disk_error_while_the_champion_is_read_is_transient(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqtag.registry import model_artifact

    def failing(path: Path) -> str:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(model_artifact, "file_digest", failing)
    with pytest.raises(RegistryError, match="Input/output error") as raised:
        judged.workspace.registry().champion("small")
    assert is_transient(raised.value)
