"""The training tasks; what they say per epoch stands in the flow run's log, and in a progress bar."""

from __future__ import annotations

from seqtag import steps
from seqtag.run_dir import RunDir
from tasks.artifacts import TrainingProgress
from tasks.base import HOUR, step


@step(name="baseline {run.tagger} {run.id}", timeout_seconds=2 * HOUR)
def baseline(run: RunDir) -> RunDir:
    """Train a CRF, for the neural model to be seen beside."""
    steps.baseline(run)
    return run


@step(name="train {run.tagger} {run.id}", timeout_seconds=12 * HOUR)
def train(run: RunDir) -> RunDir:
    """Fit the recipe and keep the best epoch."""
    progress = TrainingProgress(run.tagger, max_epochs=steps.read_config(run).train.max_epochs)
    steps.train(run, on_epoch=progress.advance)
    progress.finish()
    return run


@step(name="anchor {run.tagger} {run.id}", timeout_seconds=12 * HOUR)
def anchor(run: RunDir) -> RunDir:
    """Train the champion's recipe on this split, if the champion cannot be compared on it."""
    steps.anchor(run)
    return run
