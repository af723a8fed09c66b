"""Bulk tagging on the workers of a Dask cluster, which are processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL

from flows.tag import tag
from seqtag import steps
from seqtag.config import load_tagger
from seqtag.corpus import snapshot
from seqtag.steps import Workspace
from tests.http_servers import free_port
from tests.taggers import Taggers, retrain

distributed = pytest.importorskip("distributed", reason="`make test-slow` installs it")

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.slow]

CHECKOUT = Path(__file__).resolve().parents[2]
DASK = str(Path(sys.executable).with_name("dask"))
PATIENCE = 180  # seconds; tagging a part takes a few
SOURCE = '\n[[tagging.sources]]\nformat = "sample"\nn_sequences = 100\nseed = 8\n'


@pytest.fixture
def nannies(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start a scheduler and two workers as docs/how-to/tag-in-bulk.md does; yield the workers' parents."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = (DASK, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    worker = (DASK, "worker", address, "--nthreads", "1", "--no-dashboard")
    monkeypatch.setenv("SEQTAG_DASK_SCHEDULER", address)
    env = {
        **os.environ,  # with SEQTAG_HOME
        "PYTHONPATH": str(CHECKOUT),
        "PREFECT_API_URL": PREFECT_API_URL.value(),
        "DASK_TEMPORARY_DIRECTORY": str(tmp_path),
    }
    started = [subprocess.Popen(command, cwd=tmp_path, env=env) for command in (scheduler, worker, worker)]
    try:
        with distributed.Client(address, timeout=PATIENCE) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield started[1:]
    finally:
        for process in reversed(started):
            process.terminate()
        for process in reversed(started):
            process.wait(PATIENCE)


@pytest.fixture
def tagger(workspace: Workspace, taggers: Taggers, monkeypatch: pytest.MonkeyPatch) -> str:
    """Tagger with a champion, and 100 sequences to tag in four parts."""
    path = taggers.write(more=SOURCE)
    retrain(path, workspace)
    monkeypatch.setattr(snapshot, "CHUNK_SEQUENCES", 30)
    monkeypatch.setattr(snapshot, "PART_CHUNKS", 1)
    monkeypatch.setattr(sys.modules["seqtag.steps.tag_parts"], "PARTS_PER_SUBPROCESS", 1)
    return path


def tagged_here(tagger: str, workspace: Workspace) -> list[dict[str, object]]:
    """Return the sequences as the steps tag them in this process, on another day."""
    config = load_tagger(tagger)
    found = steps.ingest_untagged(config, workspace)
    tagged = steps.open_tagging(config, found, workspace, as_of=date(2026, 3, 1))
    for names in steps.groups_of_parts(tagged, workspace):
        steps.tag_parts(tagged, names, workspace)
    steps.finish_tagging(config, tagged, workspace)
    return pq.read_table(tagged.sequences).to_pylist()


@pytest.mark.usefixtures("nannies")
def test_workers_tag_what_this_process_tags(tagger: str, workspace: Workspace) -> None:
    state = tag(tagger, as_of=date(2026, 2, 1), return_state=True)
    assert state.name == "Tagged", state.message
    on_workers = pq.read_table(state.result().sequences).to_pylist()
    assert parameters_of_subflow(state) == {"tagged": {"path": str(state.result().path)}}  # no URL
    for folder in Path(workspace.home.tagged("small")).iterdir():
        folder.rename(folder.with_name(f"moved-{folder.name}"))
    assert on_workers == tagged_here(tagger, workspace)


def test_a_killed_worker_loses_nothing(
    tagger: str, workspace: Workspace, nannies: list[subprocess.Popen[bytes]]
) -> None:
    worker = worker_of(nannies[0])
    killing = threading.Thread(
        target=kill_when_a_part_is_tagged, args=(worker, workspace.home.tagged("small")), daemon=True
    )
    killing.start()
    state = tag(tagger, as_of=date(2026, 2, 1), return_state=True)
    killing.join(PATIENCE)
    assert not worker.is_running()
    assert state.name == "Tagged", state.message
    assert len(pq.read_table(state.result().sequences)) == 100


def parameters_of_subflow(state: State) -> dict[str, Any]:
    """Return what the Prefect server stores of the call of the flow `tag parts`."""
    flow_run = state.state_details.flow_run_id
    assert flow_run is not None
    parent = FlowRunFilterParentFlowRunId(any_=[flow_run])
    with get_client(sync_client=True) as client:
        (subflow,) = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent))
    return subflow.parameters


def worker_of(nanny: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the worker process among the children of its nanny, which has multiprocessing's too."""
    (worker,) = (each for each in psutil.Process(nanny.pid).children() if "spawn_main" in str(each.cmdline()))
    return worker


def kill_when_a_part_is_tagged(worker: psutil.Process, folder: Path) -> None:
    """Kill a worker with SIGKILL as soon as a part is tagged, when both workers have another one."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if list(folder.glob(".*/parts/part-*/manifest.json")):
            worker.kill()
            return
        time.sleep(0.05)
