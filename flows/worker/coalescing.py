"""Flow runs of schedules that fell due while no worker ran, or while another one ran."""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled

_PUNCTUAL: Final = timedelta(seconds=60)  # what began to be due so short a time ago is not late
_PAGE: Final = 200  # the most that a server gives at once

OURS: Final = DeploymentFilter(tags=DeploymentFilterTags(all_=["seqtag"]))

logger = logging.getLogger(__name__)
T = TypeVar("T")


async def coalesce(client: PrefectClient, *, now: datetime) -> int:
    """Cancel due runs of schedules as their deployments' policies say; return how many.

    Runs that a person or an event began are not touched, nor is any that was begun before: they wait until no
    other runs.
    """
    due = await _due_runs(client, now)
    if not due:
        return 0
    policies, under_way = await _policies(client), await _under_way(client)
    cancelled = 0
    for deployment, runs in due.items():
        for run, reason in runs_to_cancel(
            runs, policies.get(deployment, ()), under_way.get(deployment), now=now
        ):
            await client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
            logger.info("flow run %s: %s", run.name, reason)
            cancelled += 1
    return cancelled


def runs_to_cancel(
    runs: Sequence[FlowRun], policies: Collection[str], under_way: str | None, *, now: datetime
) -> list[tuple[FlowRun, str]]:
    """Return which of a deployment's due runs are let go of, and why.

    Args:
        policies: `overlap:cancel-new` keeps none while another is under way, `missed:latest` the newest
            alone, `missed:none` those that are not late. Without them all are kept.
        under_way: the name of another run of the deployment, which has begun.
    """
    if "overlap:cancel-new" in policies and under_way is not None:
        return [(run, f"Not begun: {under_way!r} was under way when it was due") for run in runs]
    if "missed:none" in policies:
        late = [run for run in runs if _due(run) < now - _PUNCTUAL]
        return [(run, f"Missed: due {_due(run):%Y-%m-%d %H:%M} UTC, when no worker ran") for run in late]
    if "missed:latest" in policies and runs:
        *older, newest = sorted(runs, key=_due)
        reason = f"Missed: the run that was due {_due(newest):%Y-%m-%d %H:%M} UTC does its work"
        return [(run, reason) for run in older]
    return []


async def _due_runs(client: PrefectClient, now: datetime) -> Mapping[UUID, list[FlowRun]]:
    due = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": now}),
    )
    found: dict[UUID, list[FlowRun]] = defaultdict(list)
    async for run in paginate_deployments(
        client.read_flow_runs, flow_run_filter=due, sort=FlowRunSort.ID_DESC
    ):
        if run.auto_scheduled and run.run_count == 0 and run.deployment_id is not None:
            found[run.deployment_id].append(run)
    return found


async def _policies(client: PrefectClient) -> Mapping[UUID, Collection[str]]:
    return {
        deployment.id: deployment.tags async for deployment in paginate_deployments(client.read_deployments)
    }


async def _under_way(client: PrefectClient) -> Mapping[UUID, str]:
    """Return, for each deployment that has one, the name of a run with a process."""
    begun = in_state(StateType.RUNNING, StateType.PENDING)
    found = paginate_deployments(client.read_flow_runs, flow_run_filter=begun)
    return {run.deployment_id: run.name async for run in found if run.deployment_id is not None}


def in_state(*types: StateType) -> FlowRunFilter:
    """Return the filter of the flow runs whose state is of one of these types."""
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))))


async def paginate_deployments(read: Callable[..., Awaitable[list[T]]], **asked: Any) -> AsyncIterator[T]:
    """Yield what a server knows of our deployments, page by page."""
    for offset in itertools.count(0, _PAGE):
        page = await read(deployment_filter=OURS, limit=_PAGE, offset=offset, **asked)
        for found in page:
            yield found
        if len(page) < _PAGE:
            return


def _due(run: FlowRun) -> datetime:
    return run.expected_start_time or datetime.max.replace(tzinfo=UTC)
