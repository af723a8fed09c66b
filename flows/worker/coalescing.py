"""Coalesce scheduled flow runs that fell due while no worker or another run of the deployment was running."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilterExpectedStartTime
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled

from flows.prefect_api import in_state, seqtag_deployments, seqtag_runs

_GRACE: Final = timedelta(seconds=60)  # after which a due run is late

logger = logging.getLogger(__name__)


async def coalesce(client: PrefectClient, *, now: datetime) -> int:
    """Cancel due scheduled runs according to the policies of their deployments; return how many.

    Runs that were started before, or by a person or an event, are kept: they wait for their turn.
    """
    due = await _due_runs(client, now)
    if not due:
        return 0
    policies, active = await _policies(client), await _active_runs(client)
    cancelled = 0
    for deployment, runs in due.items():
        for run, reason in runs_to_cancel(
            runs, policies.get(deployment, ()), active.get(deployment), now=now
        ):
            await client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
            logger.info("flow run %s: %s", run.name, reason)
            cancelled += 1
    return cancelled


def runs_to_cancel(
    runs: Sequence[FlowRun], policies: Collection[str], active: str | None, *, now: datetime
) -> list[tuple[FlowRun, str]]:
    """Return the due runs of a deployment to cancel, each with the reason.

    Args:
        policies: `overlap:cancel-new` keeps no run while another is active, `missed:latest` keeps only the
            newest, `missed:none` keeps those that are not late. Without a policy all are kept.
        active: name of another run of the deployment that has already started.
    """
    if "overlap:cancel-new" in policies and active is not None:
        return [(run, f"Not started: {active!r} was running when it was due") for run in runs]
    if "missed:none" in policies:
        late = [run for run in runs if _due(run) < now - _GRACE]
        return [(run, f"Missed: due {_due(run):%Y-%m-%d %H:%M} UTC, while no worker ran") for run in late]
    if "missed:latest" in policies and runs:
        *older, newest = sorted(runs, key=_due)
        reason = f"Missed: replaced by the run due {_due(newest):%Y-%m-%d %H:%M} UTC"
        return [(run, reason) for run in older]
    return []


async def _due_runs(client: PrefectClient, now: datetime) -> Mapping[UUID, list[FlowRun]]:
    due = in_state(
        StateType.SCHEDULED,
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": now}),
    )
    found: dict[UUID, list[FlowRun]] = defaultdict(list)
    async for run in seqtag_runs(client, due, sort=FlowRunSort.ID_DESC):
        if run.auto_scheduled and run.run_count == 0 and run.deployment_id is not None:
            found[run.deployment_id].append(run)
    return found


async def _policies(client: PrefectClient) -> Mapping[UUID, Collection[str]]:
    return {deployment.id: deployment.tags async for deployment in seqtag_deployments(client)}


async def _active_runs(client: PrefectClient) -> Mapping[UUID, str]:
    """Return the name of a running or pending run by deployment."""
    found = seqtag_runs(client, in_state(StateType.RUNNING, StateType.PENDING))
    return {run.deployment_id: run.name async for run in found if run.deployment_id is not None}


def _due(run: FlowRun) -> datetime:
    return run.expected_start_time or datetime.max.replace(tzinfo=UTC)
