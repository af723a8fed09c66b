"""Retrainings after a rollback or with a broken registered model, on a real server and registry."""

import json
import logging
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.retrain import retrain
from seqtag import steps
from seqtag.artifacts import (
    read_json,
)
from seqtag.config import Settings, load_tagger
from seqtag.registry import sqlite_url
from seqtag.steps import AuditContext, Workspace
from tests.taggers import Taggers

pytestmark = pytest.mark.usefixtures("server")
ADA = AuditContext("ada@host", "seqtag rollback", datetime(2026, 11, 22, 9, 0, tzinfo=UTC))


def written(taggers: Taggers, *, epochs: int, sequences: int = 300) -> str:
    """Write a tagger, and its corpus, in which every tag depends on the previous token."""
    chance = random.Random(1)
    lines = []
    for _ in range(sequences):
        tokens = chance.choices("abcd", k=chance.randint(4, 9))
        tags = ["X" if before == "c" else "Y" for before in ["c", *tokens[:-1]]]
        lines.append(json.dumps({"tokens": tokens, "tags": tags}))
    corpus = taggers.folder / "corpus.jsonl"
    corpus.write_text("\n".join(lines) + "\n")
    path = Path(taggers.write())
    text = path.read_text().replace("max_epochs = 1", f"max_epochs = {epochs}")
    path.write_text(text.replace('"sample"\nn_sequences = 200', f'"jsonl"\npath = "{corpus}"'))
    return str(path)


@pytest.mark.slow
def test_a_rolled_back_model_is_held_until_unblocked_and_then_promoted_without_training(
    workspace: Workspace, taggers: Taggers, caplog: pytest.LogCaptureFixture
) -> None:
    registry = workspace.registry()
    retrain(written(taggers, epochs=1), return_state=True)
    better = retrain(written(taggers, epochs=12), return_state=True)
    assert (better.name, registry.champion("small").version) == ("Promoted", "2")

    steps.rollback("small", workspace, to=None, reason="bad tags", everything=False, by=ADA)
    assert registry.champion("small").version == "1"
    again = retrain(written(taggers, epochs=12), return_state=True)
    assert again.name == "Held"
    assert "ada@host rolled version 2 back on " in again.message
    assert "(bad tags)" in again.message
    assert "seqtag unblock small --reason TEXT" in again.message
    assert "HOLD: small" in again.result().report.read_text()

    tomorrow = retrain(written(taggers, epochs=12, sequences=320), return_state=True)
    assert read_json(tomorrow.result().decision)["verdict"] == "PROMOTE"
    assert (tomorrow.name, registry.champion("small").version) == ("Held", "1")

    registry.unblock("small", reason="it was the corpus", by=ADA)
    with caplog.at_level(logging.INFO, logger="seqtag"):
        caplog.clear()
        unblocked = retrain(written(taggers, epochs=12, sequences=320), return_state=True)
    assert (unblocked.name, registry.champion("small").version) == ("Promoted", "3")
    assert "train: unchanged, its output is reused" in caplog.messages
    assert [entry.event for entry in registry.history("small")] == [
        "PROMOTE", "PROMOTE", "ROLLBACK", "HOLD", "HOLD", "UNBLOCK", "PROMOTE"
    ]  # fmt: skip


def test_a_registered_model_that_fails_its_smoke_test_is_held(workspace: Workspace, taggers: Taggers) -> None:
    tagger = taggers.write()
    config = load_tagger(tagger)
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=datetime.now(UTC).date())
    for step in ("validate", "split", "index", "encode", "train", "retrain_champion", "evaluate", "decide"):
        getattr(steps, step)(run)
    steps.register(run, workspace)
    (code,) = workspace.home.artifacts.rglob("serving_model.py")
    code.write_text(code.read_text().replace('"serving_default"', '"somebody elses"'))

    state = retrain(tagger, return_state=True)
    assert state.name == "Held"
    assert "version 1 fails its smoke test" in state.message
    assert workspace.registry().champion("small") is None
    assert [v.version for v in workspace.registry().versions("small")] == ["1"]
    findings = read_json(run.smoke_findings)
    assert (findings["passed"], findings["version"]) == (False, "1")
    (entry,) = workspace.registry().history("small")
    assert (entry.event, entry.sentence) == ("HOLD", state.message)
    assert "the registered model works" in run.report.read_text()


def test_a_lost_registry_fails_retrainings_until_its_files_are_moved_away(
    workspace: Workspace, taggers: Taggers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrain(taggers.write(), return_state=True)
    # an empty database under another name, since MLflow caches the tables of the old one in this process
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", sqlite_url(workspace.home.root / "empty.db"))
    lost = retrain(taggers.write(), return_state=True)
    assert lost.is_failed()
    assert "restore the database, or move the folder away" in lost.message

    workspace.home.artifacts.rename(workspace.home.root / "aside")
    with caplog.at_level(logging.INFO, logger="seqtag"):
        caplog.clear()
        state = retrain(taggers.write(), return_state=True)
    registry = Workspace.of(Settings()).registry()
    assert (state.name, registry.champion("small").version) == ("Promoted", "1")
    assert "train: unchanged, its output is reused" in caplog.messages
    (entry,) = registry.history("small")
    assert (entry.entry, entry.event, entry.from_version) == (1, "PROMOTE", None)
