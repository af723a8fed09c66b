"""A checkout of its own with the real services running on it, and what is asked of them.

from tests.machine import checkout  # noqa: F401 - in a conftest.py; then ask for the fixture
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import stack
from seqtag.steps import Workspace
from tests.taggers import Taggers

CHECKOUT = Path(__file__).resolve().parents[1]
PATIENCE = 400  # seconds; a cron run is due within 60, a silent one has crashed after 120


@pytest.fixture
def checkout(tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout without taggers; what was started on it is stopped afterwards."""
    yield bare_checkout(tmp_path / "checkout", monkeypatch)
    stack.down(workspace.home)


def bare_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout without taggers, whose services listen on ports that nobody else has."""
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS", "5")
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS", "30")
    for service in ("PREFECT_SERVER_API", "SEQTAG_REGISTRY", "SEQTAG_PAGES"):
        monkeypatch.setenv(f"{service}_PORT", "0")
    (folder / "deployments" / "taggers").mkdir(parents=True)
    for name in ("flows", "tasks", "seqtag", "deployments/prefect.yaml"):
        (folder / name).symlink_to(CHECKOUT / name)
    return folder


def written(checkout: Path, more: str, *, name: str = "small", source: str = "", floor: float = 0.05) -> Path:
    """Write a small tagger's file into a checkout.

    Args:
        more: further tables.
        source: format and further keys of its source, in place of the sample's.
    """
    path = Path(Taggers(checkout / "deployments" / "taggers").write(name=name, floor=floor, more=more))
    if source:
        path.write_text(path.read_text().replace('"sample"\nn_sequences = 200', source))
    return path


def client_of(url: str) -> SyncPrefectClient:
    with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        return get_client(sync_client=True)


def begin(url: str, deployment: str = "retrain/small", **parameters: Any) -> UUID:
    """Begin a flow run of a deployment; return its id."""
    with client_of(url) as client:
        found = client.read_deployment_by_name(deployment)
        return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def runs_at(url: str) -> list[FlowRun]:
    with client_of(url) as client:
        return client.read_flow_runs(limit=200)


def until(url: str, wanted: Callable[[list[FlowRun]], list]) -> list:
    """Ask for all flow runs until something is `wanted` of them, and return that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = wanted(runs_at(url))
        if found:
            return found
        time.sleep(1)
    pytest.fail(f"not seen within {PATIENCE} s; runs: {Counter(run.state.name for run in runs_at(url))}")


def until_final(url: str, run: UUID) -> FlowRun:
    """Wait for one flow run to end; one that has crashed or waits for somebody goes on."""
    return until(url, lambda runs: [each for each in finished(runs) if each.id == run])[0]


def until_suspended(url: str, run: UUID) -> FlowRun:
    """Wait until a flow run waits for an answer; one that ends instead fails the test."""
    found = until(
        url, lambda runs: [r for r in runs if r.id == run and (r in finished(runs) or r.state.is_paused())]
    )
    assert found[0].state.name == "Suspended", found[0].state
    return found[0]


def finished(runs: list[FlowRun]) -> list[FlowRun]:
    # a run that is due while the one before it still trains is cancelled, as the deployment says
    return [run for run in runs if run.state.is_final() and run.state.name not in ("Cancelled", "Crashed")]


def corpus(alphabet: str = "abcd", *, drawn: object = 1, n: int = 200) -> str:
    """Return n sequences as JSON Lines; the letter a has a tag of its own. Others for each `drawn`."""
    chance = random.Random(f"{alphabet}{drawn}")
    rows = []
    for _ in range(n):
        tokens = chance.choices(alphabet, k=8)
        tags = ["X" if token == "a" else "Y" for token in tokens]
        rows.append(json.dumps({"tokens": tokens, "tags": tags}))
    return "\n".join(rows) + "\n"
