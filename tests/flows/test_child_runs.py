"""Child runs: flow runs of other deployments that a flow waits for."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Completed, Failed, State

from flows import child_runs, retrain_all

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
T = TypeVar("T")


@pytest.fixture
def deployment(server, monkeypatch) -> str:
    monkeypatch.setattr(child_runs, "_POLL", 0.1)
    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow_from_name("retrain"), "small", tags=["seqtag"])
    return "retrain/small"


def carried_out(scenario: Coroutine[Any, Any, T]) -> T:
    result = asyncio.run(scenario)
    gc.collect()  # so that warnings about what arun_deployment leaves open appear here only
    return result


async def ended_in(state: State, deployment: str, key: str) -> child_runs.Outcome:
    """Request a run, end it in `state` if a new one is started, and return its outcome."""
    asked = asyncio.create_task(child_runs.run_and_wait(deployment, name="small", key=key))
    async with get_client() as client:
        while not asked.done():
            for run in await client.read_flow_runs():
                if run.state.is_scheduled():
                    await client.set_flow_run_state(run.id, state, force=True)
            await asyncio.sleep(0.1)
    return await asked


async def runs() -> set[UUID]:
    async with get_client() as client:
        return {run.id for run in await client.read_flow_runs()}


def test_cancelled_and_failed_runs_are_started_again_and_completed_ones_are_not(deployment: str) -> None:
    async def scenario() -> None:
        states = [Cancelled(), Failed(message="no disk"), Completed(name="Held", message="a tie")]
        outcomes = [await ended_in(state, deployment, "tick") for state in states]
        assert [each.state for each in outcomes] == ["Cancelled", "Failed", "Held"]
        before = await runs()
        assert await child_runs.run_and_wait(deployment, name="small", key="tick") == outcomes[-1]
        assert (await runs(), len(before)) == (before, 3)

    carried_out(scenario())


def test_an_error_about_one_run_does_not_stop_the_others(monkeypatch) -> None:
    async def ran(_deployment: str, _asked: object, *, name: str, key: str) -> child_runs.Outcome:
        if name == "a":
            raise TimeoutError("the server does not answer")
        return child_runs.Outcome(name, "Held", f"a tie, {key}", is_completed=True)

    async def none_deployed() -> dict[str, str]:
        return {}

    monkeypatch.setattr(retrain_all, "run_and_wait", ran)
    monkeypatch.setattr(retrain_all, "_deployed_taggers", none_deployed)
    state = asyncio.run(retrain_all.retrain_all.fn(["a", "b"]))
    assert (state.is_failed(), state.message.splitlines()) == (
        True,
        ["1 of 2 did not complete.", "a: TimeoutError. the server does not answer"],
    )


def test_a_missing_deployment_is_an_outcome(deployment: str) -> None:
    outcome = carried_out(child_runs.run_and_wait("retrain/none", name="none", key="tick"))
    assert (outcome.state, outcome.is_completed) == ("NotDeployed", False)
