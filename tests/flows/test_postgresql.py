"""Prefect's server and MLflow's registry on PostgreSQL, several retrainings at once."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import local
from seqtag.config import Settings
from seqtag.steps import Place
from tests.postgres import postgres_url  # noqa: F401 - a fixture
from tests.taggers import Taggers

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).resolve().parents[2]
N_TAGGERS = 3
PATIENCE = 500  # seconds


@pytest.fixture
def databases(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> sa.URL:  # noqa: F811
    """One database for each; return Prefect's."""
    url = sa.make_url(postgres_url)
    with sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as server:
        for name in ("prefect", "registry"):
            server.execute(sa.text(f"CREATE DATABASE {name}"))
    prefect, registry = (url.set(database=name) for name in ("prefect", "registry"))
    monkeypatch.setenv(
        "PREFECT_SERVER_DATABASE_CONNECTION_URL",
        prefect.set(drivername="postgresql+asyncpg").render_as_string(False),
    )
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", registry.render_as_string(False))
    return prefect


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "deployments" / "taggers").mkdir(parents=True)
    for name in ("flows", "tasks", "seqtag", "deployments/prefect.yaml"):
        (folder / name).symlink_to(CHECKOUT / name)
    for number in range(N_TAGGERS):
        Taggers(folder / "deployments" / "taggers").write(name=f"small{number}")
    return folder


@pytest.fixture
def url(tmp_path: Path, databases: sa.URL, checkout: Path, monkeypatch) -> Iterator[str]:
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    for service in ("PREFECT_SERVER_API", "SEQTAG_REGISTRY", "SEQTAG_PAGES"):
        monkeypatch.setenv(f"{service}_PORT", "0")
    place = Place.of(Settings())
    yield local.up(place, checkout=checkout)[0]
    local.down(place.home)


def test_retrainings_at_the_same_time_are_recorded_in_postgresql(
    url: str, databases: sa.URL, tmp_path: Path
) -> None:
    with temporary_settings({PREFECT_API_URL: f"{url}/api"}), get_client(sync_client=True) as client:
        begun = [run_deployment(f"retrain/small{n}", timeout=0).id for n in range(N_TAGGERS)]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            states = [client.read_flow_run(run).state for run in begun]
            if all(state.is_final() for state in states):
                break
            time.sleep(2)
    assert [state.name for state in states] == ["Promoted"] * N_TAGGERS, [state.message for state in states]
    with sa.create_engine(databases, poolclass=sa.NullPool).connect() as connection:
        counted = connection.execute(sa.text("SELECT count(*) FROM flow_run WHERE state_name = 'Promoted'"))
        assert counted.scalar() == N_TAGGERS
    assert not list((tmp_path / "home").rglob("*.db"))
    place = Place.of(Settings())
    assert all(place.registry().champion(f"small{n}") is not None for n in range(N_TAGGERS))
    assert "locked" not in place.home.log("server").read_text()
