"""Calls on two workers of a Dask cluster, which are processes of this machine."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest

from seqtag import dask_workers
from seqtag.dask_workers import run_on_workers
from seqtag.errors import ConfigError, CorpusError, SubprocessFailedError, SubprocessKilledError
from tests.dask_cluster import CHECKOUT, PATIENCE, DaskCluster, dask_cluster

pytest.importorskip("distributed", reason="`make test-slow` installs it")

pytestmark = pytest.mark.slow


def answer(addresses: list[str], rank: int, send: Callable[[Any], None], n: int) -> list[Any]:
    """Log, send n messages, and return what the call got."""
    for number in range(n):
        send(f"{number} from {rank}")
    logging.getLogger("seqtag.answer").info("call %d", rank)
    return [addresses, rank]


def fail_first(addresses: list[str], rank: int, send: Callable[[Any], None]) -> None:
    """Fail in the second call, while the first one waits forever."""
    if rank == 1:
        raise CorpusError("only the second")
    wait(addresses, rank, send, "")


def die(addresses: list[str], rank: int, send: Callable[[Any], None]) -> None:
    """Die in the second call, while the first one waits forever."""
    if rank == 1:
        os._exit(3)
    wait(addresses, rank, send, "")


def wait(addresses: list[str], rank: int, send: Callable[[Any], None], folder: str) -> None:
    """Write the number of this process into a folder, and wait forever."""
    if folder:
        Path(folder, str(os.getpid())).touch()
    time.sleep(10 * PATIENCE)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), {}) as cluster:
        yield cluster


def test_each_worker_is_called_and_the_first_answers(
    cluster: DaskCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqtag")
    messages: list[str] = []
    addresses, rank = run(cluster, tmp_path, answer, n=200, on_message=messages.append)
    assert (len(set(addresses)), rank) == (2, 0)
    assert messages == [f"{number} from 0" for number in range(200)]
    assert [record.getMessage() for record in caplog.records if record.name == "seqtag.answer"] == ["call 0"]
    assert not list(tmp_path.iterdir())


def test_an_error_of_one_call_ends_all(cluster: DaskCluster, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="only the second"):
        run(cluster, tmp_path, fail_first)


def test_the_death_of_one_call_ends_all(cluster: DaskCluster, tmp_path: Path) -> None:
    with pytest.raises(SubprocessKilledError, match="ended with status 3"):
        run(cluster, tmp_path, die)


def test_a_lost_worker_ends_all(cluster: DaskCluster, tmp_path: Path) -> None:
    worker = cluster.worker(1)
    started = subprocess.Popen(waiting(cluster, tmp_path), stderr=subprocess.PIPE, text=True)
    calls = processes_in(tmp_path)
    worker.kill()
    _, errors = started.communicate(timeout=PATIENCE)
    assert "SubprocessKilledError: the Dask worker" in errors
    assert not psutil.wait_procs(calls, PATIENCE)[1]


def test_calls_end_with_the_process_that_started_them(cluster: DaskCluster, tmp_path: Path) -> None:
    started = subprocess.Popen(waiting(cluster, tmp_path))
    calls = processes_in(tmp_path)
    started.kill()
    started.wait()
    assert not psutil.wait_procs(calls, PATIENCE)[1]


def test_too_few_workers_are_an_error(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_workers, "_PATIENCE", 1.0)
    with pytest.raises(SubprocessFailedError, match="has 2 workers: expected 3 within 1 seconds"):
        run(cluster, tmp_path, answer, n_workers=3, n=0)


def test_workers_with_other_code_are_refused(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_workers, "_code_of", lambda *_: "other")
    with pytest.raises(ConfigError, match="has other code or packages than this process"):
        run(cluster, tmp_path, answer, n=0)


def test_workers_that_do_not_see_the_folder_are_an_error(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the workers have another working directory
    with pytest.raises(ConfigError, match="expected the same home folder for all workers"):
        run(cluster, Path("relative"), answer, n=0)


def test_workers_of_an_older_version_are_refused(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newer(*_: str) -> None:
        """Stand for a function that the module of the workers does not have."""

    newer.__module__, newer.__qualname__ = dask_workers.__name__, "newer"
    monkeypatch.setattr(dask_workers, "newer", newer, raising=False)  # else Dask would send its code
    monkeypatch.setattr(dask_workers, "_offer", newer)
    with pytest.raises(ConfigError, match=r"than this process \(.*restart the worker"):
        run(cluster, tmp_path, answer, n=0)


def test_a_call_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_workers, "_PATIENCE", 0.1)
    with pytest.raises(SubprocessKilledError, match=r"tcp://a:1, tcp://b:2 did not end within 0 seconds"):
        dask_workers._ended(Future(), ["tcp://a:1", "tcp://b:2"])


def run(
    cluster: DaskCluster, folder: Path, function: Callable[..., Any], n_workers: int = 2, **arguments: Any
) -> Any:
    of = {"on_message": print, **arguments}
    return run_on_workers(
        function, scheduler=cluster.scheduler, n_workers=n_workers, lock_folder=folder, **of
    )


def waiting(cluster: DaskCluster, folder: Path) -> list[str]:
    """Return a command that makes calls which wait forever."""
    code = f"""
from pathlib import Path
from seqtag.dask_workers import run_on_workers
from tests.unit.test_dask_workers import wait
folder = Path({str(folder)!r})
scheduler = {cluster.scheduler!r}
run_on_workers(
    wait, scheduler=scheduler, n_workers=2, lock_folder=folder, on_message=print, folder=str(folder)
)
"""
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}){code}"]


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the two processes that wait, as soon as they do."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [int(each.name) for each in folder.iterdir() if each.name.isdecimal()]
        if len(found) == 2:
            return [psutil.Process(number) for number in found]
        time.sleep(0.05)
    raise AssertionError("the calls did not start")
