"""Flow runs of other deployments, begun from within a flow: each in a process of its own, waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.deployments import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed

_POLL = 5  # seconds


@dataclass(frozen=True)
class Outcome:
    """What became of one of them."""

    name: str
    state: str
    message: str
    is_completed: bool


async def run_to_its_end(
    deployment: str, parameters: dict[str, Any] | None = None, *, name: str, key: str
) -> Outcome:
    """Run a deployment as a part of this flow run, and wait for it.

    Args:
        deployment: flow/deployment.
        name: of the outcome.
        key: another call with the same key finds the run that the first one began.
    """
    try:
        run = await arun_deployment(
            deployment, parameters=parameters, idempotency_key=key, flow_run_name=name, poll_interval=_POLL
        )
    except ObjectNotFound:
        return Outcome(name, "NotDeployed", f"{deployment} is not deployed: make deploy", is_completed=False)
    state = run.state
    if state is None:
        return Outcome(name, "Unknown", "it has no state", is_completed=False)
    return Outcome(name, state.name or "", (state.message or "").strip(), is_completed=state.is_completed())


def together(outcomes: list[Outcome]) -> State[None]:
    """Return the state of a flow run whose parts came to these outcomes: completed if all of them were."""
    failed = [outcome for outcome in outcomes if not outcome.is_completed]
    lines = [f"{outcome.name}: {outcome.state}. {outcome.message}" for outcome in failed or outcomes]
    if failed:
        return Failed(message="\n".join([f"{len(failed)} of {len(outcomes)} did not complete.", *lines]))
    return Completed(message="\n".join([f"All {len(outcomes)} completed.", *lines]))


def key_of_this_run(part: str) -> str:
    """Return a key that is the same when this flow run is taken up again."""
    return f"{runtime.flow_run.id} {part}"
