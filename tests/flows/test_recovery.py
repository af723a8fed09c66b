"""Which flow runs are moved on that do not go on by themselves."""

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
DEATH = (Running(), Crashed(message="killed"))
ANEW = (AwaitingRetry(), *DEATH)


def history(*states: State, ago: float) -> list[State]:
    """Return states a second apart, the last of them so many seconds ago."""
    moments = [NOW - timedelta(seconds=ago + i) for i in reversed(range(len(states)))]
    return [each.model_copy(update={"timestamp": at}) for each, at in zip(states, moments, strict=True)]


@pytest.mark.parametrize(
    ("states", "ago", "name"),
    [
        (DEATH, 20, "AwaitingRetry"),
        (DEATH, 5, None),  # it may be told again
        (DEATH, 100_000, None),  # history
        ((*DEATH, *ANEW, *ANEW, *ANEW), 20, "AwaitingRetry"),
        ((*DEATH, *ANEW, *ANEW, *ANEW, *ANEW), 20, "CrashedTooOften"),
        ((*DEATH, Crashed(), *ANEW, Crashed(), *ANEW, Crashed()), 20, "AwaitingRetry"),  # each told twice
        ((*DEATH, *ANEW, *ANEW, *ANEW, *ANEW, Failed(name="CrashedTooOften"), *ANEW), 20, "AwaitingRetry"),
        ((Pending(),), 150, "Crashed"),
        ((Pending(name="Submitting"),), 150, "Crashed"),
        ((Pending(),), 100_000, "Crashed"),
        ((Pending(),), 100, None),
        ((Failed(message=NEVER_RESUMED),), 1, "AwaitingRetry"),
        ((Failed(message="a fault"),), 20, None),
        ((Running(),), 5000, None),  # the server knows whether it was heard of
        ((Completed(),), 20, None),
    ],
)  # fmt: skip
def test_what_becomes_of_a_run(states: tuple[State, ...], ago: float, name: str | None) -> None:
    found = next_state(history(*states, ago=ago)[::-1], now=NOW)
    assert (found and found.name) == name


def test_what_is_stuck_is_moved_on_whatever_its_flow(server) -> None:
    async def taken_up() -> int:
        async with get_client() as client:
            return await recover_stuck_runs(client, now=datetime.now(UTC) + timedelta(seconds=20))

    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("monitor")
        deployment = client.create_deployment(flow, "watched", tags=["seqtag"])
        run = client.create_flow_run_from_deployment(deployment).id
        for _ in range(5):
            client.set_flow_run_state(run, Running())
            client.set_flow_run_state(run, Crashed(message="killed"))
            assert asyncio.run(taken_up()) == 1
        state = client.read_flow_run(run).state
    assert (state.name, state.is_failed()) == ("CrashedTooOften", True)
    assert state.message == "The process died 5 times, most recently: killed"
    assert asyncio.run(taken_up()) == 0


def test_only_what_a_worker_of_this_machine_left_is_handed_back(server) -> None:
    no_process = str(2**22 + 1)  # above the largest pid of Linux
    left = {"ours": (WORKER, no_process), "theirs": ("seqtag on elsewhere", no_process)}
    left["alive"] = (WORKER, str(os.getpid()))
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
    assert states == {"ours": "AwaitingRetry", "theirs": "Running", "alive": "Running"}
