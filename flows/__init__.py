"""The order of the verbs, and what Prefect has to know before it is imported.

Prefect reads its settings on import and makes its home then, but not the folder above it; and it attaches
its handler to the loggers named here without giving them a level.
"""

import contextlib
import logging
import os

from seqtag.config import Settings
from seqtag.steps import Place

_home = Place.of(Settings()).home
with contextlib.suppress(OSError):  # who runs a flow is told when it is written to
    _home.root.mkdir(parents=True, exist_ok=True)
os.environ.setdefault("PREFECT_HOME", str(_home.prefect))
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "seqtag")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
logging.getLogger("seqtag").setLevel(logging.INFO)
