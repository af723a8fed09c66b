"""The training task; its line per epoch stands in the flow run's log."""

from __future__ import annotations

from prefect import task

from seqtag import steps
from seqtag.rundir import RunDir
from tasks.policy import HOUR, RETRIED


@task(task_run_name="train {run.tagger} {run.id}", timeout_seconds=12 * HOUR, **RETRIED)
def train(run: RunDir) -> RunDir:
    """Fit the recipe and keep the best epoch."""
    steps.train(run)
    return run
