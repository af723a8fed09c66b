"""Fixtures: a registry on a real SQLite store, and results of run directories to register."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.artifacts import file_digest
from seqtag.registry import Registry, sqlite_url
from tests.object_store import bucket  # noqa: F401 - a fixture
from tests.postgres import postgres_url  # noqa: F401 - a fixture
from tests.sample_records import sample_decision, sample_history, sample_interval, sample_metrics

OpenRegistry = Callable[[Path], Registry]
Results = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty store; MLflow's migrations take a second, a copy does not."""
    home = tmp_path_factory.mktemp("migrated")
    Registry(sqlite_url(home / "registry.db"), home / "artifacts").create()
    return home / "registry.db"


@pytest.fixture
def open_registry(migrated_database: Path) -> OpenRegistry:
    """Open the registry of a home as another process would, with nothing cached."""

    def open_at(home: Path) -> Registry:
        if not (home / "registry.db").exists():
            home.mkdir(exist_ok=True)
            shutil.copy(migrated_database, home / "registry.db")
        return Registry(sqlite_url(home / "registry.db"), home / "artifacts")

    return open_at


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> str:  # noqa: F811 - the fixture
    """URL of a fresh database on the session's server."""
    import sqlalchemy

    server = sqlalchemy.create_engine(
        postgres_url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    name = f"test_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return sqlalchemy.make_url(postgres_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def registry(open_registry: OpenRegistry, home: Path) -> Registry:
    return open_registry(home)


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Keyword arguments of `register` for a run directory; another `weights` makes another bundle."""
    return partial(_results, tmp_path)


@pytest.fixture(scope="session")
def home_of_three(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home with versions 1 to 3 of `sample`, none of them promoted."""
    home = tmp_path_factory.mktemp("three")
    shutil.copy(migrated_database, home / "registry.db")
    registry = Registry(sqlite_url(home / "registry.db"), home / "artifacts")
    for day in ("20", "21", "22"):
        registry.register("sample", **_results(home, f"2026-11-{day}-a"))
    return home


@pytest.fixture
def three_versions(home_of_three: Path, open_registry: OpenRegistry, home: Path) -> Registry:
    """Copy of that home's database; the artifacts, which promotions do not touch, are shared."""
    (home / "artifacts").mkdir(parents=True)
    (home / "artifacts" / "sample").symlink_to(home_of_three / "artifacts" / "sample")
    shutil.copy(home_of_three / "registry.db", home / "registry.db")
    return open_registry(home)


def _results(folder: Path, run_id: str = "2026-11-22-a", *, weights: str = "w1") -> dict[str, Any]:
    bundle = folder / "runs" / run_id / weights / "model"
    (bundle / "saved_model").mkdir(parents=True, exist_ok=True)
    (bundle / "weights.npz").write_text(weights)
    (bundle / "saved_model" / "saved_model.pb").write_text("registration does not load this")
    (bundle / "tags.json").write_text(json.dumps({"tags": ["O", "B-PER"], "scheme": "IOB2", "counts": {}}))
    names = ("saved_model/saved_model.pb", "tags.json", "weights.npz")
    files = {name: file_digest(bundle / name) for name in names}
    (bundle / "bundle.json").write_text(json.dumps({"files": files}))
    return {
        "run_id": run_id,
        "bundle": bundle,
        "config": {"name": "sample", "seed": 1, "corpus": {"sources": [{"format": "sample"}]}},
        "history": sample_history((1.5, 0.5), (0.75, 0.625)),
        "metrics": sample_metrics(sample_interval(0.75, 0.5, 0.875)),
        "decision": sample_decision(),
        "dataset": {
            "snapshot_id": "0123456789abcdef",
            "digest": "5d" * 32,
            "counts": {"train": {"n_sequences": 30}, "test": {"n_sequences": 10}},
        },
        "tags": {"seqtag.config": "c0ffee"},
    }
