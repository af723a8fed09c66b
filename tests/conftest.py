"""Redirect libraries that write to the home folder before they are imported, and order the test files."""

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_HOME = Path(tempfile.mkdtemp(prefix="seqtag-tests-"))
os.environ["SEQTAG_HOME"] = str(_HOME / "seqtag")
os.environ["PREFECT_HOME"] = str(_HOME / "prefect")
os.environ["KERAS_HOME"] = str(_HOME / "keras")
os.environ["MPLCONFIGDIR"] = str(_HOME / "matplotlib")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.pop("PREFECT_API_URL", None)

_LONG_FILES = ("tests/flows/", "tests/unit/steps/", "tests/unit/cli/", "tests/unit/test_code_version.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files that retrain taggers first: one that starts last would leave the other processes idle."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG_FILES))


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """Restore the level of the log, which a command that is called in this process changes."""
    logger = logging.getLogger("seqtag")
    level = logger.level
    yield
    logger.setLevel(level)
