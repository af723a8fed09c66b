"""Changed serving code through the steps: registered, smoke-tested, and only then promoted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, load_tagger
from seqtag.registry import model_artifact
from seqtag.run_dir import RunDir
from tests.taggers import Taggers

ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDir, steps.Workspace]:
    """A run whose model is champion version 1."""
    folder = tmp_path_factory.mktemp("served")
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode, steps.train, steps.retrain_champion):
        step(run)
    steps.evaluate(run)
    steps.decide(run)
    assert _serve(run, workspace) == ("PROMOTE", "1")
    return run, workspace


def _serve(run: RunDir, workspace: steps.Workspace) -> tuple[str, str]:
    """Register, smoke-test and promote; return event and version of the newest entry of the ledger."""
    steps.register(run, workspace)
    steps.smoke_test(run, workspace)
    steps.promote(run, workspace, by=ME)
    entry = workspace.registry().history(run.tagger)[-1]
    return entry.event, str(entry.to_version)


@pytest.fixture
def change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return `change(old, new)`, which makes registration use a changed copy of the serving code."""
    copy = tmp_path / "serving_model.py"

    def changed(old: str, new: str) -> None:
        text = model_artifact._SERVING_MODEL.read_text()
        assert old in text
        copy.write_text(text.replace(old, new))
        monkeypatch.setattr(model_artifact, "_SERVING_MODEL", copy)

    return changed


def test_nothing_is_registered_again_with_the_same_serving_code(
    served: tuple[RunDir, steps.Workspace],
) -> None:
    run, workspace = served
    assert steps.register(run, workspace).reused
    assert steps.smoke_test(run, workspace).reused
    assert len(workspace.registry().versions("small")) == 1


def test_fixed_serving_code_becomes_a_version_that_replaces_the_champion(
    served: tuple[RunDir, steps.Workspace], change: Callable[[str, str], None]
) -> None:
    run, workspace = served
    change("_BATCH_CELLS = 16_384", "_BATCH_CELLS = 8_192")
    assert not steps.register(run, workspace).reused
    assert read_json(run.registration)["version"] == "2"
    assert not steps.smoke_test(run, workspace).reused
    found = read_json(run.smoke_findings)
    assert (found["version"], found["passed"]) == ("2", True)
    assert _serve(run, workspace) == ("PROMOTE", "2")
    champion = workspace.registry().champion("small")
    assert "_BATCH_CELLS = 8_192" in (champion.bundle.parents[1] / "serving_model.py").read_text()


def test_broken_serving_code_is_held_and_the_champion_stays(
    served: tuple[RunDir, steps.Workspace], change: Callable[[str, str], None]
) -> None:
    run, workspace = served
    before = workspace.registry().champion("small")
    change("tag.decode() for", "tag.decode() + 'X' for")
    event, version = _serve(run, workspace)
    assert event == "HOLD"
    assert read_json(run.smoke_findings)["version"] == version != before.version
    assert workspace.registry().champion("small") == before


def test_a_later_run_with_the_champions_model_registers_changed_serving_code(
    tmp_path: Path, change: Callable[[str, str], None]
) -> None:
    workspace = steps.Workspace.of(Settings(home=tmp_path / "home"))
    config = load_tagger(Taggers(tmp_path).write())
    snapshot = steps.ingest(config, workspace)
    verdicts = []
    for resamples in (1000, 1001):  # training does not depend on it
        evaluate = config.evaluate.model_copy(update={"resamples": resamples})
        later = config.model_copy(update={"evaluate": evaluate})
        if verdicts:
            change("_BATCH_CELLS = 16_384", "_BATCH_CELLS = 8_192")
        run = steps.open_run(later, snapshot, workspace, as_of=date(2026, 1, 1))
        for step in (
            steps.validate,
            steps.split,
            steps.index,
            steps.encode,
            steps.train,
            steps.retrain_champion,
        ):
            step(run)
        steps.evaluate(run)
        steps.decide(run)
        verdicts.append(_serve(run, workspace))
    assert verdicts == [("PROMOTE", "1"), ("PROMOTE", "2")]
    decision = read_json(run.decision)
    assert decision["sentence"] == (
        "PROMOTE: the model equals champion v1 file by file, and only the serving code has changed."
    )
    assert (decision["evidence"], decision["level"]) == ("", 0.0)
