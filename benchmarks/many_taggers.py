"""Memory of the services while one flow retrains many taggers, one after the other.

    python -m benchmarks.many_taggers [--taggers 20]

All services run in a temporary $SEQTAG_HOME on free ports; `retrain-all/all` retrains small taggers that
differ in their seed, each in a separate process. The resident memory of each process tree is sampled every
second; the table has the maximum during the first, the middle and the last tagger.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from flows import stack
from flows.services import process_manager
from seqtag.config import Settings
from seqtag.steps import Workspace
from tests.live_services import bare_checkout, begin, client_of
from tests.taggers import Taggers

SERVICES = ("server", "registry", "pages", "worker alone", "the parent flow's process", "a tagger's process")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--taggers", type=int, default=20)
    n = parser.parse_args().taggers
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SEQTAG_HOME", str(Path(folder) / "home"))
        checkout = bare_checkout(Path(folder) / "checkout", monkeypatch)
        taggers = Taggers(checkout / "deployments" / "taggers")
        for number in range(n):
            taggers.write(name=f"small-{number:02}", seed=number + 1)
        workspace = Workspace.of(Settings())
        try:
            url, _ = stack.up(workspace, checkout=checkout)
            table(watched(workspace, url), n)
        finally:
            stack.down(workspace.home)


def watched(workspace: Workspace, url: str) -> list[dict[str, float]]:
    """Retrain all; return for each tagger the peak memory (MiB) by kind of process."""
    highest: list[dict[str, float]] = []
    run = begin(url, "retrain-all/all")
    with client_of(url) as client:
        while not client.read_flow_run(run).state.is_final():
            n_done = len(list(workspace.home.runs("*").parent.glob("*/*/report/report.html")))
            highest += [dict.fromkeys(SERVICES, 0.0) for _ in range(n_done + 1 - len(highest))]
            for name, size in sizes(workspace, str(run)).items():
                highest[-1][name] = max(highest[-1][name], size)
            time.sleep(1)
        print(client.read_flow_run(run).state.message.splitlines()[0])
    return highest


def sizes(workspace: Workspace, parent: str) -> dict[str, float]:
    found = {}
    for name in ("server", "registry", "pages"):
        found[name] = mebibytes(*tree(process_manager.running(workspace.home, name).process))
    worker = process_manager.running(workspace.home, "worker").process
    found["worker alone"] = mebibytes(worker)
    for child in worker.children():
        kind = "the parent flow's process" if is_of(child, parent) else "a tagger's process"
        found[kind] = mebibytes(*tree(child))
    return found


def is_of(process: psutil.Process, flow_run: str) -> bool:
    try:
        return process.environ().get("PREFECT__FLOW_RUN_ID", "").replace("-", "") == flow_run.replace("-", "")
    except psutil.Error:
        return False


def tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def mebibytes(*processes: psutil.Process) -> float:
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total / 2**20


def table(highest: list[dict[str, float]], n: int) -> None:
    shown = sorted({1, (n + 1) // 2, n})
    print(f"{os.cpu_count()} cores, peak resident memory while a tagger was retrained, MiB\n")
    print("| | " + " | ".join(f"tagger {number}" for number in shown) + " |\n|---|" + "---:|" * len(shown))
    for name in SERVICES:
        cells = [f"{highest[number - 1][name]:,.0f}" for number in shown]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
