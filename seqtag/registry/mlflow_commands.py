"""Command line that serves the registry's web page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from seqtag.config import HOST, NO_TELEMETRY


def page_command(artifacts: Path, *, port: int) -> list[str]:
    """Return the command that serves MLflow's web page; run it in `mlflow_environment`."""
    where = ["--artifacts-destination", str(artifacts), "--host", HOST, "--port", str(port)]
    return [sys.executable, "-m", "mlflow", "server", *where, "--workers", "1"]


def mlflow_environment(registry_url: str) -> dict[str, str]:
    """Return the environment in which MLflow's commands find the registry and their own programs."""
    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        **NO_TELEMETRY,
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")]),
        "MLFLOW_TRACKING_URI": registry_url,  # not an argument: may hold a password
        "MLFLOW_BACKEND_STORE_URI": registry_url,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight more processes
    }
