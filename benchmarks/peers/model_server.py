"""Model servers as contenders: each in its own processes, started for a measurement and stopped after it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from peers.measuring import PEAK, Contender, Measured, in_fresh_process, peak_mb

HOST = "127.0.0.1"
SEQTAG = [sys.executable, "-c", "from seqtag.cli import main; main()"]
_FOLDER = Path(__file__).resolve().parents[1]  # where `bentoml serve` finds this package
_PATIENCE = 600  # seconds
_REQUEST = {"dataframe_records": [{"tokens": ["search", "view_item", "checkout"]}]}


@dataclass(frozen=True)
class Server:
    """A program that serves one model; its command lacks only the port."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A server that has answered a request."""

    url: str
    start_up: float  # seconds until the first answer
    process: psutil.Process

    def processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def resident_mb(self) -> float:
        return sum(process.memory_info().rss for process in self.processes()) / 1e6

    def peak_mb(self) -> float:
        return sum(peak_mb(process.pid) for process in self.processes())

    def cpu_seconds(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self.processes())

    def seconds_until(self, version: str) -> float:
        """Wait until a version answers, and return the seconds."""
        begun, answering = time.monotonic(), None
        while answering != version:
            assert time.monotonic() - begun < _PATIENCE, f"version {version} does not answer"
            time.sleep(0.1)
            answer = httpx.post(self.url, json=_REQUEST, timeout=_PATIENCE).raise_for_status().json()
            answering = str(answer["predictions"][0]["model_version"])
        return time.monotonic() - begun

    def load(self, connections: int, seconds: float, *, until: str | None = None) -> Contender:
        about = {"url": self.url, "connections": connections, "seconds": seconds, "until": until}
        return Contender("load", "http_load", "load", about)

    def under_load(self, connections: int, seconds: float) -> Measured:
        """Return what the load measures, CPU milliseconds per answer and peak memory of all processes."""
        before = self.cpu_seconds()
        measured = in_fresh_process(self.load(connections, seconds))
        spent = self.cpu_seconds() - before
        return {**measured, "cpu_ms": 1000 * spent / measured["answers"], PEAK: self.peak_mb()}


def mlflow_server(model: Path) -> Server:
    """Return MLflow's model server on the folder of a version."""
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", "-m", str(model)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it starts `uvicorn`
    return Server("MLflow's server", [*command, "--host", HOST, "--port"], {"PATH": path})


def seqtag_server(home: Path, *options: str) -> Server:
    """Return `seqtag serve` on the champion of the sample."""
    command = [*SEQTAG, "serve", "sample", *options, "--port"]
    return Server("`seqtag serve`", command, {"SEQTAG_HOME": str(home)})


def bentoml_server(python: Path, model: Path) -> Server:
    """Return BentoML's server on the folder of a version, in the environment of `python`."""
    command = [str(python), "-m", "bentoml", "serve", "peers.bento_service:Tagger", "--host", HOST, "--port"]
    return Server("BentoML", command, {"MODEL": str(model), "BENTOML_DO_NOT_TRACK": "True"})


@contextmanager
def running(server: Server) -> Iterator[Running]:
    """Start a server on a free port, wait for its first answer, and stop all its processes in the end."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    quiet = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as log:
        program = subprocess.Popen(
            [*server.command, str(port)],
            cwd=_FOLDER,
            env={**os.environ, **quiet, **server.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        started, process = time.monotonic(), psutil.Process(program.pid)
        url = f"http://{HOST}:{port}/invocations"
        try:
            while not _answers(url):
                if program.poll() is not None or time.monotonic() - started > _PATIENCE:
                    log.seek(0)
                    sys.exit(f"{server.name} does not answer:\n{log.read()[-2000:]}")
                time.sleep(0.1)
            yield Running(url, time.monotonic() - started, process)
        finally:
            _stop(process)
            program.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.post(url, json=_REQUEST, timeout=_PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def _stop(process: psutil.Process) -> None:
    try:
        processes = [process, *process.children(recursive=True)]
        process.terminate()
    except psutil.NoSuchProcess:
        return
    for left in psutil.wait_procs(processes, timeout=20)[1]:
        left.kill()
