"""MLflow's own commands on our registry: its page and its server of models."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOST = "127.0.0.1"


def page_command(artifacts: Path, *, port: int) -> list[str]:
    """Return the command that serves MLflow's page on the registry, which wants `mlflow_environment`."""
    where = ["--artifacts-destination", str(artifacts), "--host", HOST, "--port", str(port)]
    return [sys.executable, "-m", "mlflow", "server", *where, "--workers", "1"]


def serve_command(tagger: str, alias: str, *, port: int) -> list[str]:
    """Return the command that serves a registered model over HTTP, which wants `mlflow_environment`."""
    model = ["-m", f"models:/{tagger}@{alias}", "--env-manager", "local"]
    return [sys.executable, "-m", "mlflow", "models", "serve", *model, "--host", HOST, "--port", str(port)]


def mlflow_environment(registry_url: str) -> dict[str, str]:
    """Return the environment in which MLflow's commands find our registry and their own programs."""
    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")]),
        "MLFLOW_TRACKING_URI": registry_url,  # not arguments: they may hold a password
        "MLFLOW_BACKEND_STORE_URI": registry_url,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight more processes
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
