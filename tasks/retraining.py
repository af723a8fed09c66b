"""Prefect tasks of a retraining: one per step, with name, time limit and retries.

A task's description is the docstring of its step. Each task returns its run directory, so that the dashboard
draws the chain.
"""

from __future__ import annotations

from datetime import date

from seqtag import steps
from seqtag.config import Settings, TaggerConfig
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir, Snapshot
from tasks.artifacts import TrainingProgress, show_corpus, show_outcome, show_scores
from tasks.base import HOUR, MINUTE, step_task


@step_task(name="ingest {config.name}", timeout_seconds=4 * HOUR)
def ingest(config: TaggerConfig, workspace: steps.Workspace) -> Snapshot:
    return steps.ingest(config, workspace)


@step_task(name="open run {config.name} {snapshot.id}", timeout_seconds=5 * MINUTE)
def open_run(config: TaggerConfig, snapshot: Snapshot, workspace: steps.Workspace, *, as_of: date) -> RunDir:
    return steps.open_run(config, snapshot, workspace, as_of=as_of)


@step_task(name="validate {run.tagger} {run.id}", timeout_seconds=HOUR)
def validate(run: RunDir) -> RunDir:
    try:
        steps.validate(run)
    except CorpusRejectedError:
        show_corpus(run)
        raise
    show_corpus(run)
    return run


@step_task(name="split {run.tagger} {run.id}", timeout_seconds=HOUR)
def split(run: RunDir) -> RunDir:
    steps.split(run)
    return run


@step_task(name="index {run.tagger} {run.id}", timeout_seconds=HOUR)
def index(run: RunDir) -> RunDir:
    steps.index(run)
    return run


@step_task(name="encode {run.tagger} {run.id}", timeout_seconds=HOUR)
def encode(run: RunDir) -> RunDir:
    steps.encode(run)
    return run


@step_task(name="baseline {run.tagger} {run.id}", timeout_seconds=2 * HOUR)
def baseline(run: RunDir) -> RunDir:
    steps.baseline(run)
    return run


@step_task(name="train {run.tagger} {run.id}", timeout_seconds=12 * HOUR)
def train(run: RunDir) -> RunDir:
    progress = TrainingProgress(run.tagger, max_epochs=steps.read_config(run).train.max_epochs)
    steps.train(run, on_epoch=progress.advance, scheduler=Settings().dask_scheduler)
    progress.finish()
    return run


@step_task(name="retrain_champion {run.tagger} {run.id}", timeout_seconds=12 * HOUR)
def retrain_champion(run: RunDir) -> RunDir:
    steps.retrain_champion(run, scheduler=Settings().dask_scheduler)
    return run


@step_task(name="evaluate {run.tagger} {run.id}", timeout_seconds=2 * HOUR)
def evaluate(run: RunDir) -> RunDir:
    steps.evaluate(run)
    show_scores(run)
    return run


@step_task(name="decide {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def decide(run: RunDir) -> RunDir:
    steps.decide(run)
    return run


@step_task(name="register {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def register(run: RunDir, workspace: steps.Workspace) -> RunDir:
    steps.register(run, workspace)
    return run


@step_task(name="smoke_test {run.tagger} {run.id}", timeout_seconds=HOUR)
def smoke_test(run: RunDir, workspace: steps.Workspace) -> RunDir:
    steps.smoke_test(run, workspace)
    return run


@step_task(name="promote {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def promote(run: RunDir, workspace: steps.Workspace, *, by: steps.AuditContext) -> RunDir:
    steps.promote(run, workspace, by=by)
    return run


@step_task(name="report {run.tagger} {run.id}", timeout_seconds=10 * MINUTE)
def report(run: RunDir, workspace: steps.Workspace, tagger: str, *, earlier: str | None) -> RunDir:
    """Write the report and publish the retrain card.

    Args:
        tagger: path of its TOML file.
        earlier: as in `steps.run_outcome`.
    """
    steps.report(run)
    show_outcome(run, tagger, steps.run_outcome(run, workspace, earlier=earlier))
    return run
