"""Settings: where things live on this machine (`SEQTAG_*`). They never enter `run_id`."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The environment's part of the configuration.

    SEQTAG_HOME           where everything is written (default: .seqtag in the working directory)
    SEQTAG_REGISTRY_URL   SQLAlchemy URL of the model registry (default: SQLite in SEQTAG_HOME)
    """

    model_config = SettingsConfigDict(env_prefix="SEQTAG_", frozen=True)

    home: Path = Path(".seqtag")
    registry_url: str | None = None
