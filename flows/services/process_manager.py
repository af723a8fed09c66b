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
from typing import NoReturn

import httpx
import psutil

from seqtag.artifacts import write_json
from seqtag.errors import SeqtagError
from seqtag.run_dir import Home

HOST = "127.0.0.1"
LAST_PORT = 65_535
POOL = "seqtag"  # the work pool, as prefect.yaml names it
WORKER = f"seqtag on {socket.gethostname()}"  # the name of this machine's worker, on the dashboard, too
HEALTHY_WITHIN = 180  # seconds; 8-13 s on a quiet machine
HEARTBEAT = 30  # seconds between signs of life of a flow run; `flows.deploy.automations` waits for four
STOPPED_WITHIN = 30  # seconds, before a process that ignores its signal is killed


class ServiceError(SeqtagError):
    """A service could not be started; the message holds its last lines."""


@dataclass(frozen=True)
class ServiceSpec:
    """What can be started; with a port, it listens there on HOST."""

    name: str
    command: list[str]
    environment: dict[str, str]
    cwd: Path
    port: int | None = None


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
            return (
                process if abs(process.create_time() - self.started) < 1 and _is_somebody(self.pid) else None
            )
        except psutil.NoSuchProcess:
            return None


def is_healthy(api: str) -> bool:
    """Tell whether a Prefect server answers at `api`."""
    return is_responding(f"{api}/health")


def is_responding(url: str) -> bool:
    """Tell whether something at `url` answers, and not with an error."""
    try:
        return httpx.get(url, timeout=5).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def environment(home: Home) -> dict[str, str]:
    """Return what server, worker and flow runs find in their environment."""
    return {
        **os.environ,
        "SEQTAG_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_HOST": os.environ.get("PREFECT_SERVER_API_HOST", HOST),
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


def start(home: Home, program: ServiceSpec) -> Service:
    """Start a program in a process that outlives this one, and note which it is."""
    home.logs.mkdir(parents=True, exist_ok=True)
    home.prefect.mkdir(parents=True, exist_ok=True)
    with home.log(program.name).open("ab") as log:
        process = subprocess.Popen(
            program.command, env=program.environment, cwd=program.cwd, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, preexec_fn=_heed_interrupts,
        )  # fmt: skip
    process.returncode = 0  # it outlives us: without this Python warns that it still runs
    return _noted(home, program, process.pid)


def exec_service(home: Home, program: ServiceSpec) -> NoReturn:
    """Be the program, in this process: for systemd and containers, which start and watch it themselves."""
    home.prefect.mkdir(parents=True, exist_ok=True)
    _noted(home, program, os.getpid())
    _heed_interrupts()
    os.chdir(program.cwd)
    os.execve(program.command[0], program.command, program.environment)  # noqa: S606 - it is ours to the end


def _noted(home: Home, program: ServiceSpec, pid: int) -> Service:
    service = Service(program.name, pid, psutil.Process(pid).create_time(), program.port)
    write_json(home.service(program.name), vars(service))
    return service


def _heed_interrupts() -> None:
    # A process started in the background of a script inherits "ignore" and would not stop when told to.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def running(home: Home, name: str) -> Service | None:
    """Return the service of that name if it runs, and is the one that was started here."""
    service = last_started(home, name)
    return service if service is not None and service.process is not None else None


def last_started(home: Home, name: str) -> Service | None:
    """Return the service of that name as it was last started, whether it still runs or not."""
    try:
        return Service(**json.loads(home.service(name).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def end_orphans(home: Home, name: str) -> None:
    """End what a service had started and left behind when it was killed: it may hold the port."""
    before = last_started(home, name)
    if before is None or _is_somebody(before.pid):
        return
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == before.pid and process.create_time() >= before.started - 1:
                process.kill()
                process.wait(STOPPED_WITHIN)
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue


def _is_somebody(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def await_health(home: Home, running: Service, *, path: str) -> None:
    """Wait until a service answers at `path`.

    Raises:
        ServiceError: it ended, or did not answer within HEALTHY_WITHIN seconds.
    """
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline:
        if running.process is None:
            break
        if is_responding(f"{running.url}{path}"):
            return
        time.sleep(0.3)
    said = home.log(running.name).read_text("utf-8", errors="replace")
    raise ServiceError(
        f"the {running.name} at {running.url} did not become healthy: {_last_lines(said)} "
        f"(all of it: {home.log(running.name)})"
    )


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


def port_of(variable: str, usual: int) -> int:
    """Return the port that an environment variable names, else the usual one.

    Raises:
        ServiceError: it is no port number.
    """
    named = os.environ.get(variable) or str(usual)
    if not named.isdecimal() or int(named) > LAST_PORT:
        raise ServiceError(f"{variable}: a port number was required. Received: {named!r}")
    return int(named)


def free_port(wanted: int) -> int:
    """Return a port that is free on HOST: the wanted one, if it is.

    Raises:
        ServiceError: there is none.
    """
    for port in (wanted, 0):
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
