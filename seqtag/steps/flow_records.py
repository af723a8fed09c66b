"""Records that flows write for the fleet: the last flow run of a tagger, and the report of a worker.

The library knows neither schedules nor the dashboard; it shows what these records say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from seqtag.records import Record
from seqtag.run_dir import Home


@dataclass(frozen=True)
class LastFlowRun(Record):
    """last_flow_run.json: the newest flow run that retrained a tagger; times are UTC, ISO 8601."""

    FORMAT: ClassVar[str] = "last_flow_run/1"

    url: str | None  # on the dashboard, None without one
    started: str
    ended: str | None  # None while it runs
    state: str  # such as Running, Promoted or DataError
    failure: str  # message of a failed or crashed state, "" of another


@dataclass(frozen=True)
class WorkerReport(Record):
    """worker_report.json: what a worker knows about the server and the pages; times are UTC, ISO 8601."""

    FORMAT: ClassVar[str] = "worker_report/1"

    at: str
    pages: str | None  # address of the report server
    registry: str | None  # address of MLflow's page
    next_runs: Mapping[str, str]  # tagger -> time at which its next retraining is due


def record_flow_run(home: Home, tagger: str, flow_run: LastFlowRun) -> None:
    """Record the state of the newest flow run that retrains a tagger."""
    home.runs(tagger).mkdir(parents=True, exist_ok=True)
    flow_run.save(home.last_flow_run(tagger))


def record_worker_report(home: Home, report: WorkerReport) -> None:
    """Record what a worker knows."""
    home.prefect.mkdir(parents=True, exist_ok=True)
    report.save(home.worker_report)
