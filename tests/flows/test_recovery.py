"""Recovery of stuck flow runs."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from prefect.states import AwaitingRetry, Completed, Crashed, Failed, Pending, Running, State

from flows.deploy.automations import NEVER_RESUMED
from flows.services.process_manager import WORKER
from flows.worker.recovery import next_state, recover_stuck_runs, reschedule_local_runs

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CRASH = (Running(), Crashed(message="killed"))
REDO = (AwaitingRetry(), *CRASH)


def history(*states: State, ago: float) -> list[State]:
    """Return states one second apart, the last of them `ago` seconds before NOW."""
    moments = [NOW - timedelta(seconds=ago + i) for i in reversed(range(len(states)))]
    return [each.model_copy(update={"timestamp": at}) for each, at in zip(states, moments, strict=True)]


@pytest.mark.parametrize(
    ("states", "ago", "name"),
    [
        (CRASH, 20, "AwaitingRetry"),
        (CRASH, 5, None),  # it may be reported again
        (CRASH, 100_000, None),  # too old
        ((*CRASH, *REDO, *REDO, *REDO), 20, "AwaitingRetry"),
        ((*CRASH, *REDO, *REDO, *REDO, *REDO), 20, "CrashedTooOften"),
        ((*CRASH, Crashed(), *REDO, Crashed(), *REDO, Crashed()), 20, "AwaitingRetry"),  # reported twice
        ((*CRASH, *REDO, *REDO, *REDO, *REDO, Failed(name="CrashedTooOften"), *REDO), 20, "AwaitingRetry"),
        ((Pending(),), 150, "Crashed"),
        ((Pending(name="Submitting"),), 150, "Crashed"),
        ((Pending(),), 100_000, "Crashed"),
        ((Pending(),), 100, None),
        ((Failed(message=NEVER_RESUMED),), 1, "AwaitingRetry"),
        ((Failed(message="a fault"),), 20, None),
        ((Running(),), 5000, None),  # the server watches its heartbeats
        ((Completed(),), 20, None),
    ],
)  # fmt: skip
def test_the_next_state_depends_on_the_history(
    states: tuple[State, ...], ago: float, name: str | None
) -> None:
    found = next_state(history(*states, ago=ago)[::-1], now=NOW)
    assert (found and found.name) == name


def test_a_container_may_take_longer_to_start_than_a_process() -> None:
    pending = history(Pending(), ago=150)
    assert next_state(pending, now=NOW, starts_within=timedelta(minutes=15)) is None
    assert next_state(pending, now=NOW, starts_within=timedelta(seconds=149)).name == "Crashed"


def test_stuck_runs_of_any_flow_are_recovered(server) -> None:
    async def recovered() -> int:
        async with get_client() as client:
            return await recover_stuck_runs(client, now=datetime.now(UTC) + timedelta(seconds=20))

    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("monitor")
        deployment = client.create_deployment(flow, "watched", tags=["seqtag"])
        run = client.create_flow_run_from_deployment(deployment).id
        for _ in range(5):
            client.set_flow_run_state(run, Running())
            client.set_flow_run_state(run, Crashed(message="killed"))
            assert asyncio.run(recovered()) == 1
        state = client.read_flow_run(run).state
    assert (state.name, state.is_failed()) == ("CrashedTooOften", True)
    assert state.message == "The process died 5 times, most recently: killed"
    assert asyncio.run(recovered()) == 0


def test_only_runs_left_by_this_machines_worker_are_rescheduled(server) -> None:
    no_process = str(2**22 + 1)  # above the largest pid of Linux
    left = {"local": (WORKER, no_process), "remote": ("seqtag on elsewhere", no_process)}
    left["alive"] = (WORKER, str(os.getpid()))
    left["container"] = (WORKER, "docker.example.com:3f2a")
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("retrain")
        deployment = client.create_deployment(flow, "small", tags=["seqtag"])
        runs = {name: client.create_flow_run_from_deployment(deployment).id for name in left}
        for name, (worker, pid) in left.items():
            client.set_flow_run_state(runs[name], Running())
            client.update_flow_run(runs[name], infrastructure_pid=pid)
            client.update_flow_run_labels(runs[name], {"prefect.worker.name": worker})
        assert reschedule_local_runs(PREFECT_API_URL.value()) == 1
        states = {name: client.read_flow_run(run).state.name for name, run in runs.items()}
    assert states == {
        "local": "AwaitingRetry",
        "remote": "Running",
        "alive": "Running",
        "container": "Running",
    }
