"""Fixtures: a Prefect server for each file, a home folder and a small tagger for each test."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from seqtag.config import Settings
from seqtag.steps import Workspace
from tests.live_services import checkout  # noqa: F401 - a fixture
from tests.object_store import bucket  # noqa: F401 - a fixture
from tests.taggers import Taggers


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    # not session-scoped: Prefect's client uses the random module, whose state Hypothesis checks later
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield
    with warnings.catch_warnings():  # of sockets that Prefect's clients leave open: not in a later test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    return Workspace.of(Settings())


@pytest.fixture
def taggers(tmp_path: Path) -> Taggers:
    return Taggers(tmp_path)
