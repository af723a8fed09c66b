"""The order of the verbs. Prefect reads its settings when it is imported, so its home is named first."""

import os

from seqtag.config import Settings
from seqtag.steps import Place

# A variable that is set already wins; no folder is made here.
_home = Place.of(Settings()).home
os.environ.setdefault("PREFECT_HOME", str(_home.prefect))
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "seqtag")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
