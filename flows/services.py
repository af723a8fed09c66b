"""Background processes of this machine: started, found again, told apart from strangers, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from seqtag.errors import SeqtagError
from seqtag.rundir import Home
from seqtag.sealing import write_json

HOST = "127.0.0.1"
USUAL_PORT = 4200
LAST_PORT = 65_535
HEALTHY_WITHIN = 180  # seconds; 8-13 s on a quiet machine
HEARTBEAT = 30  # seconds between signs of life of a flow run; `flows.automations` waits for four
STOPPED_WITHIN = 30  # seconds, before a process that ignores its signal is killed


class ServiceError(SeqtagError):
    """The Prefect server or worker could not be started; the message holds its last lines."""


@dataclass(frozen=True)
class Service:
    """A process of ours that runs in the background."""

    name: str
    pid: int
    started: float  # seconds since the epoch, as the kernel says: a pid alone may have been given anew
    port: int | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if ours else None


def is_healthy(api: str) -> bool:
    """Tell whether a Prefect server answers at `api`."""
    try:
        return httpx.get(f"{api}/health", timeout=5).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def environment(home: Home) -> dict[str, str]:
    """Return what server, worker and flow runs find in their environment."""
    return {
        **os.environ,
        "SEQTAG_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "seqtag",
        "PREFECT_CLI_COLORS": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
        # the defaults show hundreds of tasks late
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    }


def start(
    home: Home,
    name: str,
    command: list[str],
    *,
    environment: dict[str, str],
    cwd: Path,
    port: int | None = None,
) -> Service:
    """Start a process that outlives this one, and note which it is."""
    home.logs.mkdir(parents=True, exist_ok=True)
    home.prefect.mkdir(parents=True, exist_ok=True)
    with home.log(name).open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=_heed_interrupts,
        )  # fmt: skip
    process.returncode = 0  # it outlives us: without this Python warns that it still runs
    service = Service(name, process.pid, psutil.Process(process.pid).create_time(), port)
    write_json(home.service(name), vars(service))
    return service


def _heed_interrupts() -> None:
    # A process started in the background of a script inherits "ignore" and would not stop when told to.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def running(home: Home, name: str) -> Service | None:
    """Return the service of that name if it runs, and is the one that was started here."""
    try:
        service = Service(**json.loads(home.service(name).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return service if service.process is not None else None


def await_health(home: Home, running: Service) -> None:
    """Wait until a server answers.

    Raises:
        ServiceError: it ended, or did not answer within HEALTHY_WITHIN seconds.
    """
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline:
        if running.process is None:
            break
        if is_healthy(f"{running.url}/api"):
            return
        time.sleep(0.3)
    said = home.log(running.name).read_text("utf-8", errors="replace")
    raise ServiceError(f"the Prefect server at {running.url} did not become healthy: {_last_lines(said)}")


def stop(home: Home, name: str) -> bool:
    """Stop a service and what it started; tell whether it ran."""
    service = running(home, name)
    process = service.process if service else None
    if process is not None:
        children = process.children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, alive = psutil.wait_procs([process, *children], timeout=STOPPED_WITHIN)
        for stubborn in alive:
            stubborn.kill()
        psutil.wait_procs(alive, timeout=STOPPED_WITHIN)
    home.service(name).unlink(missing_ok=True)
    return process is not None


def free_port() -> int:
    """Return PREFECT_SERVER_API_PORT, by default 4200, or a free port where that is taken.

    Raises:
        ServiceError: it is no port number, or there is no free one.
    """
    wanted = os.environ.get("PREFECT_SERVER_API_PORT", str(USUAL_PORT))
    if not wanted.isdecimal() or int(wanted) > LAST_PORT:
        raise ServiceError(f"PREFECT_SERVER_API_PORT: a port number was required. Received: {wanted!r}")
    for port in (int(wanted), 0):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError(f"no free port on {HOST}")


def _last_lines(text: str, n: int = 5) -> str:
    return " | ".join(line.strip() for line in text.splitlines()[-n:] if line.strip())
