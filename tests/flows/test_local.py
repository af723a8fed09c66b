"""The real server and worker of this machine: started, found again, a cron run that fires, stopped."""

import time
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import local
from seqtag.rundir import RunDir
from seqtag.sealing import (
    read_json,
)
from seqtag.steps import Place

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds; a cron run is due within 60, and then trains a small model


@pytest.fixture
def checkout(tmp_path: Path, taggers) -> Path:
    """A checkout whose only deployment retrains a small tagger every minute."""
    folder = tmp_path / "checkout"
    (folder / "deployments").mkdir(parents=True)
    for name in ("flows", "tasks", "seqtag"):
        (folder / name).symlink_to(CHECKOUT / name)
    declared = yaml.safe_load((CHECKOUT / "deployments" / "prefect.yaml").read_text())
    nightly = declared["deployments"][0]
    nightly["parameters"] = {"tagger": taggers.write()}
    nightly["schedules"] = [{"cron": "* * * * *", "timezone": "UTC"}]
    declared["deployments"] = [nightly]
    (folder / "deployments" / "prefect.yaml").write_text(yaml.safe_dump(declared))
    return folder


@pytest.mark.slow
def test_a_cron_run_fires_completes_and_up_and_down_may_be_repeated(
    place: Place, checkout: Path, monkeypatch
) -> None:
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS", "5")
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "0")  # any free port: the usual one may be somebody's
    url, _ = local.up(place.home, checkout=checkout)
    try:
        assert local.up(place.home, checkout=checkout) == (url, [])
        with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
            state = _first_finished_run()
        assert (state.type, state.name) == ("COMPLETED", "Promoted"), state
        (decision,) = place.home.runs("small").glob("*/decision/decision.json")
        assert state.message == read_json(decision)["sentence"]
        assert RunDir(decision.parents[1]).report.exists()
    finally:
        stopped = local.down(place.home)
    assert stopped == ["worker", "server"]
    assert local.down(place.home) == []


def _first_finished_run():
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            states = [run.state for run in client.read_flow_runs() if run.state]
        # a run that is due while the one before it still trains is cancelled, as the deployment says
        finished = [state for state in states if state.is_final() and not state.is_cancelled()]
        if finished:
            return finished[0]
        time.sleep(1)
    pytest.fail(f"no cron run finished within {PATIENCE} s")
