"""Retrain one tagger: `python -m flows.retrain deployments/taggers/sample.toml`.

No `from __future__ import annotations`: Prefect builds its form from the evaluated annotations.
"""

import sys
from datetime import UTC, date, datetime

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

import tasks
from flows.approval import request_approval
from flows.events import notify_outcome
from flows.retrain_jointly import retrain_jointly
from flows.run_context import flow_run_name, resolve_as_of
from flows.state_hooks import record_end, record_start
from seqtag import steps
from seqtag.config import Settings, load_tagger, redirect_library_caches
from seqtag.run_dir import RunDir
from tasks.failures import map_errors_to_states


@flow(
    name="retrain",
    flow_run_name=flow_run_name,
    on_running=[record_start],
    on_completion=[record_end],
    on_failure=[record_end],
    on_crashed=[record_end],
    on_cancellation=[record_end],
)
@map_errors_to_states
def retrain(
    tagger: str, force: list[steps.StepName] | None = None, as_of: date | None = None
) -> State[RunDir]:
    """Retrain a tagger, and promote the new model if it beats the champion.

    Taggers that a file trains together are promoted together or not at all.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
        force: Steps to run even if nothing has changed, for example `train`.
        as_of: Day of the retraining. Default: the day on which it was due, in the time zone of [schedule].
            Paths of sources may contain it as `${SEQTAG_AS_OF}`, for example 2026-01-31.
    """
    steps.check_step_names(force or [])
    config = load_tagger(tagger)
    day = resolve_as_of(config.schedule, as_of)
    workspace = steps.Workspace.of(Settings())
    redirect_library_caches(workspace.home.caches)
    steps.scheduler_for(config, workspace.dask_scheduler)  # now rather than before the training
    if config.further_tags:
        return retrain_jointly(config, workspace, file=tagger, force=force or [], day=day)

    run = steps.run_pending_approval(workspace.home, config.name, by=str(runtime.flow_run.id))
    if run is None:
        snapshot = tasks.ingest(config, workspace)
        run = tasks.open_run(config, snapshot, workspace, as_of=day)
        steps.link_runs([run])
    steps.force(run, force or [], by=str(runtime.flow_run.id))
    earlier = steps.outcome_digest(run, workspace)
    run = tasks.validate(run)
    run = tasks.split(run)
    run = tasks.index(run)
    run = tasks.encode(run)
    if config.evaluate.baseline != "none":
        run = tasks.baseline(run)
    run = tasks.train(run)
    run = tasks.retrain_champion(run)
    run = tasks.evaluate(run)
    run = tasks.decide(run)
    run = tasks.register(run, workspace)
    run = tasks.smoke_test(run, workspace)
    if "promote" in (force or []):
        steps.reopen_approval(run, by=str(runtime.flow_run.id))
    if (waiting := request_approval(run, config.approval, as_of=day)) is not None:
        return waiting
    run = tasks.promote(run, workspace, by=_audit_context())
    run = tasks.report(run, workspace, tagger, earlier=earlier)

    outcome = steps.run_outcome(run, workspace, earlier=earlier)
    if outcome.is_new:
        notify_outcome(run)
    return Completed(name=outcome.title, message=outcome.sentence, data=run)


def _audit_context() -> steps.AuditContext:
    """Return the audit context of a promotion: this process's user, this flow run and the current time."""
    return steps.audit_context(f"flow run {runtime.flow_run.id}", datetime.now(UTC))


if __name__ == "__main__":
    from flows.run_local import run_here

    sys.exit(run_here(retrain, sys.argv[1:]))
