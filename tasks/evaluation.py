"""Tasks from a model to a decision that people can read."""

from __future__ import annotations

from seqtag import steps
from seqtag.run_dir import RunDir
from tasks.artifacts import show_scores, show_verdict
from tasks.base import HOUR, MINUTE, step


@step(name="evaluate {run.tagger} {run.id}", timeout_seconds=2 * HOUR)
def evaluate(run: RunDir) -> RunDir:
    """Score challenger and champion on the same test sequences."""
    steps.evaluate(run)
    show_scores(run)
    return run


@step(name="decide {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def decide(run: RunDir) -> RunDir:
    """Say PROMOTE, HOLD or REJECT."""
    steps.decide(run)
    return run


@step(name="report {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def report(run: RunDir, tagger: str) -> RunDir:
    """Write the report, and the retrain card to the dashboard; `tagger` is the path of its TOML file."""
    steps.report(run)
    show_verdict(run, tagger)
    return run
