"""The report of a worker: the next run of each tagger, and the addresses of the pages."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Completed, Scheduled

from flows.worker.next_runs import report_next_runs
from seqtag.config import Settings
from seqtag.steps import WorkerReport, Workspace

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("server")


def test_the_report_names_the_earliest_scheduled_retraining_of_each_tagger(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with get_client(sync_client=True) as client:
        for flow, tagger, hours in (
            ("retrain", "shop", (26, 2, 50)),
            ("retrain", "late", (-1,)),
            ("monitor", "shop", (1,)),
        ):
            deployment = client.create_deployment(
                client.create_flow_from_name(flow),
                tagger,
                tags=["seqtag"],
                parameters={"tagger": f"deployments/taggers/{tagger}.toml"},
            )
            for each in hours:
                due = Scheduled(scheduled_time=NOW + timedelta(hours=each))
                client.create_flow_run_from_deployment(deployment, state=due)
            done = client.create_flow_run_from_deployment(deployment).id
            client.set_flow_run_state(done, Completed(), force=True)
    monkeypatch.setenv("SEQTAG_PAGES_URL", "http://127.0.0.1:4201")

    async def report() -> None:
        async with get_client() as client:
            await report_next_runs(client, workspace, now=NOW)

    asyncio.run(report())
    assert WorkerReport.load(workspace.home.worker_report) == WorkerReport(
        at="2026-11-26T12:00:00+00:00",
        pages="http://127.0.0.1:4201",
        registry=None,
        next_runs={"late": "2026-11-26T11:00:00+00:00", "shop": "2026-11-26T14:00:00+00:00"},
    )

    monkeypatch.setenv("SEQTAG_REGISTRY_URL", "http://me:secret@registry:5000/")
    monkeypatch.setenv("SEQTAG_LEDGER_URL", "sqlite:////srv/ledger.db")
    workspace = Workspace.of(Settings())
    asyncio.run(report())
    registry = WorkerReport.load(workspace.home.worker_report).registry
    assert registry is not None
    assert registry.endswith("registry:5000")
    assert "secret" not in registry
