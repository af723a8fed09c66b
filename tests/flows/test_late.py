"""Which of the runs that fell due while no worker ran are let go of, and which that were cut off go on."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL
from prefect.states import AwaitingRetry, Crashed, Running

from flows.late import TRIES, give_up, hand_back, superfluous
from flows.services import WORKER

NOW = datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC)


def due(*hours: float) -> list[FlowRun]:
    """Return runs that were due so many hours ago."""
    return [
        FlowRun(flow_id=uuid4(), name=str(h), expected_start_time=NOW - timedelta(hours=h)) for h in hours
    ]


@pytest.mark.parametrize(
    ("policy", "hours", "let_go"),
    [
        ("latest", [], []),
        ("latest", [1], []),
        ("latest", [3, 1, 2], ["2", "3"]),
        ("latest", [0.001, 24], ["24"]),
        ("none", [0.001], []),  # some seconds ago: in time
        ("none", [0.5, 24, 0.001], ["0.5", "24"]),
        ("all", [3, 1, 2], []),
    ],
)
def test_policies(policy: str, hours: list[float], let_go: list[str]) -> None:
    assert sorted(run.name for run, _ in superfluous(due(*hours), policy, now=NOW)) == let_go


def test_the_reason_says_which_run_does_the_work() -> None:
    ((_, reason),) = superfluous(due(3, 1), "latest", now=NOW)
    assert reason == "Missed: the run that was due 2026-11-26 11:00 UTC does its work"


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
        assert hand_back(PREFECT_API_URL.value()) == 1
        states = {name: client.read_flow_run(run).state.name for name, run in runs.items()}
    assert states == {"ours": "AwaitingRetry", "theirs": "Running", "alive": "Running"}


def test_a_run_that_crashes_again_and_again_is_given_up_until_a_person_wants_it(server) -> None:
    def crash(n: int) -> None:
        for _ in range(n):
            for state in (Running(), Crashed(message="killed"), AwaitingRetry()):
                client.set_flow_run_state(run, state)

    def given_up() -> int:
        async def asked() -> int:
            async with get_client() as client:
                return await give_up(client)

        return asyncio.run(asked())

    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("monitor")
        deployment = client.create_deployment(flow, "small", tags=["seqtag"])
        run = client.create_flow_run_from_deployment(deployment).id
        crash(TRIES - 1)
        assert given_up() == 0
        crash(1)
        assert given_up() == 1
        state = client.read_flow_run(run).state
        assert (state.name, state.is_failed()) == ("CrashedTooOften", True)
        assert state.message == "Its process died 5 times, the last time: killed"
        client.set_flow_run_state(run, AwaitingRetry(), force=True)  # as the dashboard's button Retry does
        crash(TRIES - 1)
        assert given_up() == 0
