"""MLflow's store at an explicit URL, opened quietly, with failures mapped to RegistryError."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.artifacts import file_lock
from seqtag.config import NO_TELEMETRY
from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError, RegistryError
from seqtag.formatting import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import URL, Engine

    from seqtag.registry.ledger import Ledger

_CONNECT_TIMEOUT = 10  # seconds; libpq would wait for minutes
_LOCK_TIMEOUT = 60  # seconds; SQLite has one writer at a time


class MLflowStore:
    """MLflow's tables at `url` and its files below `artifacts`.

    Nothing is opened before one of the methods is called, and only `create()` creates anything. Opening takes
    1 s for a fresh database (MLflow's migrations), 0.1 s for an existing one, and importing MLflow takes
    2-10 s once per process.
    """

    def __init__(self, url: str, artifacts: Path) -> None:
        self._address = _checked(url)
        if not artifacts.is_absolute():
            raise ConfigError(
                f"registry's artifact folder is relative: expected an absolute path, got {artifacts}"
            )
        self.artifacts = artifacts
        self._client: MlflowClient | None = None
        self._ledger: Ledger | None = None

    def __str__(self) -> str:
        return hide_passwords(self._address.render_as_string(hide_password=True))

    @property
    def url(self) -> str:
        return self._address.render_as_string(hide_password=False)

    def exists(self) -> bool:
        """Return whether the database has MLflow's tables; create nothing.

        Raises:
            RegistryError: the database could not be read.
        """
        if self._client is not None:
            return True
        file = self._sqlite_file()
        if file is not None and not file.exists():  # SQLite would create it
            return False
        with self.reaching("opening it"):
            import sqlalchemy

            return sqlalchemy.inspect(self._engine()).has_table("registered_models")

    def client(self) -> MlflowClient:
        """Return a client of this store, regardless of MLflow's global settings.

        Raises:
            RegistryError: the store does not exist, or could not be opened.
        """
        if not self.exists():
            raise RegistryError(
                f"registry {self} does not exist: expected a database to which a retraining has written; "
                "retrain a tagger first, or correct SEQTAG_HOME or SEQTAG_REGISTRY_URL"
            )
        return self.create()

    def create(self) -> MlflowClient:
        """Return a client of this store after creating the store if it does not exist.

        Raises:
            RegistryError: the store could not be opened or created.
        """
        if self._client is None:
            with self.reaching("opening it"):
                self._client = self._open()
        return self._client

    def ledger(self) -> Ledger:
        """Return the ledger, a table in MLflow's database."""
        if self._ledger is None:
            from seqtag.registry.ledger import Ledger

            self.client()  # MLflow's migrations come first
            ledger = Ledger(self._engine())
            with self.reaching("opening its ledger"):
                ledger.prepare()
            self._ledger = ledger
        return self._ledger

    @contextmanager
    def reaching(self, purpose: str) -> Iterator[None]:
        """Map errors inside to RegistryError, with the store and the purpose in the message.

        Raises:
            RegistryError: the database or the artifact folder could not be read or written.
        """
        _prepare_mlflow()
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:
            raise RegistryError(f"registry {self}: {purpose}: {hide_passwords(first_line(error))}") from error

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock of the artifact folder, so that reading and then writing is atomic."""
        return file_lock(self.artifacts / ".lock")

    def _open(self) -> MlflowClient:
        self._check_connection()
        from mlflow import MlflowClient
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with self.exclusive():  # two processes must not migrate one fresh database
            # If MlflowClient opened a fresh store first, it would record the working directory as the
            # location of the default experiment (mlflow 3.17).
            SqlAlchemyStore(self.url, self.artifacts.as_uri())  # type: ignore[no-untyped-call]  # MLflow's
        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)

    def _check_connection(self) -> None:
        """Connect once; MLflow itself would retry for 100 s, with a log line each time, before giving up."""
        import sqlalchemy

        if (file := self._sqlite_file()) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        sqlalchemy.inspect(self._engine()).get_table_names()

    def _sqlite_file(self) -> Path | None:
        is_sqlite = self._address.get_backend_name() == "sqlite"
        return Path(self._address.database) if is_sqlite and self._address.database else None

    def _engine(self) -> Engine:
        """Return an engine that keeps no connection open."""
        import sqlalchemy

        backend = self._address.get_backend_name()
        arguments = {"connect_timeout": _CONNECT_TIMEOUT} if backend == "postgresql" else {}
        arguments |= {"timeout": _LOCK_TIMEOUT} if backend == "sqlite" else {}
        return sqlalchemy.create_engine(
            self._address, connect_args=arguments, poolclass=sqlalchemy.pool.NullPool
        )


def sqlite_url(path: Path) -> str:
    """Return the registry URL of an SQLite file.

    >>> sqlite_url(Path("/srv/seqtag/registry.db"))
    'sqlite:////srv/seqtag/registry.db'
    """
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string()


def _checked(url: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # print neither error nor URL: both may hold a password
        raise ConfigError(
            "registry URL is invalid: expected an SQLAlchemy URL such as sqlite:////srv/registry.db, "
            f"got text that begins with {url.partition(':')[0]!r}"
        ) from None
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_absolute():
        raise ConfigError(
            "registry URL is relative: expected an absolute SQLite file (four slashes), which is the same in "
            f"every process, got {hide_passwords(url)}"
        )
    return address


def _prepare_mlflow() -> None:
    os.environ.update(NO_TELEMETRY)
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"  # else a uv.lock in the working directory enters the model
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # migrations log at INFO
