"""Models and versions in MLflow's database, read without MLflow, whose import takes longer than a command.

The tables are those of MLflow 3.17; another release is asked itself. They are only read, by methods that
MLflow's client has too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import sqlalchemy as sa
    from mlflow import MlflowClient

    Reader: TypeAlias = "MlflowClient | MLflowTables"

_SCHEMA = "dc11669786a5"  # the migration that made these tables the last one (MLflow 3.17)
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_DELETED = "Deleted_Internal"  # stage of deleted versions, whose rows MLflow keeps


class MissingModelError(LookupError):
    """No such model, version or tracked run; MLflow's error has the same code."""

    error_code = _MISSING


@dataclass(frozen=True)
class StoredModel:
    """A registered model."""

    aliases: Mapping[str, str]  # alias -> version
    tags: Mapping[str, str]


@dataclass(frozen=True)
class StoredVersion:
    """A registered version."""

    name: str
    version: str
    description: str | None
    source: str  # location of its artifacts
    run_id: str | None  # its tracked run
    tags: Mapping[str, str]
    model_id: None = None  # MLflow's client has it from a server only


@dataclass(frozen=True)
class StoredRunInfo:
    """A tracked run; its fields are those of MLflow's `RunInfo`."""

    run_id: str
    status: str
    experiment_id: str
    lifecycle_stage: str
    artifact_uri: str


@dataclass(frozen=True)
class StoredRun:
    """A tracked run."""

    info: StoredRunInfo


class MLflowTables:
    """Reads the tables of one database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def are_known(self) -> bool:
        """Return whether the tables are those of MLflow 3.17."""
        return [row.version_num for row in self._rows("SELECT version_num FROM alembic_version")] == [_SCHEMA]

    def get_registered_model(self, name: str) -> StoredModel:
        """Return a model.

        Raises:
            MissingModelError: there is none with this name.
        """
        if not self._rows("SELECT name FROM registered_models WHERE name = :name", name=name):
            raise MissingModelError(f"Registered Model with name={name} not found")
        aliases = self._rows("SELECT alias, version FROM registered_model_aliases WHERE name = :n", n=name)
        tags = self._rows("SELECT key, value FROM registered_model_tags WHERE name = :n", n=name)
        return StoredModel({row.alias: str(row.version) for row in aliases}, _mapping(tags))

    def get_model_version(self, name: str, version: str) -> StoredVersion:
        """Return a version.

        Raises:
            MissingModelError: there is none with this number.
        """
        for found in self.versions(name):
            if found.version == version:
                return found
        raise MissingModelError(f"Model Version (name={name}, version={version}) not found")

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Return the location of the artifacts of a version.

        Raises:
            MissingModelError: there is none with this number.
        """
        return self.get_model_version(name, version).source

    def versions(self, name: str) -> list[StoredVersion]:
        """Return all versions of a model, oldest first."""
        rows = self._rows(
            "SELECT version, description, source, storage_location, run_id FROM model_versions "
            "WHERE name = :name AND current_stage <> :deleted ORDER BY version",
            name=name,
            deleted=_DELETED,
        )
        tags = self._rows("SELECT version, key, value FROM model_version_tags WHERE name = :n", n=name)
        return [
            StoredVersion(
                name,
                str(row.version),
                row.description,
                row.storage_location or row.source,
                row.run_id,
                _mapping([tag for tag in tags if tag.version == row.version]),
            )
            for row in rows
        ]

    def get_run(self, run_id: str) -> StoredRun:
        """Return a tracked run.

        Raises:
            MissingModelError: there is none with this id.
        """
        query = "SELECT status, experiment_id, lifecycle_stage, artifact_uri FROM runs WHERE run_uuid = :id"
        for status, experiment_id, *others in self._rows(query, id=run_id):
            return StoredRun(StoredRunInfo(run_id, status, str(experiment_id), *others))
        raise MissingModelError(f"Run with id={run_id} not found")

    def _rows(self, query: str, **values: str) -> list[sa.Row[Any]]:
        from sqlalchemy import text

        with self._engine.connect() as connection:
            return list(connection.execute(text(query), values))


def is_missing(error: Exception) -> bool:
    """Return whether an error says that a model, a version or a tracked run does not exist."""
    return getattr(error, "error_code", None) == _MISSING


def _mapping(rows: list[sa.Row[Any]]) -> dict[str, str]:
    return {row.key: row.value for row in rows}
