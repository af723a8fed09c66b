"""Bulk tagging on the workers of a Dask cluster, which are processes of this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.tag import tag
from seqtag import steps
from seqtag.config import load_tagger
from seqtag.corpus import snapshot
from seqtag.steps import Workspace
from tests.taggers import Taggers, retrain

distributed = pytest.importorskip("distributed", reason="`make test-slow` installs it")

pytestmark = [pytest.mark.usefixtures("server"), pytest.mark.slow]

SOURCE = '\n[[tagging.sources]]\nformat = "sample"\nn_sequences = 100\nseed = 8\n'


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Two workers with one thread each."""
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster:
        monkeypatch.setenv("SEQTAG_DASK_SCHEDULER", cluster.scheduler_address)
        yield cluster


@pytest.fixture
def tagger(workspace: Workspace, taggers: Taggers, monkeypatch: pytest.MonkeyPatch) -> str:
    """Tagger with a champion, and 100 sequences to tag in four parts."""
    path = taggers.write(more=SOURCE)
    retrain(path, workspace)
    monkeypatch.setattr(snapshot, "CHUNK_SEQUENCES", 30)
    monkeypatch.setattr(snapshot, "PART_CHUNKS", 1)
    monkeypatch.setattr(sys.modules["seqtag.steps.tag_parts"], "PARTS_AT_ONCE", 1)
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


def test_workers_tag_what_this_process_tags(tagger: str, workspace: Workspace, cluster: object) -> None:
    state = tag(tagger, as_of=date(2026, 2, 1), return_state=True)
    assert state.name == "Tagged", state.message
    on_workers = pq.read_table(state.result().sequences).to_pylist()
    for folder in Path(workspace.home.tagged("small")).iterdir():
        folder.rename(folder.with_name(f"moved-{folder.name}"))
    assert on_workers == tagged_here(tagger, workspace)


def test_a_killed_worker_loses_nothing(tagger: str, workspace: Workspace, cluster: object) -> None:
    killed = threading.Thread(target=kill_a_worker, args=(cluster, workspace.home.tagged("small")))
    killed.start()
    state = tag(tagger, as_of=date(2026, 2, 1), return_state=True)
    killed.join()
    assert state.name == "Tagged", state.message
    assert len(pq.read_table(state.result().sequences)) == 100


def kill_a_worker(cluster: object, folder: Path) -> None:
    """Kill a worker with SIGKILL as soon as a part is tagged, when both have another one."""
    while not list(folder.glob(".*/parts/part-*/manifest.json")):
        time.sleep(0.05)
    os.kill(cluster.workers[0].pid, signal.SIGKILL)  # type: ignore[attr-defined]
