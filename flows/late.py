"""Flow runs that are not simply begun: due while no worker ran, cut off, or crashed again and again."""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import psutil
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Cancelled, Failed

from flows.services import WORKER

TRIES: Final = 5  # times that a process may die before its flow run is given up
_PUNCTUAL: Final = timedelta(seconds=60)  # what began to be due so short a time ago is not late
_PAGE: Final = 200  # the most that a server gives at once

_OURS: Final = DeploymentFilter(tags=DeploymentFilterTags(all_=["seqtag"]))

logger = logging.getLogger(__name__)
T = TypeVar("T")


async def coalesce(client: PrefectClient, *, now: datetime) -> int:
    """Cancel late runs of schedules as their deployments' policies say; return how many.

    Runs that a person or an event began are not touched, nor is any that runs already.
    """
    late = await _late(client, now)
    policies = await _policies(client) if late else {}
    cancelled = 0
    for deployment, runs in late.items():
        policy = policies.get(deployment, "all")
        for run, reason in superfluous(runs, policy, now=now):
            await client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
            logger.info("flow run %s: %s", run.name, reason)
            cancelled += 1
    return cancelled


def superfluous(runs: Sequence[FlowRun], policy: str, *, now: datetime) -> list[tuple[FlowRun, str]]:
    """Return which of a deployment's late runs are let go of, and why.

    `latest` keeps the newest, `none` those that are not late, `all` every one.
    """
    if policy == "none":
        late = [run for run in runs if _due(run) < now - _PUNCTUAL]
        return [(run, f"Missed: due {_due(run):%Y-%m-%d %H:%M} UTC, when no worker ran") for run in late]
    if policy == "latest" and runs:
        *older, newest = sorted(runs, key=_due)
        reason = f"Missed: the run that was due {_due(newest):%Y-%m-%d %H:%M} UTC does its work"
        return [(run, reason) for run in older]
    return []


async def give_up(client: PrefectClient) -> int:
    """Fail the runs whose process died TRIES times, which wait to be taken up once more; return how many.

    The server takes up whatever crashed, and a process may die before our flow begins. One that a person has
    tried again is tried as often again.
    """
    waiting = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[AwaitingRetry().name or ""]))
    )
    given_up = 0
    for run in [run async for run in _all(client.read_flow_runs, flow_run_filter=waiting)]:
        crashes = _crashes(await client.read_flow_run_states(run.id))
        if len(crashes) >= TRIES:
            said = f"Its process died {len(crashes)} times, the last time: {crashes[-1].message}"
            await client.set_flow_run_state(run.id, Failed(name="CrashedTooOften", message=said), force=True)
            logger.warning("flow run %s: %s", run.name, said)
            given_up += 1
    return given_up


def _crashes(states: Sequence[State[Any]]) -> list[State[Any]]:
    """Return the crashes of a run since it last came to another end."""
    found: list[State[Any]] = []
    for state in sorted(states, key=lambda each: each.timestamp):
        if state.is_crashed():
            found.append(state)
        elif state.is_final():
            found = []
    return found


def hand_back(api: str) -> int:
    """Schedule anew the runs whose process was stopped with the worker of this machine; return how many.

    Those of workers on other machines go on.
    """
    begun = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
    )
    found = 0
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=begun, deployment_filter=_OURS):
            if _was_ours(run):
                state: State[None] = AwaitingRetry(message="Its worker was stopped; goes on when one is back")
                client.set_flow_run_state(run.id, state, force=True)
                found += 1
    return found


def _was_ours(run: FlowRun) -> bool:
    """Tell whether this machine's worker took a run whose process is not there any more."""
    pid = run.infrastructure_pid
    is_gone = pid is None or not psutil.pid_exists(int(pid))
    return is_gone and run.labels.get("prefect.worker.name", WORKER) == WORKER


async def _late(client: PrefectClient, now: datetime) -> Mapping[UUID, list[FlowRun]]:
    due = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": now}),
    )
    found: dict[UUID, list[FlowRun]] = defaultdict(list)
    async for run in _all(client.read_flow_runs, flow_run_filter=due, sort=FlowRunSort.ID_DESC):
        if run.auto_scheduled and run.run_count == 0 and run.deployment_id is not None:
            found[run.deployment_id].append(run)
    return found


async def _policies(client: PrefectClient) -> Mapping[UUID, str]:
    found = {}
    async for deployment in _all(client.read_deployments):
        said = [tag.removeprefix("missed:") for tag in deployment.tags if tag.startswith("missed:")]
        found[deployment.id] = said[0] if said else "all"
    return found


async def _all(read: Callable[..., Awaitable[list[T]]], **asked: Any) -> AsyncIterator[T]:
    """Yield what a server knows of our deployments, page by page."""
    for offset in itertools.count(0, _PAGE):
        page = await read(deployment_filter=_OURS, limit=_PAGE, offset=offset, **asked)
        for found in page:
            yield found
        if len(page) < _PAGE:
            return


def _due(run: FlowRun) -> datetime:
    return run.expected_start_time or datetime.max.replace(tzinfo=UTC)
