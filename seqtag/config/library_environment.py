"""Environment variables that libraries read when they are imported: telemetry and caches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

NO_TELEMETRY: Final = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


def redirect_library_caches(folder: Path) -> None:
    """Redirect the caches of libraries below `folder`, and turn their telemetry off.

    Variables that are set already are kept.
    """
    caches = {"KERAS_HOME": str(folder / "keras"), "MPLCONFIGDIR": str(folder / "matplotlib")}
    for name, value in {**NO_TELEMETRY, **caches}.items():
        os.environ.setdefault(name, value)
