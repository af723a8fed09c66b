"""Report of the next runs and of the addresses of the pages, for `seqtag status` and the fleet page."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.prefect_api import in_state, seqtag_runs
from flows.services import process_manager
from seqtag.config.database_url import is_server_url
from seqtag.config.secrets import hide_passwords
from seqtag.steps import WorkerReport, Workspace, record_worker_report

REPORT_INTERVAL: Final = timedelta(minutes=1)

_RETRAINING: Final = FlowFilter(name=FlowFilterName(any_=["retrain"]))


async def report_next_runs(client: PrefectClient, workspace: Workspace, *, now: datetime) -> None:
    """Write the report of this worker into the home folder."""
    report = WorkerReport(
        at=now.isoformat(timespec="seconds"),
        pages=os.environ.get("SEQTAG_PAGES_URL"),
        registry=_registry_page(workspace),
        next_runs=await next_runs(client),
    )
    record_worker_report(workspace.home, report)


async def next_runs(client: PrefectClient) -> dict[str, str]:
    """Return the time at which each tagger is retrained next, UTC; those due and not started count."""
    found: dict[str, str] = {}
    scheduled = in_state(StateType.SCHEDULED)
    async for run in seqtag_runs(
        client, scheduled, flow=_RETRAINING, sort=FlowRunSort.EXPECTED_START_TIME_ASC
    ):
        if run.expected_start_time is not None:
            due = run.expected_start_time.astimezone(UTC).isoformat(timespec="seconds")
            found.setdefault(Path(run.parameters["tagger"]).stem, due)
    return found


def _registry_page(workspace: Workspace) -> str | None:
    """Return the address of MLflow's page, None if this machine does not serve it and no server does."""
    if is_server_url(workspace.registry_url):
        return hide_passwords(workspace.registry_url).rstrip("/")
    page = process_manager.running(workspace.home, "registry")
    return None if page is None else page.url
