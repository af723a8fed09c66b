"""Errors of the steps from accepted sequences to a model."""

import json
import logging
import re
import sys
from datetime import date

import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import MemoryExhaustedError, TrainingError
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace
from tests.taggers import Taggers


def test_a_loss_of_nan_is_an_error_with_the_ids_of_its_sequences(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    workspace = Workspace.of(Settings())
    path = tmp_path / "small.toml"
    Taggers(tmp_path).write()
    path.write_text(path.read_text().replace("max_epochs = 1", "max_epochs = 1\nlearning_rate = 1e38"))
    config = load_tagger(path)
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode):
        step(run)
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+: loss is (nan|inf)") as said:
        steps.train(run)
    named = re.search(r"\(sequences (.*) and \d+ more of the snapshot\)", str(said.value))[1].split(", ")
    assert len(named) == 8
    assert all(re.fullmatch(r"session-?\w*\d+", name) for name in named)
    assert not run.output("train").exists()


@pytest.fixture
def encoded(tmp_path, monkeypatch) -> RunDir:
    """A run of the small tagger that is ready for training."""
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    workspace = Workspace.of(Settings())
    config = load_tagger(Taggers(tmp_path).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode):
        step(run)
    return run


@pytest.fixture
def short_of_memory(tmp_path, monkeypatch) -> None:
    """Limit subprocesses to 650 MiB of data, so that they run out of memory."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec prlimit --data={650 * 1024**2} {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))


def test_training_out_of_memory_is_retried_once_with_half_batches_and_then_fails(
    encoded: RunDir, short_of_memory, caplog
) -> None:
    with caplog.at_level(logging.WARNING, "seqtag"), pytest.raises(MemoryExhaustedError):
        steps.train(encoded)
    said = [record.message for record in caplog.records if "half as large" in record.message]
    assert len(said) == 1
    assert not encoded.output("train").exists()


def test_training_out_of_memory_resumes_with_half_batches_and_reports_it(
    encoded: RunDir, short_of_memory, monkeypatch, caplog
) -> None:
    with pytest.raises(MemoryExhaustedError):
        steps.train(encoded)
    monkeypatch.undo()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "seqtag"):
        steps.train(encoded)  # memory is back, but the halved batches stay
    assert caplog.messages == []
    assert json.loads(encoded.bundle.read_text())["max_batch_tokens"] > 0
    assert not any((encoded.path.parent / ".checkpoints").iterdir())
