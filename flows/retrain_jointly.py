"""Retrain the taggers of a file with [[further_tags]]: they are promoted together or not at all."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

import tasks
from flows.events import notify_outcome
from seqtag import steps
from seqtag.config import TaggerConfig, taggers_of
from seqtag.run_dir import RunDir


def retrain_jointly(
    config: TaggerConfig, workspace: steps.Workspace, *, file: str, force: Sequence[steps.StepName], day: date
) -> State[RunDir]:
    """Retrain one tagger for each column of tags.

    Args:
        file: path of the TOML file.
        force: steps to run even if nothing has changed.
        day: day of the retraining.
    """
    runs = [
        tasks.open_run(each, tasks.ingest(each, workspace), workspace, as_of=day)
        for each in taggers_of(config)
    ]
    steps.link_runs(runs)
    for run in runs:
        steps.force(run, force, by=str(runtime.flow_run.id))
    earlier = [steps.outcome_digest(run, workspace) for run in runs]
    for run in runs:
        tasks.validate(run)
        tasks.split(run)
        tasks.index(run)
        tasks.encode(run)
        if config.evaluate.baseline != "none":
            tasks.baseline(run)
    for run in runs:  # the first trains for all
        tasks.train(run)
    for run in runs:
        tasks.retrain_champion(run)
        tasks.evaluate(run)
        tasks.decide(run)
        tasks.register(run, workspace)
        tasks.smoke_test(run, workspace)
    by = steps.audit_context(f"flow run {runtime.flow_run.id}", datetime.now(UTC))
    for run in runs:
        tasks.promote(run, workspace, by=by)
    for run, before in zip(runs, earlier, strict=True):
        tasks.report(run, workspace, file, earlier=before)
    outcomes = [
        steps.run_outcome(run, workspace, earlier=before) for run, before in zip(runs, earlier, strict=True)
    ]
    for run, outcome in zip(runs, outcomes, strict=True):
        if outcome.is_new:
            notify_outcome(run)
    lines = [f"{run.tagger}: {outcome.sentence}" for run, outcome in zip(runs, outcomes, strict=True)]
    return Completed(name=outcomes[0].title, message="\n".join(lines), data=runs[0])
