"""A temporary checkout with real services running on it, and queries of their flow runs.

from tests.live_services import checkout  # noqa: F401 - in a conftest.py; then request the fixture
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
PATIENCE = 400  # seconds; a cron run is due within 60, one without heartbeats counts as crashed after 120


@pytest.fixture
def checkout(tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout without taggers; its services are stopped afterwards."""
    yield bare_checkout(tmp_path / "checkout", monkeypatch)
    stack.down(workspace.home)


def bare_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout without taggers, whose services listen on free ports."""
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS", "5")
    monkeypatch.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS", "30")
    for service in ("PREFECT_SERVER_API", "SEQTAG_REGISTRY", "SEQTAG_PAGES"):
        monkeypatch.setenv(f"{service}_PORT", "0")
    (folder / "deployments" / "taggers").mkdir(parents=True)
    for name in ("flows", "tasks", "seqtag", "deployments/deployments.yaml"):
        (folder / name).symlink_to(CHECKOUT / name)
    return folder


def written(checkout: Path, more: str, *, name: str = "small", source: str = "", floor: float = 0.05) -> Path:
    """Write the file of a small tagger into a checkout.

    Args:
        more: further TOML tables.
        source: format and further keys of its source, instead of the sample corpus.
    """
    path = Path(Taggers(checkout / "deployments" / "taggers").write(name=name, floor=floor, more=more))
    if source:
        path.write_text(path.read_text().replace('"sample"\nn_sequences = 200', source))
    return path


def client_of(url: str) -> SyncPrefectClient:
    with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        return get_client(sync_client=True)


def begin(url: str, deployment: str = "retrain/small", **parameters: Any) -> UUID:
    """Start a flow run of a deployment; return its id."""
    with client_of(url) as client:
        found = client.read_deployment_by_name(deployment)
        return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def runs_at(url: str) -> list[FlowRun]:
    with client_of(url) as client:
        return client.read_flow_runs(limit=200)


def until(url: str, select: Callable[[list[FlowRun]], list]) -> list:
    """Poll all flow runs until `select` returns something, and return that."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = select(runs_at(url))
        if found:
            return found
        time.sleep(1)
    states = Counter(run.state.name for run in runs_at(url))
    pytest.fail(f"nothing selected within {PATIENCE} s; states of the flow runs: {states}")


def until_final(url: str, run: UUID) -> FlowRun:
    """Wait for one flow run to end; a crashed or suspended one has not ended yet."""
    return until(url, lambda runs: [each for each in finished(runs) if each.id == run])[0]


def until_suspended(url: str, run: UUID) -> FlowRun:
    """Wait until a flow run is suspended for an answer; fail the test if it ends instead."""
    found = until(
        url, lambda runs: [r for r in runs if r.id == run and (r in finished(runs) or r.state.is_paused())]
    )
    assert found[0].state.name == "Suspended", found[0].state
    return found[0]


def finished(runs: list[FlowRun]) -> list[FlowRun]:
    # a run that falls due during another one is cancelled by the deployment's overlap policy
    return [run for run in runs if run.state.is_final() and run.state.name not in ("Cancelled", "Crashed")]


def corpus(alphabet: str = "abcd", *, drawn: object = 1, n: int = 200) -> str:
    """Return n random sequences as JSON Lines, seeded by `drawn`; the token a is tagged X, others Y."""
    chance = random.Random(f"{alphabet}{drawn}")
    rows = []
    for _ in range(n):
        tokens = chance.choices(alphabet, k=8)
        tags = ["X" if token == "a" else "Y" for token in tokens]
        rows.append(json.dumps({"tokens": tokens, "tags": tags}))
    return "\n".join(rows) + "\n"
