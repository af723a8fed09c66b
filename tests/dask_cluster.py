"""A Dask cluster of processes of this machine: a scheduler and two workers, as the documents start them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.http_servers import free_port

CHECKOUT = Path(__file__).resolve().parents[1]
DASK = str(Path(sys.executable).with_name("dask"))
PATIENCE = 180  # seconds


@dataclass(frozen=True)
class DaskCluster:
    """The address of the scheduler, and the parents of the workers, which start those that die again."""

    scheduler: str
    nannies: list[subprocess.Popen[bytes]]

    def worker(self, number: int) -> psutil.Process:
        """Return a worker among the children of its nanny, which has multiprocessing's too."""
        children = psutil.Process(self.nannies[number].pid).children()
        (worker,) = (each for each in children if "spawn_main" in str(each.cmdline()))
        return worker


@contextmanager
def dask_cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[DaskCluster]:
    """Start a scheduler and two workers in a folder, and end them."""
    from distributed import Client

    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = (DASK, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    worker = (DASK, "worker", address, "--nthreads", "1", "--no-dashboard")
    env = {
        **os.environ,  # with SEQTAG_HOME
        **environment,
        "PYTHONPATH": str(CHECKOUT),
        "DASK_TEMPORARY_DIRECTORY": str(folder),
    }
    started = [subprocess.Popen(command, cwd=folder, env=env) for command in (scheduler, worker, worker)]
    try:
        with Client(address, timeout=PATIENCE) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield DaskCluster(address, started[1:])
    finally:
        for process in reversed(started):
            process.terminate()
        for process in reversed(started):
            process.wait(PATIENCE)
