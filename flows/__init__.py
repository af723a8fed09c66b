"""The order of the verbs, and what Prefect has to know before it is imported.

Prefect reads its settings on import and makes its home then, but not the folder above it; and it attaches
its handler to the loggers named here without giving them a level.
"""

import contextlib
import logging
import os

from seqtag.config import Settings
from seqtag.errors import ConfigError
from seqtag.steps import Workspace

with contextlib.suppress(ConfigError, OSError):  # whoever runs a flow is told then, in one line
    _home = Workspace.of(Settings()).home
    os.environ.setdefault("PREFECT_HOME", str(_home.prefect))
    _home.root.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "seqtag")
os.environ.setdefault(
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore"
)  # seqtag speaks outside of flows too
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
logging.getLogger("seqtag").setLevel(logging.INFO)
