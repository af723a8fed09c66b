"""Coalescing: the due runs that a worker cancels."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun

from flows.worker.coalescing import runs_to_cancel

NOW = datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC)


def due(*hours: float) -> list[FlowRun]:
    """Return runs that were due these numbers of hours ago."""
    return [
        FlowRun(flow_id=uuid4(), name=str(h), expected_start_time=NOW - timedelta(hours=h)) for h in hours
    ]


@pytest.mark.parametrize(
    ("policies", "active", "hours", "cancelled"),
    [
        (["missed:latest"], None, [], []),
        (["missed:latest"], None, [1], []),
        (["missed:latest"], None, [3, 1, 2], ["2", "3"]),
        (["missed:latest"], None, [0.001, 24], ["24"]),
        (["missed:none"], None, [0.001], []),  # seconds ago: not late
        (["missed:none"], None, [0.5, 24, 0.001], ["0.5", "24"]),
        (["missed:all"], None, [3, 1, 2], []),
        (["missed:latest", "overlap:cancel-new"], None, [1], []),
        (["missed:latest", "overlap:cancel-new"], "another", [1, 2], ["1", "2"]),
        (["missed:latest", "overlap:enqueue"], "another", [1, 2], ["2"]),
    ],
)
def test_policies_decide_which_runs_are_cancelled(
    policies: list[str], active: str | None, hours: list[float], cancelled: list[str]
) -> None:
    found = runs_to_cancel(due(*hours), policies, active, now=NOW)
    assert sorted(run.name for run, _ in found) == cancelled


def test_the_reason_names_the_run_that_replaces_a_cancelled_one() -> None:
    ((_, reason),) = runs_to_cancel(due(3, 1), ["missed:latest"], None, now=NOW)
    assert reason == "Missed: replaced by the run due 2026-11-26 11:00 UTC"
    ((_, reason),) = runs_to_cancel(due(1), ["overlap:cancel-new"], "retrain small", now=NOW)
    assert reason == "Not started: 'retrain small' was running when it was due"
