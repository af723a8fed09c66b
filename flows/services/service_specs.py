"""Commands, ports and environments of the local services."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from flows.services.process_manager import (
    ServiceError,
    ServiceSpec,
    configured_port,
    environment,
    free_port,
    last_started,
    running,
)
from seqtag.config import HOST
from seqtag.config.database_url import is_server_url
from seqtag.config.secrets import hide_passwords
from seqtag.registry import mlflow_environment, page_command
from seqtag.steps import Workspace

NAMES: Final = ("server", "registry", "pages", "worker")  # in start order
HEALTH: Final = {"server": "/api/health", "registry": "/health", "pages": "/health"}
TITLES: Final = {"server": "Dashboard", "registry": "Registry", "pages": "Reports"}

_PORTS: Final = {  # environment variable and default port
    "server": ("PREFECT_SERVER_API_PORT", 4200),
    "registry": ("SEQTAG_REGISTRY_PORT", 5000),
    "pages": ("SEQTAG_PAGES_PORT", 4201),
}


def local_services(workspace: Workspace) -> list[str]:
    """Return the services of this machine in start order; an MLflow server elsewhere has its own page."""
    elsewhere = ["registry"] if is_server_url(workspace.registry_url) else []
    return [name for name in NAMES if name not in elsewhere]


def service_spec(name: str, workspace: Workspace, *, checkout: Path, moves: bool = True) -> ServiceSpec:
    """Return the command, environment and port of a service.

    Args:
        moves: whether the service may use another port if its own is taken. Only services that start later
            learn of that port.

    Raises:
        ServiceError: a port is taken or is not a number, there is no server for the worker, or MLflow's page
            is that of another server.
    """
    if name not in local_services(workspace):
        raise ServiceError(
            f"{name} is not a service of this machine: expected a registry in a database, got the MLflow "
            f"server at {hide_passwords(workspace.registry_url)}, which has its own page"
        )
    if name == "worker":
        return _worker(workspace, checkout)
    port = _available_port(workspace, name) if moves else _fixed_port(name)
    if name == "registry":
        command = page_command(workspace.home.artifacts, port=port)
        return ServiceSpec(
            name, command, mlflow_environment(workspace.registry_url), workspace.home.root, port
        )
    if name == "pages":
        command = [sys.executable, "-m", "flows.services.report_server", str(port)]
        return ServiceSpec(name, command, environment(workspace.home), checkout, port)
    command = [sys.executable, "-m", "flows.services.prefect_server"]
    return ServiceSpec(name, command, _server_environment(workspace, port), checkout, port)


def _server_environment(workspace: Workspace, port: int) -> dict[str, str]:
    variables = {**environment(workspace.home), "PREFECT_SERVER_API_PORT": str(port)}
    variables.pop("PREFECT_API_URL", None)
    variables["PREFECT_UI_URL"] = f"http://{HOST}:{port}"
    return variables


def _worker(workspace: Workspace, checkout: Path) -> ServiceSpec:
    """Return the spec of the worker, whose flow runs link to the local dashboard and report server."""
    server, pages = running(workspace.home, "server"), running(workspace.home, "pages")
    api = f"{server.url}/api" if server else os.environ.get("PREFECT_API_URL")
    if api is None:
        raise ServiceError(
            "no Prefect server for the worker: none was started here, and PREFECT_API_URL is not set; "
            "run make up or set PREFECT_API_URL"
        )
    variables = {
        "PREFECT_API_URL": api,
        "PREFECT_UI_URL": api.removesuffix("/api"),
        "SEQTAG_CHECKOUT": str(checkout),
    }
    if pages is not None:
        variables["SEQTAG_PAGES_URL"] = pages.url
    command = [sys.executable, "-m", "flows.worker"]
    return ServiceSpec("worker", command, {**environment(workspace.home), **variables}, checkout)


def _available_port(workspace: Workspace, name: str) -> int:
    """Return a free port, preferring the one of the previous start, which other services still know."""
    before = last_started(workspace.home, name)
    return free_port(before.port if before and before.port else configured_port(*_PORTS[name]))


def _fixed_port(name: str) -> int:
    wanted = configured_port(*_PORTS[name])
    found = free_port(wanted)
    if wanted and found != wanted:
        raise ServiceError(f"{_PORTS[name][0]}: port {wanted} is taken; free it or set another port")
    return found
