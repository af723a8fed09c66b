"""Local services: Prefect server with dashboard, MLflow UI, report server and worker.

`make up`, `make down`, `make deploy` and `make status` call `python -m flows.stack`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from flows.deploy.deployment_file import LOCAL, pool_type
from flows.services import process_manager
from flows.services.process_manager import POOL, ServiceError
from flows.services.service_specs import HEALTH, NAMES, TITLES, local_services, service_spec
from seqtag.config import Settings
from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError, SeqtagError
from seqtag.run_dir import Home
from seqtag.steps import Workspace

CHECKOUT = Path(__file__).resolve().parent.parent
_WIDTH = 12


def up(workspace: Workspace, *, checkout: Path) -> tuple[str, list[str]]:
    """Start the services, and apply the deployments of `checkout`.

    Idempotent: running services are kept, and those that died are restarted. A worker is started for a work
    pool of processes only: others may need a worker elsewhere, for example in the cluster.

    Returns:
        the dashboard's address, and a line for each deployment or automation that changed.

    Raises:
        ServiceError: a service did not come up.
        ConfigError: deployments.yaml or a tagger's file is invalid; the services are up.
    """
    from flows.deploy.apply import deploy  # late: it imports Prefect, which `status` and `down` do not need

    kind = _pool_type(checkout)
    names = local_services(workspace)
    for name in names[:-1]:  # the worker last
        _ensure_running(name, workspace, checkout)  # start all first: each takes seconds to answer
    url = server(workspace)
    try:
        changes = deploy(checkout, api=f"{url}/api")
    finally:  # an invalid file must not keep existing deployments from running
        for name in names[1:-1]:
            process_manager.await_health(
                workspace.home, _ensure_running(name, workspace, checkout), path=HEALTH[name]
            )
        if kind == LOCAL:
            _ensure_running("worker", workspace, checkout)
    if kind != LOCAL:
        changes.append(
            f"No worker is started for work pool {POOL} of type {kind}: run "
            "python -m flows.stack serve worker where it can start such jobs"
        )
    return url, changes


def server(workspace: Workspace) -> str:
    """Return the address of this home's Prefect server, starting it if necessary."""
    running = _ensure_running("server", workspace, CHECKOUT)
    process_manager.await_health(workspace.home, running, path=HEALTH["server"])
    return running.url


def api(workspace: Workspace) -> str:
    """Return the API address in PREFECT_API_URL, or that of this home's own server if it is unset.

    Raises:
        ServiceError: nothing answers at PREFECT_API_URL, or the server did not come up.
    """
    named = os.environ.get("PREFECT_API_URL")
    if not named:
        return f"{server(workspace)}/api"
    if not process_manager.is_healthy(named):
        raise ServiceError(
            f"PREFECT_API_URL: no Prefect server answers at {named}; start it or unset PREFECT_API_URL"
        )
    return named


def down(home: Home) -> list[str]:
    """Stop the services, the worker first; return the names of those that were running.

    Interrupted retrainings resume when a worker is started again.
    """
    stopped: list[str] = ["worker"] if process_manager.stop(home, "worker") else []
    running = process_manager.running(home, "server")
    if stopped and running is not None and process_manager.is_healthy(f"{running.url}/api"):
        from flows.worker.recovery import reschedule_local_runs

        reschedule_local_runs(f"{running.url}/api")
    rest = [name for name in reversed(NAMES) if name != "worker"]
    return [*stopped, *(name for name in rest if process_manager.stop(home, name))]


def serve(name: str, workspace: Workspace) -> NoReturn:
    """Run one service in this process until it is stopped.

    Raises:
        ConfigError: there is no service of that name.
        ServiceError: it could not be started.
    """
    if name not in NAMES:
        raise ConfigError(f"serve: unknown service {name!r}; expected one of {', '.join(NAMES)}")
    before = process_manager.running(workspace.home, name)
    if before is not None and before.pid != os.getpid():
        raise ServiceError(f"{name} is already running: pid {before.pid}; make down stops it")
    process_manager.end_orphans(workspace.home, name)
    process_manager.exec_service(
        workspace.home, service_spec(name, workspace, checkout=CHECKOUT, moves=False)
    )


def prefect(arguments: list[str], workspace: Workspace) -> NoReturn:
    """Replace this process with Prefect's own CLI, set up for this home and its server.

    Raises:
        ServiceError: nothing answers at PREFECT_API_URL, or the server did not come up.
    """
    environment = {**process_manager.environment(workspace.home), "PREFECT_API_URL": api(workspace)}
    command = [sys.executable, "-m", "prefect", *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - the user's own arguments


def _pool_type(checkout: Path) -> str:
    try:
        return pool_type(checkout)
    except ConfigError:  # `deploy` reports it; existing deployments keep their worker
        return LOCAL


def _ensure_running(name: str, workspace: Workspace, checkout: Path) -> process_manager.Service:
    running = process_manager.running(workspace.home, name)
    if running is None:
        workspace.require_writable()
        process_manager.end_orphans(workspace.home, name)
        running = process_manager.start(workspace.home, service_spec(name, workspace, checkout=checkout))
    return running


def main(arguments: list[str]) -> int:
    """Run `up`, `deploy`, `server`, `down`, `status`, `serve` or `prefect`; return the exit code."""
    workspace = Workspace.of(Settings())
    match arguments:
        case ["up"]:
            _, changes = up(workspace, checkout=CHECKOUT)
            say("\n".join([*changes, *_addresses(workspace.home), "Stop with   make down"]))
        case ["deploy"]:
            from flows.deploy.apply import deploy

            changes = deploy(CHECKOUT, api=api(workspace))
            say("\n".join(changes) or "All deployments are up to date.")
        case ["server"]:
            say(f"Dashboard   {server(workspace)}\nStop with   make down")
        case ["down"]:
            say("Stopped: " + (", ".join(down(workspace.home)) or "nothing was running"))
        case ["status"]:
            return _status(workspace.home)
        case ["serve", name]:
            serve(name, workspace)
        case ["prefect", *rest]:
            prefect(rest, workspace)
        case _:
            commands = f"up | deploy | server | down | status | serve {'|'.join(NAMES)} | prefect ..."
            say(f"Usage: python -m flows.stack {commands}")
            return 2
    return 0


def _addresses(home: Home) -> list[str]:
    found = [(title, process_manager.running(home, name)) for name, title in TITLES.items()]
    return [
        *(f"{title:{_WIDTH}}{running.url}" for title, running in found if running),
        f"{'Logs':{_WIDTH}}{home.logs}",
    ]


def _status(home: Home) -> int:
    """Print the state of each service; return 1 if one is not running or does not answer."""
    running = {name: process_manager.running(home, name) for name in NAMES}
    states = {name: _state(name, found) for name, found in running.items()}
    if running["worker"] is None and (kind := _pool_type(CHECKOUT)) != LOCAL:
        states["worker"] = (True, f"not on this machine: work pool of type {kind}")
    for name, (_, description) in states.items():
        say(f"{name:{_WIDTH}}{description}")
    return 0 if all(is_healthy for is_healthy, _ in states.values()) else 1


def _state(name: str, running: process_manager.Service | None) -> tuple[bool, str]:
    if running is None:
        return False, "not running"
    if name not in HEALTH:
        return True, f"pid {running.pid}"
    answers = process_manager.is_responding(f"{running.url}{HEALTH[name]}")
    return answers, f"pid {running.pid}  {running.url}" + ("" if answers else "  does not answer")


def say(text: str) -> None:
    """Print to standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_error(error: Exception) -> int:
    """Print an error without passwords; return the exit code, 2 if the configuration is wrong."""
    say(f"Error: {hide_passwords(str(error))}")
    return 2 if isinstance(error, ConfigError) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (SeqtagError, OSError) as error:
        say_error(error)
        sys.exit(1)
