"""Machine settings from the environment (`SEQTAG_*`). They never affect `run_id`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from seqtag.config.database_url import is_server_url, with_driver
from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError
from seqtag.project import default_home

_ADDRESS = re.compile(r"((tcp|tls|ucx|ws|wss)://)?[^/\s]+:\d+/?")
HOST: Final = "127.0.0.1"  # at which the services of this machine listen


class Settings(BaseSettings):
    """Settings from environment variables; an empty variable counts as unset.

    Raises:
        ConfigError: SEQTAG_HOME cannot be part of a URL, the registry and the ledger do not fit together, or
            SEQTAG_DASK_SCHEDULER is no address.
    """

    model_config = SettingsConfigDict(env_prefix="SEQTAG_", env_ignore_empty=True, frozen=True)

    home: Path = Field(
        default_factory=lambda: default_home(Path.cwd()),
        description="folder for all output; default: the nearest `.seqtag`, see `seqtag --help`",
    )
    registry_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the model registry, or HTTP URL of an MLflow server; default: SQLite "
        "in the home folder",
    )
    ledger_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the ledger, for an MLflow server only: a database has it already",
    )

    dask_scheduler: str | None = Field(
        default=None,
        description="address of a Dask scheduler, such as tcp://10.0.0.7:8786, on whose workers bulk tagging "
        "runs, and training with `train.workers` above 1; default: on this machine",
    )

    @field_validator("home")
    @classmethod
    def _fits_into_a_url(cls, home: Path) -> Path:
        # SQLAlchemy ends the file name at "?", MLflow (3.17) decodes "%" twice: both open another file
        if set("?%") & set(str(home.absolute())):
            raise ConfigError(
                f"SEQTAG_HOME contains ? or %: expected a path without them, got {home.absolute()}"
            )
        return home

    @field_validator("dask_scheduler")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and _ADDRESS.fullmatch(address) is None:  # Dask's client hangs after its error
            raise ConfigError(
                "SEQTAG_DASK_SCHEDULER is not the address of a Dask scheduler: expected one such as "
                f"tcp://10.0.0.7:8786, got {address}"
            )
        return address

    @field_validator("registry_url", "ledger_url")
    @classmethod
    def _has_a_driver(cls, url: str | None) -> str | None:
        return None if url is None else with_driver(url)

    @model_validator(mode="after")
    def _has_one_ledger(self) -> Settings:
        server = self.registry_url if is_server_url(self.registry_url or "") else None
        if server is not None and self.ledger_url is None:
            raise ConfigError(
                "SEQTAG_LEDGER_URL is not set: expected the SQLAlchemy URL of a database that all hosts "
                f"share, since the MLflow server at {hide_passwords(server)} gives no access to its own; set "
                "it, for example to the database of that server"
            )
        if server is None and self.ledger_url is not None:
            raise ConfigError(
                "SEQTAG_LEDGER_URL is set without need: expected it only if SEQTAG_REGISTRY_URL is that of "
                "an MLflow server, because a registry in a database has its ledger there; unset it"
            )
        return self
