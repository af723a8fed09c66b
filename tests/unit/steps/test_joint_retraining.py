"""Taggers of several columns of tags through all steps: trained together, promoted together or not at all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import seqtag
from seqtag import steps
from seqtag.cli import app
from seqtag.config import Settings, load_tagger
from seqtag.config.source_config import SampleSource
from seqtag.corpus import sample_batches
from seqtag.errors import PromotionConflictError
from seqtag.features import Vocabulary
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
floor = 0.05

[train]
recipe = "base"
max_epochs = 2
learning_rate = 0.01

[gate]
floor = 0.05
"""


def write_project(folder: Path) -> Path:
    """Write a corpus with two columns of tags, of which the second says whether the phase changes.

    The first sequence has words that no other has, and too few of the second tags.
    """
    lines = []
    for batch in sample_batches(SampleSource(format="sample", n_sequences=200), ()):
        for row in batch.to_pylist():
            tags = row["tags"]
            turn = [
                "turn" if tag != after else "stay"
                for tag, after in zip(tags, tags[1:] + tags[-1:], strict=True)
            ]
            tokens = row["tokens"] if lines else [f"only-here-{n // 3}" for n, _ in enumerate(tags)]
            lines.append(json.dumps({"tokens": tokens, "phase": tags, "turn": turn if lines else turn[1:]}))
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n")
    tagger = folder / "phases.toml"
    tagger.write_text(TAGGER)
    return tagger


def opened(tagger: Path, workspace: Workspace) -> list[RunDir]:
    return steps.open_runs(load_tagger(tagger), workspace, as_of=date(2026, 1, 1))


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


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which all steps before `promote` are done."""
    folder = tmp_path_factory.mktemp("decided")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQTAG_HOME", str(folder / "home"))
        patch.chdir(folder)
        workspace = Workspace.of(Settings())
        decided(opened(write_project(folder), workspace), workspace)
    return folder


@pytest.fixture
def runs(workspace: Workspace, template: Path, tmp_path: Path) -> list[RunDir]:
    """Return the runs of a copy of that project."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return opened(tmp_path / "phases.toml", workspace)


def champions(workspace: Workspace) -> list[str | None]:
    found = [workspace.registry().champion(name) for name in ("phases", "turns")]
    return [None if champion is None else champion.version for champion in found]


@pytest.mark.usefixtures("runs")
def test_one_command_promotes_all_of_which_each_has_a_model(workspace: Workspace) -> None:
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


def test_a_sequence_in_quarantine_of_one_is_left_out_of_the_training_of_all(runs: list[RunDir]) -> None:
    quarantined = [len(pq.read_table(run.quarantine)) for run in runs]
    assert quarantined == [0, 1]
    vocabularies = [Vocabulary.load(run.output("index")) for run in runs]
    assert vocabularies[0].digest == vocabularies[1].digest
    assert "only-here-0" in vocabularies[1].words.symbols.to_pylist()


def test_if_one_is_held_none_is_promoted(workspace: Workspace, runs: list[RunDir]) -> None:
    config = json.loads(runs[1].config.read_text())
    config["gate"]["floor"] = 1.0
    runs[1].config.write_text(json.dumps(config))
    for step in (steps.decide, partial(steps.register, workspace=workspace)):
        step(runs[1])
    for run in runs:
        steps.promote(run, workspace, by=ME)
    first, second = (PromotionOutcome.load(run.promotion) for run in runs)
    assert Decision.load(runs[0].decision).verdict == "PROMOTE"
    assert first.verdict == "HOLD"
    assert first.sentence.startswith("HOLD: turns, which is trained with it, is not promoted: Accuracy ")
    assert [rule.passed for rule in first.rules if "trained with it" in rule.rule] == [False]
    assert second.verdict != "PROMOTE"
    assert champions(workspace) == [None, None]


def test_if_the_champion_of_one_has_moved_none_is_promoted(workspace: Workspace, runs: list[RunDir]) -> None:
    decision = Decision.load(runs[1].decision)
    replace(decision, champion_version="7").save(runs[1].decision)
    with pytest.raises(PromotionConflictError, match="turns: champion has changed since version 1"):
        steps.promote(runs[0], workspace, by=ME)
    assert champions(workspace) == [None, None]


def test_a_tagger_that_is_no_longer_trained_with_others_is_trained_again(runs: list[RunDir]) -> None:
    epochs: list[object] = []
    for run in runs:
        steps.train(run, on_epoch=epochs.append)
    assert not epochs
    steps.link_runs(runs[:1])
    steps.train(runs[0], on_epoch=epochs.append)
    assert len(epochs) == 2


def test_the_first_promotes_all_in_one_transaction(workspace: Workspace, runs: list[RunDir]) -> None:
    steps.promote(runs[0], workspace, by=ME)
    assert champions(workspace) == ["1", "1"]
    steps.promote(runs[1], workspace, by=ME)
    assert [len(workspace.registry().history(run.tagger)) for run in runs] == [1, 1]
    assert [PromotionOutcome.load(run.promotion).verdict for run in runs] == ["PROMOTE", "PROMOTE"]
