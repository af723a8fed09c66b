"""Redirect the libraries that write to the home folder to a temporary one before they are imported."""

import os
import tempfile
from pathlib import Path

_HOME = Path(tempfile.mkdtemp(prefix="seqtag-tests-"))
os.environ["SEQTAG_HOME"] = str(_HOME / "seqtag")
os.environ["PREFECT_HOME"] = str(_HOME / "prefect")
os.environ["KERAS_HOME"] = str(_HOME / "keras")
os.environ["MPLCONFIGDIR"] = str(_HOME / "matplotlib")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.pop("PREFECT_API_URL", None)
