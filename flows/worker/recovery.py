"""Recover stuck flow runs: crashed, pending without a worker, or waiting for an approval that timed out.

The worker polls their states instead of listening for events, which are lost when the server is killed.
"""

from __future__ import annotations

import asyncio
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
from flows.prefect_api import in_state, seqtag_runs
from flows.services.process_manager import WORKER

MAX_CRASHES: Final = 5  # after which a flow run fails for good
_SETTLED: Final = timedelta(seconds=10)  # after a crash, which may be reported twice
_MAX_AGE: Final = timedelta(days=1)  # of a stuck run that is still worth recovering

logger = logging.getLogger(__name__)


async def recover_stuck_runs(
    client: PrefectClient, *, now: datetime, starts_within: timedelta = timedelta(seconds=SILENCE)
) -> int:
    """Give each stuck flow run its next state; return how many there were.

    Args:
        starts_within: time from the submission of a flow run to its start.
    """
    recovered = 0
    for run in [*await _pending(client), *await _ended(client, after=now - _MAX_AGE)]:
        last = run.state
        if last is None:
            continue
        state = next_state(
            await client.read_flow_run_states(run.id) if last.is_crashed() else [last],
            now=now,
            starts_within=starts_within,
        )
        if state is not None:
            await client.set_flow_run_state(run.id, state, force=True)
            logger.info("flow run %s: %s: %s", run.name, state.name, state.message)
            recovered += 1
    return recovered


async def _pending(client: PrefectClient) -> list[FlowRun]:
    return [run async for run in seqtag_runs(client, in_state(StateType.PENDING))]


async def _ended(client: PrefectClient, *, after: datetime) -> list[FlowRun]:
    """Return the flow runs that crashed, or failed in a state that has no specific name."""
    ended = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Crashed", "Failed"])),
        end_time=FlowRunFilterEndTime.model_validate({"after_": after}),
    )
    return [run async for run in seqtag_runs(client, ended)]


def next_state(
    states: Sequence[State[Any]], *, now: datetime, starts_within: timedelta = timedelta(seconds=SILENCE)
) -> State[Any] | None:
    """Return the next state of a flow run, None if it is not stuck.

    A crashed run restarts, up to MAX_CRASHES crashes; the count starts again if a person retries it. A run
    that is pending for longer has lost its worker and counts as crashed. A run whose approval timed out
    restarts, and its model is held.

    Args:
        states: history of the flow run, in any order.
        starts_within: time that a run may be pending.
    """
    *_, last = history = sorted(states, key=lambda state: state.timestamp)
    age = now - last.timestamp
    if age > _MAX_AGE and not last.is_pending():
        return None
    if last.is_pending() and age > starts_within:
        seconds = round(starts_within.total_seconds())
        return Crashed(message=f"Submitted by a worker but not started within {seconds} seconds")
    if last.is_crashed() and age > _SETTLED:
        crashes = _count_crashes(history)
        if crashes < MAX_CRASHES:
            return AwaitingRetry(message="Resuming after a crash")
        message = f"The process died {crashes} times, most recently: {last.message}"
        return Failed(name="CrashedTooOften", message=message)
    if last.is_failed() and last.message == NEVER_RESUMED:
        return AwaitingRetry(message="Nobody answered the approval request in time; the model is held")
    return None


def _count_crashes(history: Sequence[State[Any]]) -> int:
    """Count the crashes of a flow run since its last other final state; repeated reports count once."""
    n, was_crashed = 0, False
    for state in history:
        if state.is_crashed():
            n += not was_crashed
        elif state.is_final():
            n = 0
        was_crashed = state.is_crashed()
    return n


def reschedule_local_runs(api: str) -> int:
    """Reschedule flow runs whose process was stopped together with this machine's worker; return how many.

    Flow runs of workers on other machines continue.
    """
    with temporary_settings({PREFECT_API_URL: api}):
        return asyncio.run(_reschedule_local_runs())


async def _reschedule_local_runs() -> int:
    active = in_state(StateType.RUNNING, StateType.PENDING)
    async with get_client() as client:
        stopped = [run async for run in seqtag_runs(client, active) if _is_local_run(run)]
        for run in stopped:
            state: State[None] = AwaitingRetry(message="Worker stopped; resumes when one is started")
            await client.set_flow_run_state(run.id, state, force=True)
    return len(stopped)


def _is_local_run(run: FlowRun) -> bool:
    """Tell whether this machine's worker started a flow run whose process is gone."""
    pid = run.infrastructure_pid
    if pid is not None and not pid.isdigit():
        return False  # the id of a container
    is_gone = pid is None or not psutil.pid_exists(int(pid))
    return is_gone and run.labels.get("prefect.worker.name", WORKER) == WORKER
