"""`seqtag serve` as a process, on versions that were really trained."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.config import Settings
from seqtag.monitoring.period_reader import read_tagged
from tests.http_servers import free_port, running
from tests.registry_decisions import promote
from tests.taggers import Taggers, retrain

SEQUENCES = [["search", "view_item", "checkout"], ["never", "seen"], []]


@dataclass(frozen=True)
class Served:
    """A running server of the tagger `small`."""

    url: str
    workspace: steps.Workspace
    taggers: Taggers
    log: Path

    def post(self) -> httpx.Response:
        records = {"dataframe_records": [{"tokens": tokens} for tokens in SEQUENCES]}
        return httpx.post(f"{self.url}/invocations", json=records, timeout=60)

    def metric(self, sample: str) -> float:
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(sample)), 0.0)

    def wait_for(self, sample: str, value: float) -> None:
        deadline = time.monotonic() + 300
        while self.metric(sample) < value:
            assert time.monotonic() < deadline, httpx.get(f"{self.url}/metrics").text
            time.sleep(0.1)


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve the tagger until the context ends: version 1 is the champion, version 2 the challenger."""
    workspace, taggers = steps.Workspace.of(Settings()), Taggers(folder)
    for seed in (1, 2):
        retrain(taggers.write(seed=seed), workspace, day=seed)
    port, log = free_port(), folder / "log"
    options = ["--port", str(port), "--poll", "0.2", "--log", str(log), "--shadow", "1"]
    command = [str(Path(sys.executable).with_name("seqtag")), "serve", "small", *options]
    with running(command, f"http://127.0.0.1:{port}/ready", cwd=folder, env=os.environ) as url:
        yield Served(url.removesuffix("/ready"), workspace, taggers, log)


@pytest.mark.slow
def test_promotions_under_load_lose_no_request_and_a_broken_champion_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    with serving(tmp_path) as served:
        answers = [served.post()]
        while not served.metric("seqtag_shadow_tokens_total"):  # the challenger is loaded after the start
            answers.append(served.post())
            time.sleep(0.5)
        is_over = threading.Event()

        def load() -> None:
            while not is_over.is_set():
                answers.append(served.post())

        clients = [threading.Thread(target=load) for _ in range(2)]
        for client in clients:
            client.start()
        registry = served.workspace.registry()
        promote(registry, "small", "2", expected_champion="1")
        served.wait_for('seqtag_swaps_total{outcome="swapped"}', 1)
        n_at_swap = len(answers)
        retrain(served.taggers.write(seed=3), served.workspace, day=3)
        code = registry.checked_version("small", "3").bundle.parent.parent / "serving_model.py"
        code.write_text(code.read_text().replace("tag.decode() for", "tag.decode() + 'X' for"))
        promote(registry, "small", "3", expected_champion="2")
        served.wait_for('seqtag_swaps_total{outcome="refused"}', 1)
        is_over.set()
        for client in clients:
            client.join()
        assert served.metric("seqtag_batch_sequences_sum") > 3 * served.metric("seqtag_batch_sequences_count")
    assert {answer.status_code for answer in answers} == {200}
    found = [answer.json()["predictions"] for answer in answers]
    assert [[len(row["tags"]) for row in rows] for rows in found] == [[3, 2, 0]] * len(answers)
    versions = [row["model_version"] for rows in found for row in rows]
    assert set(versions) == {"1", "2"}
    assert set(versions[3 * (n_at_swap + len(clients)) :]) == {"2"}

    logged = pq.read_table(served.log / "answers").to_pylist()
    answered = [row["model_version"] for rows in found for row in rows if row["tags"]]
    assert sorted(row["model_version"] for row in logged) == sorted(answered)
    tokens = [batch["tokens"] for batch in read_tagged(served.log / "answers", scheme="none", spelled="none")]
    assert sum(map(len, tokens)) == len(answered)
