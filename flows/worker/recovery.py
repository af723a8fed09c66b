"""Flow runs that do not go on by themselves: cut off, taken and never begun, or asked about and not answered.

The worker looks at their states, not at events of them, which are lost when the server is killed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import psutil
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import AwaitingRetry, Crashed, Failed

from flows.deploy.automations import NEVER_RESUMED, SILENCE
from flows.services.process_manager import WORKER
from flows.worker.coalescing import OURS, in_state, paginate_deployments

TRIES: Final = 5  # times that a process may die before its flow run is given up
_SETTLED: Final = timedelta(seconds=10)  # a death may be told twice
_PAST: Final = timedelta(days=1)  # what got stuck before that is history

logger = logging.getLogger(__name__)


async def recover_stuck_runs(client: PrefectClient, *, now: datetime) -> int:
    """Move on the runs that are stuck; return how many."""
    moved = 0
    for run in [*await _pending(client), *await _ended(client, after=now - _PAST)]:
        last = run.state
        if last is None:
            continue
        state = next_state(
            await client.read_flow_run_states(run.id) if last.is_crashed() else [last], now=now
        )
        if state is not None:
            await client.set_flow_run_state(run.id, state, force=True)
            logger.info("flow run %s: %s: %s", run.name, state.name, state.message)
            moved += 1
    return moved


async def _pending(client: PrefectClient) -> list[FlowRun]:
    waiting = in_state(StateType.PENDING)
    return [run async for run in paginate_deployments(client.read_flow_runs, flow_run_filter=waiting)]


async def _ended(client: PrefectClient, *, after: datetime) -> list[FlowRun]:
    """Return what crashed, and what failed under no name of its own."""
    ended = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Crashed", "Failed"])),
        end_time=FlowRunFilterEndTime.model_validate({"after_": after}),
    )
    return [run async for run in paginate_deployments(client.read_flow_runs, flow_run_filter=ended)]


def next_state(states: Sequence[State[Any]], *, now: datetime) -> State[Any] | None:
    """Return the state that comes next in the history of a run, None if it is not stuck.

    Crashed: it is taken up again, unless its process died TRIES times. One that a person has tried again is
    tried as often again. Pending for SILENCE seconds: its worker died. Never resumed: it is held.
    """
    *_, last = history = sorted(states, key=lambda state: state.timestamp)
    age = now - last.timestamp
    if age > _PAST and not last.is_pending():
        return None
    if last.is_pending() and age > timedelta(seconds=SILENCE):
        return Crashed(message=f"Taken by a worker and not begun within {SILENCE} seconds")
    if last.is_crashed() and age > _SETTLED:
        deaths = _deaths(history)
        if deaths < TRIES:
            return AwaitingRetry(message="Taken up again where it stopped")
        said = f"Its process died {deaths} times, the last time: {last.message}"
        return Failed(name="CrashedTooOften", message=said)
    if last.is_failed() and last.message == NEVER_RESUMED:
        return AwaitingRetry(message="Nobody answered in time: it is held")
    return None


def _deaths(history: Sequence[State[Any]]) -> int:
    """Count the deaths of a run's processes since it last came to another end."""
    n, was_crashed = 0, False
    for state in history:
        if state.is_crashed():
            n += not was_crashed
        elif state.is_final():
            n = 0
        was_crashed = state.is_crashed()
    return n


def reschedule_local_runs(api: str) -> int:
    """Schedule anew the runs whose process was stopped with the worker of this machine; return how many.

    Those of workers on other machines go on.
    """
    begun = in_state(StateType.RUNNING, StateType.PENDING)
    found = 0
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=begun, deployment_filter=OURS):
            if _is_local_run(run):
                state: State[None] = AwaitingRetry(message="Its worker was stopped; goes on when one is back")
                client.set_flow_run_state(run.id, state, force=True)
                found += 1
    return found


def _is_local_run(run: FlowRun) -> bool:
    """Tell whether this machine's worker took a run whose process is not there any more."""
    pid = run.infrastructure_pid
    is_gone = pid is None or not psutil.pid_exists(int(pid))
    return is_gone and run.labels.get("prefect.worker.name", WORKER) == WORKER
