"""The Prefect server and worker of this machine: found or started, told apart from strangers, stopped.

`python -m flows.local up` and `down` are what `make up` and `make down` call.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from seqtag.config import Settings
from seqtag.errors import SeqtagError
from seqtag.rundir import Home
from seqtag.sealing import (
    write_json,
)
from seqtag.steps import Place

HOST = "127.0.0.1"
USUAL_PORT = 4200
LAST_PORT = 65_535
POOL = "seqtag"
HEALTHY_WITHIN = 180  # seconds; 8-13 s on a quiet machine
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
    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if ours else None


def up(home: Home, *, checkout: Path) -> str:
    """Have server, worker and the deployments of `checkout` running; return the server's address.

    Calling it again changes nothing that is right already.

    Raises:
        ServiceError: one of them did not come up.
    """
    url = server(home)
    environment = {**_environment(home), "PREFECT_API_URL": f"{url}/api", "SEQTAG_CHECKOUT": str(checkout)}
    _prefect("work-pool", "create", POOL, "--type", "process", "--overwrite", environment=environment)
    deployments = str(checkout / "deployments" / "prefect.yaml")
    _prefect("deploy", "--prefect-file", deployments, "--all", environment=environment)
    if _running(home, "worker") is None:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process"]
        _start(home, "worker", command, environment=environment, cwd=checkout)
    return url


def down(home: Home) -> list[str]:
    """Stop worker and server, the worker first; return the names of those that ran."""
    return [name for name in ("worker", "server") if _stop(home, name)]


def server(home: Home) -> str:
    """Return the address of this home's Prefect server, starting it if it does not run."""
    running = _running(home, "server")
    if running is None:
        port = _free_port()
        environment = {**_environment(home), "PREFECT_SERVER_API_PORT": str(port)}
        environment.pop("PREFECT_API_URL", None)
        environment["PREFECT_UI_URL"] = f"http://{HOST}:{port}"
        command = [sys.executable, "-m", "prefect", "server", "start"]
        running = _start(home, "server", command, environment=environment, cwd=home.root, port=port)
    url = f"http://{HOST}:{running.port}"
    _await_health(home, running, url)
    return url


def is_healthy(api: str) -> bool:
    """Tell whether a Prefect server answers at `api`."""
    try:
        return httpx.get(f"{api}/health", timeout=5).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def _environment(home: Home) -> dict[str, str]:
    return {
        **os.environ,
        "SEQTAG_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "seqtag",
        "PREFECT_CLI_COLORS": "false",
        "DO_NOT_TRACK": "1",
        # the defaults show hundreds of tasks late
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    }


def _prefect(*arguments: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ServiceError(f"prefect {' '.join(arguments)}: {_last_lines(done.stdout + done.stderr)}")


def _start(
    home: Home,
    name: str,
    command: list[str],
    *,
    environment: dict[str, str],
    cwd: Path,
    port: int | None = None,
) -> Service:
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


def _running(home: Home, name: str) -> Service | None:
    try:
        service = Service(**json.loads(home.service(name).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return service if service.process is not None else None


def _await_health(home: Home, running: Service, url: str) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline:
        if running.process is None:
            break
        if is_healthy(f"{url}/api"):
            return
        time.sleep(0.3)
    said = home.log(running.name).read_text("utf-8", errors="replace")
    raise ServiceError(f"the Prefect server at {url} did not become healthy: {_last_lines(said)}")


def _stop(home: Home, name: str) -> bool:
    service = _running(home, name)
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


def _free_port() -> int:
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


def main(arguments: list[str]) -> int:
    """Run `up`, `server`, `down` or `status`; return the exit code."""
    home = Place.of(Settings()).home
    match arguments:
        case ["up"]:
            url = up(home, checkout=Path(__file__).resolve().parent.parent)
            say(f"Dashboard   {url}\nLogs        {home.logs}\nStop with   make down")
        case ["server"]:
            say(f"Dashboard   {server(home)}\nStop with   make down")
        case ["down"]:
            say("Stopped: " + (", ".join(down(home)) or "nothing was running"))
        case ["status"]:
            for name in ("server", "worker"):
                running = _running(home, name)
                at = f"  http://{HOST}:{running.port}" if running and running.port else ""
                say(f"{name:7} " + (f"pid {running.pid}{at}" if running else "not running"))
        case _:
            say("Usage: python -m flows.local up | server | down | status")
            return 2
    return 0


def say(text: str) -> None:
    """Print for a person."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SeqtagError, OSError) as error:
        say(f"Error: {error}")
        sys.exit(1)
