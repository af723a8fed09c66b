"""Which of the runs that fell due while no worker ran are let go of."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.worker.coalescing import runs_to_cancel

NOW = datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC)


def due(*hours: float) -> list[FlowRun]:
    """Return runs that were due so many hours ago."""
    return [
        FlowRun(flow_id=uuid4(), name=str(h), expected_start_time=NOW - timedelta(hours=h)) for h in hours
    ]


@pytest.mark.parametrize(
    ("policies", "under_way", "hours", "let_go"),
    [
        (["missed:latest"], None, [], []),
        (["missed:latest"], None, [1], []),
        (["missed:latest"], None, [3, 1, 2], ["2", "3"]),
        (["missed:latest"], None, [0.001, 24], ["24"]),
        (["missed:none"], None, [0.001], []),  # some seconds ago: in time
        (["missed:none"], None, [0.5, 24, 0.001], ["0.5", "24"]),
        (["missed:all"], None, [3, 1, 2], []),
        (["missed:latest", "overlap:cancel-new"], None, [1], []),
        (["missed:latest", "overlap:cancel-new"], "another", [1, 2], ["1", "2"]),
        (["missed:latest", "overlap:enqueue"], "another", [1, 2], ["2"]),
    ],
)
def test_policies(policies: list[str], under_way: str | None, hours: list[float], let_go: list[str]) -> None:
    found = runs_to_cancel(due(*hours), policies, under_way, now=NOW)
    assert sorted(run.name for run, _ in found) == let_go


def test_the_reason_says_which_run_does_the_work() -> None:
    ((_, reason),) = runs_to_cancel(due(3, 1), ["missed:latest"], None, now=NOW)
    assert reason == "Missed: the run that was due 2026-11-26 11:00 UTC does its work"
    ((_, reason),) = runs_to_cancel(due(1), ["overlap:cancel-new"], "retrain small", now=NOW)
    assert reason == "Not begun: 'retrain small' was under way when it was due"
