"""Flow runs of other deployments, begun from within a flow: each in a process of its own, waited for."""

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
_TAKEN_UP_WITHIN = timedelta(seconds=60)  # of a crashed run


@dataclass(frozen=True)
class Outcome:
    """What became of one of them."""

    name: str
    state: str
    message: str
    is_completed: bool


async def run_and_wait(
    deployment: str, parameters: dict[str, Any] | None = None, *, name: str, key: str
) -> Outcome:
    """Run a deployment as a part of this flow run, and wait for it.

    Args:
        deployment: flow/deployment.
        name: of the outcome.
        key: another call with the same key finds the run that the first one began, unless that was cancelled
            or has failed.
    """
    for n in itertools.count(1):
        attempt = key if n == 1 else f"{key} {n}"
        try:
            run = await arun_deployment(deployment, parameters=parameters, idempotency_key=attempt, timeout=0)
        except ObjectNotFound:
            said = f"{deployment} is not deployed: make deploy"
            return Outcome(name, "NotDeployed", said, is_completed=False)
        if run.state is None or run.state.is_completed() or not _is_settled(run.state):
            break
    async with get_client() as client:
        while not _is_settled(run.state):
            await asyncio.sleep(_POLL)
            run = await client.read_flow_run(run.id)
    state = cast("State[Any]", run.state)
    return Outcome(name, state.name or "", (state.message or "").strip(), is_completed=state.is_completed())


def _is_settled(state: State[Any] | None) -> bool:
    """Tell whether a run stays as it is: one that has just crashed is soon taken up again."""
    if state is None or not state.is_final():
        return False
    return not state.is_crashed() or datetime.now(UTC) - state.timestamp > _TAKEN_UP_WITHIN


def combine_outcomes(outcomes: list[Outcome]) -> State[None]:
    """Return the state of a flow run whose parts came to these outcomes: completed if all of them were."""
    failed = [outcome for outcome in outcomes if not outcome.is_completed]
    lines = [f"{outcome.name}: {outcome.state}. {outcome.message}" for outcome in failed or outcomes]
    if failed:
        return Failed(message="\n".join([f"{len(failed)} of {len(outcomes)} did not complete.", *lines]))
    return Completed(message="\n".join([f"All {len(outcomes)} completed.", *lines]))


def idempotency_key(part: str) -> str:
    """Return a key that is the same when this flow run is taken up again."""
    return f"{runtime.flow_run.id} {part}"
