"""Simultaneous retrainings with Prefect's server and MLflow's registry on PostgreSQL."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from flows import stack
from seqtag.config import Settings
from seqtag.steps import Workspace
from tests.live_services import begin, until_final, written
from tests.postgres import postgres_url  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).resolve().parents[2]
N_TAGGERS = 3
PATIENCE = 500  # seconds


@pytest.fixture
def databases(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> sa.URL:  # noqa: F811
    """Create one database each for Prefect and the registry; return Prefect's URL."""
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


def test_simultaneous_retrainings_are_recorded_in_postgresql(
    databases: sa.URL, workspace: Workspace, checkout: Path
) -> None:
    names = [f"small{n}" for n in range(3)]
    for name in names:
        written(checkout, "", name=name)
    workspace = Workspace.of(Settings())  # its registry is now on PostgreSQL
    url, _ = stack.up(workspace, checkout=checkout)
    states = [until_final(url, run).state for run in [begin(url, f"retrain/{name}") for name in names]]
    assert [state.name for state in states] == ["Promoted"] * 3, [state.message for state in states]
    with sa.create_engine(databases, poolclass=sa.NullPool).connect() as connection:
        counted = connection.execute(sa.text("SELECT count(*) FROM flow_run WHERE state_name = 'Promoted'"))
        assert counted.scalar() == 3
    assert not list(workspace.home.root.rglob("*.db"))
    assert all(workspace.registry().champion(name) is not None for name in names)
    assert "locked" not in workspace.home.log("server").read_text()
