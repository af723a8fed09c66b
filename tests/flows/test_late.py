"""Which of the runs that fell due while no worker ran are let go of."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.late import superfluous

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
