"""MLflow's store, a database or a server, opened quietly, with failures mapped to RegistryError."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.artifacts import file_lock
from seqtag.config import NO_TELEMETRY
from seqtag.config.database_url import is_server_url
from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError, RegistryError
from seqtag.formatting import first_line
from seqtag.registry.artifact_files import RELATIVE_ROOT, ArtifactFiles
from seqtag.registry.database import checked_address, connect_once, make_engine, shown, sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from seqtag.registry.ledger import Ledger
    from seqtag.registry.mlflow_tables import Reader

_SERVER_TIMEOUT = 10  # seconds; MLflow would wait for two minutes, eight times
_SEARCH = "/api/2.0/mlflow/registered-models/search"


class MLflowStore:
    """MLflow's tables in a database, or its server; files below `artifacts`, or where the server keeps them.

    Nothing is opened before one of the methods is called, and only `create()` creates anything. Opening takes
    1 s for a fresh database (MLflow's migrations), 0.1 s for an existing one, and importing MLflow takes
    2-10 s once per process. `exists()`, `reader()` and `find_ledger()` do not import it for a
    database.

    Args:
        url: SQLAlchemy URL of a database, or HTTP URL of a server.
        artifacts: absolute path.
        ledger_url: SQLAlchemy URL of the ledger's database; None for the registry's, which a server has not.
    """

    def __init__(self, url: str, artifacts: Path, *, ledger_url: str | None = None) -> None:
        self._address = None if is_server_url(url) else checked_address(url, owner="registry")
        self._ledger_address = self._address or checked_address(ledger_url or "", owner="ledger")
        if not artifacts.is_absolute():
            raise ConfigError(
                f"registry's artifact folder is relative: expected an absolute path, got {artifacts}"
            )
        self.url = self._address.render_as_string(hide_password=False) if self._address is not None else url
        self.artifacts = artifacts
        self.files = ArtifactFiles.of(self.url, artifacts)
        self._client: MlflowClient | None = None
        self._ledger: Ledger | None = None

    def __str__(self) -> str:
        return hide_passwords(self.url) if self._address is None else shown(self._address)

    def exists(self) -> bool:
        """Return whether the database has MLflow's tables; create nothing. A server has them.

        Raises:
            RegistryError: the database or the server could not be reached.
        """
        if self._client is not None or self._address is None:
            self.create()
            return True
        file = sqlite_file(self._address)
        if file is not None and not file.exists():  # SQLite would create it
            return False
        with self.reaching("opening it"):
            import sqlalchemy

            return sqlalchemy.inspect(make_engine(self._address)).has_table("registered_models")

    def client(self) -> MlflowClient:
        """Return a client of this store, regardless of MLflow's global settings.

        Raises:
            RegistryError: the store does not exist, or could not be opened.
        """
        self._require()
        return self.create()

    def reader(self) -> Reader:
        """Return what reads models and versions: MLflow's tables if they are known, else a client.

        Raises:
            RegistryError: the store does not exist, or could not be reached.
        """
        self._require()
        if self._address is not None and self._client is None:
            from seqtag.registry.mlflow_tables import MLflowTables

            tables = MLflowTables(make_engine(self._address))
            with self.reaching("opening it"):
                if tables.are_known():
                    return tables
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
        """Return the ledger, a table in MLflow's database or, next to a server, in its own one."""
        if self._ledger is None:
            from seqtag.registry.ledger import Ledger

            self.client()  # MLflow's migrations come first
            ledger = Ledger(make_engine(self._ledger_address))
            with self.reaching(f"opening its ledger in {shown(self._ledger_address)}"):
                connect_once(self._ledger_address)
                ledger.prepare()
            self._ledger = ledger
        return self._ledger

    def find_ledger(self) -> Ledger | None:
        """Return the ledger to read it, None if there is none; create nothing, and do not open the store.

        Raises:
            RegistryError: the database could not be reached.
        """
        from sqlalchemy import inspect

        from seqtag.registry.ledger import Ledger
        from seqtag.registry.ledger_table import TABLE

        file = sqlite_file(self._ledger_address)
        if file is not None and not file.exists():  # SQLite would create it
            return None
        if self._ledger is None:
            engine = make_engine(self._ledger_address)
            with self.reaching(f"opening its ledger in {shown(self._ledger_address)}"):
                if inspect(engine).has_table(TABLE):
                    ledger = Ledger(engine)
                    ledger.prepare()  # adds columns that an older table lacks
                    self._ledger = ledger
        return self._ledger

    @contextmanager
    def reaching(self, purpose: str) -> Iterator[None]:
        """Map errors inside to RegistryError, with the store and the purpose in the message.

        Raises:
            RegistryError: the database or the artifact folder could not be read or written.
        """
        try:
            yield
        except _store_errors() as error:
            raise RegistryError(f"registry {self}: {purpose}: {hide_passwords(first_line(error))}") from error

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock of the artifact folder, so that reading and then writing is atomic."""
        return file_lock(self.artifacts / ".lock")

    def _require(self) -> None:
        if not self.exists():
            raise RegistryError(
                f"registry {self} does not exist: expected a database to which a retraining has written; "
                "retrain a tagger first, or correct SEQTAG_HOME or SEQTAG_REGISTRY_URL"
            )

    def _open(self) -> MlflowClient:
        _prepare_mlflow()
        from mlflow import MlflowClient
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        if self._address is None:
            _ask_server(self.url)
        else:
            connect_once(self._address)
            with self.exclusive():  # two processes must not migrate one fresh database
                # If MlflowClient opened a fresh store first, it would record the working directory as the
                # location of the default experiment (mlflow 3.17).
                SqlAlchemyStore(self.url, RELATIVE_ROOT)  # type: ignore[no-untyped-call]  # MLflow's
        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)


def _store_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the database and the disk, and those of MLflow if it is loaded."""
    from sqlalchemy.exc import SQLAlchemyError

    from seqtag.registry.mlflow_tables import MissingModelError

    errors = (SQLAlchemyError, OSError, ImportError, MissingModelError)
    if "mlflow" not in sys.modules:
        return errors
    from mlflow.exceptions import MlflowException

    return (*errors, MlflowException)


def _ask_server(url: str) -> None:
    """Ask a server for one model, without the retries of MLflow's client."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    server = get_default_host_creds(url)  # type: ignore[no-untyped-call]  # MLflow's
    answer = http_request(  # type: ignore[no-untyped-call]
        server, _SEARCH, "GET", params={"max_results": 1}, max_retries=0, timeout=_SERVER_TIMEOUT
    )
    verify_rest_response(answer, _SEARCH)


def _prepare_mlflow() -> None:
    os.environ.update(NO_TELEMETRY)
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"  # else a uv.lock in the working directory enters the model
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # migrations log at INFO
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # 14 s rather than 4 min; tasks retry too
