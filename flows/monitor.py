"""Monitor a tagger for drift: has its input changed since the champion was trained?

No `from __future__ import annotations`: Prefect builds its form from the evaluated annotations.
"""

from datetime import date

from prefect import flow, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowFilter, FlowFilterName
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Completed, Failed

import tasks
from flows.events import DRIFT_STOP, drift_found, notify_drift
from flows.prefect_api import in_state
from flows.run_context import flow_run_name, resolve_as_of
from flows.state_hooks import publish_fleet
from seqtag import steps
from seqtag.config import Settings, TaggerConfig, load_tagger
from seqtag.run_dir import MonitorReport
from tasks.failures import map_errors_to_states

_TITLES = {"steady": "Steady", "warn": "Warning", "retrain": "Retrain"}


@flow(
    name="monitor",
    flow_run_name=flow_run_name,
    on_completion=[publish_fleet],
    on_failure=[publish_fleet],
)
@map_errors_to_states
def monitor(tagger: str, tagged_logs: str | None = None, as_of: date | None = None) -> State[MonitorReport]:
    """Compare a tagger's corpus and logs with the data of its champion's training run.

    Drift that retraining can fix starts a retraining, by an event. Broken data, or drift beyond that, fails
    this flow run.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
        tagged_logs: File or folder of sequences that the champion tagged. Default: the setting in [monitor].
        as_of: Day of the monitoring. Default: the day on which it was due, in the time zone of [schedule].
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
        steps.record_notified(report)  # last: two notifications are better than none
    if found.verdict == "retrain":
        drift_found(config.name, rule=found.rule, sentence=found.sentence)
    if found.verdict == "stop":
        return Failed(name=DRIFT_STOP, message=found.sentence, data=report)
    return Completed(name=_TITLES[found.verdict], message=found.sentence, data=report)


def _last_retraining(config: TaggerConfig) -> date | None:
    """Return the day on which the latest retraining of a tagger ended, None if none is known."""
    with get_client(sync_client=True) as client:
        ended = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["retrain"])),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[config.name])),
            flow_run_filter=in_state(StateType.COMPLETED),
            sort=FlowRunSort.END_TIME_DESC,
            limit=1,
        )
    return config.schedule.day_of(ended[0].end_time) if ended and ended[0].end_time else None
