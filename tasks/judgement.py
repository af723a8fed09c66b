"""Tasks from a model to a decision that people can read."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact

from seqtag import steps
from seqtag.rundir import RunDir
from tasks.policy import HOUR, MINUTE, step


@step(name="evaluate {run.tagger} {run.id}", timeout_seconds=2 * HOUR)
def evaluate(run: RunDir) -> RunDir:
    """Score challenger and champion on the same test sequences."""
    steps.evaluate(run)
    return run


@step(name="decide {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def decide(run: RunDir) -> RunDir:
    """Say PROMOTE, HOLD or REJECT."""
    steps.decide(run)
    return run


@step(name="report {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def report(run: RunDir) -> RunDir:
    """Write the report, and its short form to the dashboard."""
    steps.report(run)
    create_markdown_artifact(
        key=f"retrain-{run.tagger}",
        markdown=steps.verdict_card(run),
        description=f"What became of {run.tagger}'s latest retraining",
    )
    return run
