"""A Prefect server for the session, and a small tagger that trains in seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.testing.utilities import prefect_test_harness

from seqtag.config import Settings
from seqtag.steps import Place

TAGGER = """
name = "small"
seed = {seed}

[[corpus.sources]]
format = "sample"
n_sequences = 200

[train]
max_epochs = 1

[gate]
floor = {floor}
"""


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    return Place.of(Settings())


class Taggers:
    """Writes taggers' TOML files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *, seed: int = 1, floor: float = 0.05, more: str = "") -> str:
        path = self.folder / "small.toml"
        path.write_text(TAGGER.format(seed=seed, floor=floor) + more)
        return str(path)


@pytest.fixture
def taggers(tmp_path: Path) -> Taggers:
    return Taggers(tmp_path)
