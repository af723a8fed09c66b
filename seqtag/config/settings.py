"""Machine settings from the environment (`SEQTAG_*`). They never affect `run_id`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from seqtag.config.database_url import with_driver
from seqtag.config.home_folder import default_home
from seqtag.errors import ConfigError

HOST: Final = "127.0.0.1"  # at which the services of this machine listen


class Settings(BaseSettings):
    """Settings from environment variables; an empty variable counts as unset.

    Raises:
        ConfigError: SEQTAG_HOME cannot be part of a URL.
    """

    model_config = SettingsConfigDict(env_prefix="SEQTAG_", env_ignore_empty=True, frozen=True)

    home: Path = Field(
        default_factory=lambda: default_home(Path.cwd()),
        description="folder for all output; default: the nearest `.seqtag`, see `seqtag --help`",
    )
    registry_url: str | None = Field(
        default=None, description="SQLAlchemy URL of the model registry; default: SQLite in the home folder"
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

    @field_validator("registry_url")
    @classmethod
    def _has_a_driver(cls, url: str | None) -> str | None:
        return None if url is None else with_driver(url)
