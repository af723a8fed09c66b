"""Start, find and stop local background services."""

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
from seqtag.config import HOST, NO_TELEMETRY
from seqtag.errors import SeqtagError
from seqtag.run_dir import Home

LAST_PORT = 65_535
POOL = "seqtag"  # name of the work pool, as in deployments.yaml
WORKER = f"seqtag on {socket.gethostname()}"  # name of this machine's worker, as on the dashboard
HEALTHY_WITHIN = 180  # seconds; an idle machine needs 8 to 13
HEARTBEAT = 30  # seconds between heartbeats of a flow run; after four of them it counts as dead
STOPPED_WITHIN = 30  # seconds until a process that ignores its signal is killed


class ServiceError(SeqtagError):
    """A service could not be started; the message quotes the end of its log."""


@dataclass(frozen=True)
class ServiceSpec:
    """The command of a service and its environment; with a port, it listens there on HOST."""

    name: str
    command: list[str]
    environment: dict[str, str]
    cwd: Path
    port: int | None = None


@dataclass(frozen=True)
class Service:
    """A background process that seqtag started."""

    name: str
    pid: int
    started: float  # seconds since the epoch, from the kernel; a pid alone may have been reused
    port: int | None = None

    @property
    def url(self) -> str:
        """The address at which the service listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) < 1 and _is_alive(self.pid)
            return process if is_same else None
        except psutil.NoSuchProcess:
            return None


def is_healthy(api: str) -> bool:
    """Tell whether a Prefect server answers at `api`."""
    return is_responding(f"{api}/health")


def is_responding(url: str) -> bool:
    """Tell whether something at `url` answers without an error."""
    try:
        return httpx.get(url, timeout=5).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def environment(home: Home) -> dict[str, str]:
    """Return the environment variables of the server, the worker and flow runs."""
    return {
        **os.environ,
        **NO_TELEMETRY,
        "SEQTAG_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_HOST": os.environ.get("PREFECT_SERVER_API_HOST", HOST),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "seqtag",
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
        # with the defaults, hundreds of task runs appear late on the dashboard
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    }


def start(home: Home, spec: ServiceSpec) -> Service:
    """Start a service in a process that outlives this one, and record its pid."""
    home.logs.mkdir(parents=True, exist_ok=True)
    home.prefect.mkdir(parents=True, exist_ok=True)
    with home.log(spec.name).open("ab") as log:
        process = subprocess.Popen(
            spec.command, env=spec.environment, cwd=spec.cwd, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, preexec_fn=_restore_interrupts,
        )  # fmt: skip
    process.returncode = 0  # it outlives this process; otherwise Python warns that it is still running
    return _record(home, spec, process.pid)


def exec_service(home: Home, spec: ServiceSpec) -> NoReturn:
    """Replace this process with a service, for systemd and containers, which supervise it themselves."""
    home.prefect.mkdir(parents=True, exist_ok=True)
    _record(home, spec, os.getpid())
    _restore_interrupts()
    os.chdir(spec.cwd)
    os.execve(spec.command[0], spec.command, spec.environment)  # noqa: S606 - defined in service_specs


def _record(home: Home, spec: ServiceSpec, pid: int) -> Service:
    service = Service(spec.name, pid, psutil.Process(pid).create_time(), spec.port)
    write_json(home.service(spec.name), vars(service))
    return service


def _restore_interrupts() -> None:
    # a background process of a shell script inherits "ignore" for SIGINT, so `stop` could not stop it
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def running(home: Home, name: str) -> Service | None:
    """Return the service of that name if it is running and was started here."""
    service = last_started(home, name)
    return service if service is not None and service.process is not None else None


def last_started(home: Home, name: str) -> Service | None:
    """Return the service of that name that was started last, running or not."""
    try:
        return Service(**json.loads(home.service(name).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def end_orphans(home: Home, name: str) -> None:
    """Kill the child processes of a service that was itself killed: they may still hold its port."""
    before = last_started(home, name)
    if before is None or _is_alive(before.pid):
        return
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == before.pid and process.create_time() >= before.started - 1:
                process.kill()
                process.wait(STOPPED_WITHIN)
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def await_health(home: Home, running: Service, *, path: str) -> None:
    """Wait until a service answers at `path`.

    Raises:
        ServiceError: the service ended or did not answer within HEALTHY_WITHIN seconds.
    """
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline:
        if running.process is None:
            break
        if is_responding(f"{running.url}{path}"):
            return
        time.sleep(0.3)
    log = home.log(running.name)
    last_lines = _last_lines(log.read_text("utf-8", errors="replace"))
    raise ServiceError(
        f"the {running.name} at {running.url} did not become healthy: {last_lines} (full log: {log})"
    )


def stop(home: Home, name: str) -> bool:
    """Stop a service and its child processes; tell whether it was running."""
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


def configured_port(variable: str, default: int) -> int:
    """Return the port in an environment variable, or the default if it is unset.

    Raises:
        ServiceError: the value is not a port number.
    """
    value = os.environ.get(variable) or str(default)
    if not value.isdecimal() or int(value) > LAST_PORT:
        raise ServiceError(f"{variable}: not a port number: expected 0 to {LAST_PORT}, got {value!r}")
    return int(value)


def free_port(wanted: int) -> int:
    """Return a free port on HOST, preferring `wanted`.

    Raises:
        ServiceError: no port is free.
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
