"""What every step stands on: where things live, and what a run directory was opened with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.artifacts import (
    read_json,
)
from seqtag.config import Metric, SchemeName, Settings, TaggerConfig
from seqtag.errors import RunDirError
from seqtag.run_dir import Home, RunDir, Snapshot, absolute

if TYPE_CHECKING:
    from seqtag.registry import Registry
    from seqtag.tagging import Spelling


@dataclass(frozen=True)
class Workspace:
    """Where a retraining reads and writes: the home folder and the model registry's database."""

    home: Home
    registry_url: str

    @classmethod
    def of(cls, settings: Settings) -> Workspace:
        from seqtag.registry import sqlite_url

        home = Home(absolute(settings.home))
        return cls(home, settings.registry_url or sqlite_url(home.registry_db))

    def registry(self) -> Registry:
        from seqtag.registry import Registry

        return Registry(self.registry_url, self.home.artifacts)


def redirect_library_caches(home: Home) -> None:
    """Send what libraries write on their own account below `home`, and keep them from phoning home.

    Sets environment variables that Keras, matplotlib and MLflow read when they are imported; one that is
    set already is respected.
    """
    os.environ.setdefault("KERAS_HOME", str(home.caches / "keras"))
    os.environ.setdefault("MPLCONFIGDIR", str(home.caches / "matplotlib"))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")


def read_config(run: RunDir) -> TaggerConfig:
    """Return the configuration that a run directory was opened with."""
    try:
        return TaggerConfig.model_validate(read_json(run.config))
    except ValueError as error:  # pydantic's; of which only the number is told: it would print whole tables
        raise RunDirError(
            f"{run.config}: the configuration of a run was required. Received: another one, or another "
            f"version's ({str(error).splitlines()[0]})"
        ) from None


def read_snapshot(run: RunDir) -> Snapshot:
    """Return the snapshot that a run directory was opened with."""
    try:
        return Snapshot(Path(read_json(run.snapshot_address)["path"]))
    except (KeyError, TypeError) as error:
        raise RunDirError(
            f"{run.snapshot_address}: an object with `path` was required. Received: {error!r}"
        ) from error


def train_scheme(run: RunDir) -> SchemeName:
    """Return the scheme of the tags in the splits, which is the one the model learns."""
    used: SchemeName = read_json(run.profile)["scheme"]["used"]
    return "none" if used == "none" else read_config(run).tags.train_scheme


def spelling_of(run: RunDir) -> Spelling:
    """Return how the corpus spells its tags; those of the splits are spelled as this package does."""
    from seqtag.tagging import Spelling

    return Spelling.of_profile(read_json(run.profile)["scheme"])


def declared_tags(run: RunDir) -> tuple[str, ...] | None:
    """Return the declared tags as they are spelled in the splits."""
    declared, spelling = read_config(run).tags.declared, spelling_of(run)
    if declared is None or train_scheme(run) == "none":
        return declared
    return tuple(spelling.canonical(tag) or tag for tag in declared)


def output_scheme(run: RunDir) -> SchemeName:
    """Return the scheme of the tags that a model gives out: IOBES where the corpus has it, else IOB2."""
    used: SchemeName = read_json(run.profile)["scheme"]["used"]
    return train_scheme(run) if used in ("none", "IOBES") else "IOB2"


def metric(run: RunDir) -> Metric:
    """Return the score that decides: as configured, else the one that the tags call for."""
    from seqtag.evaluation import resolve_metric

    return resolve_metric(read_config(run).gate.metric, train_scheme(run))
