"""Run other deployments from within a flow, each in its own process, and wait for them."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from prefect import get_client, runtime
from prefect.client.schemas.objects import State
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed

_POLL = 5  # seconds
_RECOVERED_WITHIN = timedelta(seconds=60)  # of a crash; the worker restarts the flow run by then


@dataclass(frozen=True)
class Outcome:
    """The final state of one flow run."""

    name: str
    state: str
    message: str
    is_completed: bool


async def run_and_wait(
    deployment: str, parameters: dict[str, Any] | None = None, *, name: str, key: str
) -> Outcome:
    """Run a deployment as a child of this flow run, and wait for it.

    Args:
        deployment: title, as flow/deployment.
        name: of the outcome.
        key: idempotency key. A second call with the same key finds the flow run of the first, unless that one
            failed or was cancelled.
    """
    for n in itertools.count(1):
        attempt = key if n == 1 else f"{key} {n}"
        try:
            run = await arun_deployment(deployment, parameters=parameters, idempotency_key=attempt, timeout=0)
        except ObjectNotFound:
            message = f"{deployment} is not deployed; run make deploy"
            return Outcome(name, "NotDeployed", message, is_completed=False)
        if run.state is None or run.state.is_completed() or not _is_settled(run.state):
            break
    async with get_client() as client:
        while not _is_settled(run.state):
            await asyncio.sleep(_POLL)
            run = await client.read_flow_run(run.id)
    state = cast("State[Any]", run.state)
    return Outcome(name, state.name or "", (state.message or "").strip(), is_completed=state.is_completed())


def _is_settled(state: State[Any] | None) -> bool:
    """Tell whether a state is final; a recent crash is not, because the worker restarts the flow run."""
    if state is None or not state.is_final():
        return False
    return not state.is_crashed() or datetime.now(UTC) - state.timestamp > _RECOVERED_WITHIN


def combine_outcomes(outcomes: list[Outcome]) -> State[None]:
    """Return the state of the parent of these outcomes: completed if all of them completed."""
    failed = [outcome for outcome in outcomes if not outcome.is_completed]
    lines = [f"{outcome.name}: {outcome.state}. {outcome.message}" for outcome in failed or outcomes]
    if failed:
        return Failed(message="\n".join([f"{len(failed)} of {len(outcomes)} did not complete.", *lines]))
    return Completed(message="\n".join([f"All {len(outcomes)} completed.", *lines]))


def idempotency_key(part: str) -> str:
    """Return a key that stays the same when this flow run restarts."""
    return f"{runtime.flow_run.id} {part}"
