"""Settings: where things live on this machine (`SEQTAG_*`). They never enter `run_id`."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from seqtag.errors import ConfigError


class Settings(BaseSettings):
    """The environment's part of the configuration.

    SEQTAG_HOME           where everything is written (default: .seqtag in the working directory)
    SEQTAG_REGISTRY_URL   SQLAlchemy URL of the model registry (default: SQLite in SEQTAG_HOME)

    One that is empty counts as unset.

    Raises:
        ConfigError: SEQTAG_HOME cannot stand in a URL.
    """

    model_config = SettingsConfigDict(env_prefix="SEQTAG_", env_ignore_empty=True, frozen=True)

    home: Path = Path(".seqtag")
    registry_url: str | None = None

    @field_validator("home")
    @classmethod
    def _fits_into_a_url(cls, home: Path) -> Path:
        # SQLAlchemy ends a file's name at the one, MLflow (3.17) decodes the other twice: other files
        if set("?%") & set(str(home.absolute())):
            raise ConfigError(
                f"SEQTAG_HOME must be a folder without ? and % in its path. Received: {home.absolute()}"
            )
        return home
