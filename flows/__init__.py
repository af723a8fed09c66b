"""Prefect flows, plus settings that must be in place before Prefect is imported.

On import, Prefect reads its settings and creates its home, but not the parent folder. It attaches its handler
to the loggers named here without setting their level.
"""

import contextlib
import logging
import os

from seqtag.config import NO_TELEMETRY, Settings
from seqtag.errors import ConfigError
from seqtag.steps import Workspace

with contextlib.suppress(ConfigError, OSError):  # reported in one line when a flow runs
    _home = Workspace.of(Settings()).home
    os.environ.setdefault("PREFECT_HOME", str(_home.prefect))
    _home.root.mkdir(parents=True, exist_ok=True)
for _name, _value in {
    **NO_TELEMETRY,
    "PREFECT_LOGGING_EXTRA_LOGGERS": "seqtag",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",  # seqtag also logs outside flows
}.items():
    os.environ.setdefault(_name, _value)
logging.getLogger("seqtag").setLevel(logging.INFO)
