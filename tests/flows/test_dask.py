"""Bulk tagging on the workers of a Dask cluster, which are processes of this machine."""

from __future__ import annotations

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
from tests.dask_cluster import PATIENCE, DaskCluster, dask_cluster
from tests.taggers import Taggers, retrain

pytest.importorskip("distributed", reason="`make test-slow` installs it")

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.slow]

SOURCE = '\n[[tagging.sources]]\nformat = "sample"\nn_sequences = 100\nseed = 8\n'


@pytest.fixture
def cluster(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DaskCluster]:
    """Start a Dask cluster on which the flow tags."""
    with dask_cluster(tmp_path, {"PREFECT_API_URL": PREFECT_API_URL.value()}) as cluster:
        monkeypatch.setenv("SEQTAG_DASK_SCHEDULER", cluster.scheduler)
        yield cluster


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


@pytest.mark.usefixtures("cluster")
def test_workers_tag_what_this_process_tags(tagger: str, workspace: Workspace) -> None:
    state = tag(tagger, as_of=date(2026, 2, 1), return_state=True)
    assert state.name == "Tagged", state.message
    on_workers = pq.read_table(state.result().sequences).to_pylist()
    assert parameters_of_subflow(state) == {"tagged": {"path": str(state.result().path)}}  # no URL
    for folder in Path(workspace.home.tagged("small")).iterdir():
        folder.rename(folder.with_name(f"moved-{folder.name}"))
    assert on_workers == tagged_here(tagger, workspace)


def test_a_killed_worker_loses_nothing(tagger: str, workspace: Workspace, cluster: DaskCluster) -> None:
    worker = cluster.worker(0)
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


def kill_when_a_part_is_tagged(worker: psutil.Process, folder: Path) -> None:
    """Kill a worker with SIGKILL as soon as a part is tagged, when both workers have another one."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if list(folder.glob(".*/parts/part-*/manifest.json")):
            worker.kill()
            return
        time.sleep(0.05)
