"""Taggers of several columns of tags through all steps: trained together, promoted together or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import seqtag
from seqtag import steps
from seqtag.artifacts import require_manifest
from seqtag.cli import app
from seqtag.config import Settings, load_tagger, taggers_of
from seqtag.config.source_config import SampleSource
from seqtag.corpus import sample_batches
from seqtag.errors import PromotionConflictError
from seqtag.gate import Decision
from seqtag.neural.weights import load_arrays
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace
from seqtag.steps.promote import PromotionOutcome
from tests.taggers import ME

TAGGER = """
name = "phases"

[[corpus.sources]]
format = "jsonl"
path = "corpus.jsonl"
tags_column = "phase"

[[further_tags]]
name = "turns"
tag_column = "turn"
floor = {floor}

[train]
recipe = "base"
max_epochs = 2
learning_rate = 0.01

[gate]
floor = 0.05
"""


def write_project(folder: Path, *, floor: float = 0.05) -> Path:
    """Write a corpus with two columns of tags, of which the second says whether the phase changes."""
    lines = []
    for batch in sample_batches(SampleSource(format="sample", n_sequences=200), ()):
        for row in batch.to_pylist():
            tags = row["tags"]
            turn = [
                "turn" if tag != after else "stay"
                for tag, after in zip(tags, tags[1:] + tags[-1:], strict=True)
            ]
            lines.append(json.dumps({"tokens": row["tokens"], "phase": tags, "turn": turn}))
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    tagger = folder / "phases.toml"
    tagger.write_text(TAGGER.format(floor=floor))
    return tagger


def opened(tagger: Path, workspace: Workspace) -> list[RunDir]:
    runs = [
        steps.open_run(each, steps.ingest(each, workspace), workspace, as_of=date(2026, 1, 1))
        for each in taggers_of(load_tagger(tagger))
    ]
    steps.link_runs(runs)
    return runs


def decided(runs: list[RunDir], workspace: Workspace) -> None:
    """Run all steps before `promote`."""
    for step in STEPS:
        if step.is_shared and step.name != "baseline":
            for run in runs:
                getattr(steps, step.name)(run)
    for run in runs:
        steps.register(run, workspace)
        steps.smoke_test(run, workspace)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Workspace.of(Settings())


def champions(workspace: Workspace) -> list[str | None]:
    found = [workspace.registry().champion(name) for name in ("phases", "turns")]
    return [None if champion is None else champion.version for champion in found]


def test_one_command_trains_and_promotes_all(workspace: Workspace, tmp_path: Path) -> None:
    write_project(tmp_path)
    found = CliRunner().invoke(app, ["retrain", "phases.toml"])
    assert found.exit_code == 0, found.output
    assert found.stdout.count("PROMOTE:") == 2
    assert champions(workspace) == ["1", "1"]
    weights = [
        load_arrays(next(workspace.home.runs(name).glob("*/train/weights.npz")))
        for name in ("phases", "turns")
    ]
    assert np.array_equal(weights[0]["words/embeddings"], weights[1]["words/embeddings"])
    tagged = seqtag.load("turns").tag([["search", "checkout"]])
    assert set(tagged[0].tags) <= {"turn", "stay"}

    again = CliRunner().invoke(app, ["retrain", "phases.toml"])
    assert again.exit_code == 0, again.output
    assert again.stdout.count("Unchanged: version 1 was promoted") == 2


def test_if_one_is_held_none_is_promoted(workspace: Workspace, tmp_path: Path) -> None:
    runs = opened(write_project(tmp_path, floor=1.0), workspace)
    decided(runs, workspace)
    for run in runs:
        steps.promote(run, workspace, by=ME)
    first, second = (PromotionOutcome.load(run.promotion) for run in runs)
    assert Decision.load(runs[0].decision).verdict == "PROMOTE"
    assert first.verdict == "HOLD"
    assert first.sentence.startswith("HOLD: turns, which is trained with it, is not promoted: Accuracy ")
    assert [rule.passed for rule in first.rules if "trained with it" in rule.rule] == [False]
    assert second.verdict != "PROMOTE"
    assert champions(workspace) == [None, None]


def test_if_the_champion_of_one_has_moved_none_is_promoted(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = opened(write_project(tmp_path), workspace)
    decided(runs, workspace)
    decision = Decision.load(runs[1].decision)
    replace(decision, champion_version="7").save(runs[1].decision)
    with pytest.raises(
        PromotionConflictError, match="turns, which is trained with phases, has another champion"
    ):
        steps.promote(runs[0], workspace, by=ME)
    assert champions(workspace) == [None, None]


def test_the_first_trains_for_all_and_each_has_its_bundle(workspace: Workspace, tmp_path: Path) -> None:
    runs = opened(write_project(tmp_path), workspace)
    epochs = []
    for step in ("validate", "split", "index", "encode"):
        for run in runs:
            getattr(steps, step)(run)
    for run in runs:
        steps.train(run, on_epoch=epochs.append)
    assert len(epochs) == 2
    assert all(require_manifest(run.output("train")) for run in runs)
    steps.link_runs(runs[:1])
    steps.train(runs[0], on_epoch=epochs.append)
    assert len(epochs) == 4, "a tagger that is no longer trained with others is trained again"
