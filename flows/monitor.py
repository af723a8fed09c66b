"""Watch for drift: has what a tagger reads moved away from what its champion was trained beside?

Annotations are evaluated here, as Prefect makes the form of its dashboard of them.
"""

from datetime import date

from prefect import flow, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Completed, Failed

import tasks
from flows.events import DRIFT_STOP, drift_found
from flows.notifications import notify_drift
from flows.run_context import flow_run_name, resolve_as_of
from seqtag import steps
from seqtag.config import Settings, TaggerConfig, load_tagger
from seqtag.run_dir import MonitorReport
from tasks.failures import map_errors_to_states

_TITLES = {"steady": "Steady", "warn": "Warning", "retrain": "Retrain"}


@flow(name="monitor", flow_run_name=flow_run_name)
@map_errors_to_states
def monitor(tagger: str, tagged_logs: str | None = None, as_of: date | None = None) -> State[MonitorReport]:
    """Compare what a tagger's corpus and logs hold with what its champion was trained beside.

    Drift that retraining can mend begins a retraining, by an event. What is broken or unlike anything known
    fails this flow run.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
        tagged_logs: File or folder of what the champion tagged; what [monitor] says if this is left empty.
        as_of: The day it is done for; if this is left empty, the day it was due, in the time zone of
            [schedule].
    """
    config, workspace = load_tagger(tagger), steps.Workspace.of(Settings())
    day = resolve_as_of(config.schedule, as_of, due_by="monitor")
    snapshot = tasks.ingest(config, workspace)
    report = tasks.monitor(
        config,
        workspace,
        snapshot,
        as_of=day,
        tagged_logs=steps.tagged_logs_path(config, tagged_logs),
        last_run=_last_retraining(config),
    )
    found = steps.drift(report)
    if steps.is_new_verdict(report):
        notify_drift(report)
        steps.record_notified(report)  # after it: told twice is better than never
    if found["verdict"] == "retrain":
        drift_found(config.name, rule=found["rule"], sentence=found["sentence"])
    if found["verdict"] == "stop":
        return Failed(name=DRIFT_STOP, message=found["sentence"], data=report)
    return Completed(name=_TITLES[found["verdict"]], message=found["sentence"], data=report)


def _last_retraining(config: TaggerConfig) -> date | None:
    """Return the day on which a retraining of a tagger last came to its end, None if none is known."""
    with get_client(sync_client=True) as client:
        ended = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["retrain"])),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[config.name])),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED]))
            ),
            sort=FlowRunSort.END_TIME_DESC,
            limit=1,
        )
    return config.schedule.day_of(ended[0].end_time) if ended and ended[0].end_time else None
