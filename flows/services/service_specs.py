"""The programs of a machine, each defined once: `flows.stack` runs them in the background or as they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from flows.services.process_manager import (
    HOST,
    ServiceError,
    ServiceSpec,
    environment,
    free_port,
    last_started,
    port_of,
    running,
)
from seqtag.registry import mlflow_environment, page_command
from seqtag.steps import Workspace

NAMES: Final = ("server", "registry", "pages", "worker")  # in the order in which they start
HEALTH: Final = {"server": "/api/health", "registry": "/health", "pages": "/health"}
TITLES: Final = {"server": "Dashboard", "registry": "Registry", "pages": "Reports"}

_PORTS: Final = {  # which variable says where it listens, and where it does otherwise
    "server": ("PREFECT_SERVER_API_PORT", 4200),
    "registry": ("SEQTAG_REGISTRY_PORT", 5000),
    "pages": ("SEQTAG_PAGES_PORT", 4201),
}


def service_spec(name: str, workspace: Workspace, *, checkout: Path, moves: bool = True) -> ServiceSpec:
    """Return what to start.

    Args:
        moves: it may listen on another port where its own is taken, which only those learn that start later.

    Raises:
        ServiceError: a port was not named by a number, or is taken; the worker knows of no server.
    """
    if name == "worker":
        return _worker(workspace, checkout)
    port = _port(workspace, name) if moves else _own_port(name)
    if name == "registry":
        command = page_command(workspace.home.artifacts, port=port)
        return ServiceSpec(
            name, command, mlflow_environment(workspace.registry_url), workspace.home.root, port
        )
    if name == "pages":
        command = [sys.executable, "-m", "flows.services.report_server", str(port)]
        return ServiceSpec(name, command, environment(workspace.home), checkout, port)
    command = [sys.executable, "-m", "flows.services.prefect_server"]
    return ServiceSpec(name, command, _of_server(workspace, port), checkout, port)


def _of_server(workspace: Workspace, port: int) -> dict[str, str]:
    told = {**environment(workspace.home), "PREFECT_SERVER_API_PORT": str(port)}
    told.pop("PREFECT_API_URL", None)
    told["PREFECT_UI_URL"] = f"http://{HOST}:{port}"
    return told


def _worker(workspace: Workspace, checkout: Path) -> ServiceSpec:
    """What its flow runs say of the dashboard and of the reports' pages is where these run here."""
    server, pages = running(workspace.home, "server"), running(workspace.home, "pages")
    api = f"{server.url}/api" if server else os.environ.get("PREFECT_API_URL")
    if api is None:
        raise ServiceError(
            "a Prefect server was required: none was started here, and PREFECT_API_URL names none"
        )
    told = {
        "PREFECT_API_URL": api,
        "PREFECT_UI_URL": api.removesuffix("/api"),
        "SEQTAG_CHECKOUT": str(checkout),
    }
    if pages is not None:
        told["SEQTAG_PAGES_URL"] = pages.url
    command = [sys.executable, "-m", "flows.worker"]
    return ServiceSpec("worker", command, {**environment(workspace.home), **told}, checkout)


def _port(workspace: Workspace, name: str) -> int:
    """Return where it listened before it was killed, which the others still know, or where it may listen."""
    before = last_started(workspace.home, name)
    return free_port(before.port if before and before.port else port_of(*_PORTS[name]))


def _own_port(name: str) -> int:
    wanted = port_of(*_PORTS[name])
    found = free_port(wanted)
    if wanted and found != wanted:
        raise ServiceError(f"{_PORTS[name][0]}: a free port was required. Received: {wanted}, which is taken")
    return found
