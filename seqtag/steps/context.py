"""The context of steps: the workspace, and the inputs of a run directory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

from seqtag.artifacts import read_json
from seqtag.config import Metric, SchemeName, Settings, TaggerConfig
from seqtag.corpus import Profile
from seqtag.errors import ConfigError, RunDirError
from seqtag.evaluation import resolve_metric
from seqtag.formatting import first_line
from seqtag.registry import Registry, sqlite_url
from seqtag.run_dir import Home, RunDir, Snapshot, absolute
from seqtag.steps.run_inputs import SnapshotAddress
from seqtag.tagging import Spelling


@dataclass(frozen=True)
class Workspace:
    """The home folder, the model registry with its ledger, and where several machines work.

    Attributes:
        ledger_url: database of the ledger, next to an MLflow server.
        dask_scheduler: address of a Dask scheduler; None for this machine alone.
    """

    home: Home
    registry_url: str
    ledger_url: str | None = None
    dask_scheduler: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Workspace:
        home = Home(absolute(settings.home))
        registry_url = settings.registry_url or sqlite_url(home.registry_db)
        return cls(home, registry_url, settings.ledger_url, settings.dask_scheduler)

    def require_writable(self) -> None:
        """Check that files can be written into the home folder and its folders, or that it can be created.

        Raises:
            ConfigError: they cannot.
        """
        root = folder = self.home.root
        try:
            existing = next(each for each in (root, *root.parents) if each.exists())
            within = [each for each in existing.iterdir() if each.is_dir()] if existing == root else []
            for each in (existing, *within):
                folder = each if existing == root else root
                with tempfile.TemporaryFile(dir=each):
                    pass
        except OSError as error:
            raise ConfigError(
                f"home folder cannot be written: expected one that you can write, got {folder} "
                f"({error.strerror}); set SEQTAG_HOME to another folder"
            ) from error

    def registry(self) -> Registry:
        return Registry(self.registry_url, self.home.artifacts, ledger_url=self.ledger_url)


def read_config(run: RunDir) -> TaggerConfig:
    """Return the configuration that a run directory was opened with."""
    try:
        return TaggerConfig.model_validate(read_json(run.config))
    except ValueError as error:  # of pydantic; the whole message would print whole tables
        raise RunDirError(
            f"{run.config}: not a configuration of this version of seqtag ({first_line(error)}); "
            "retrain to open a new run"
        ) from None


def scheduler_for(config: TaggerConfig, scheduler: str | None) -> str | None:
    """Return the address of the Dask scheduler on whose workers to train; None for this machine alone.

    Raises:
        ConfigError: the configuration has several workers, and there is no scheduler.
    """
    if config.train.workers == 1:
        return None
    if scheduler is None:
        raise ConfigError(
            "SEQTAG_DASK_SCHEDULER is not set: expected the address of a Dask scheduler, since train.workers "
            f"is {config.train.workers}; set it, such as to tcp://10.0.0.7:8786, or remove workers"
        )
    return scheduler


def read_snapshot(run: RunDir) -> Snapshot:
    """Return the snapshot that a run directory was opened with."""
    return Snapshot(run.resolved(SnapshotAddress.load(run.snapshot_address).path))


def train_scheme(run: RunDir) -> SchemeName:
    """Return the scheme of the tags in the splits, which the model learns."""
    used = Profile.load(run.profile).scheme.used
    return "none" if used == "none" else read_config(run).tags.train_scheme


def spelling_of(run: RunDir) -> Spelling:
    """Return the spelling of tags in the corpus; tags in the splits have the canonical one."""
    return Profile.load(run.profile).scheme.spelling


def written_tag(run: RunDir, tag: str) -> str:
    """Return a tag of the splits in the scheme and spelling of the corpus."""
    scheme = Profile.load(run.profile).scheme.used
    return tag if scheme == "none" else spelling_of(run).written(tag, scheme=scheme)


def declared_tags(run: RunDir) -> tuple[str, ...] | None:
    """Return the declared tags in the spelling of the splits."""
    declared, spelling = read_config(run).tags.declared, spelling_of(run)
    if declared is None or train_scheme(run) == "none":
        return declared
    return tuple(spelling.canonical(tag) or tag for tag in declared)


def output_scheme(run: RunDir) -> SchemeName:
    """Return the scheme of predicted tags: IOBES if the corpus has it, else IOB2."""
    used = Profile.load(run.profile).scheme.used
    return train_scheme(run) if used in ("none", "IOBES") else "IOB2"


def metric(run: RunDir) -> Metric:
    """Return the deciding metric: as configured, else the one that suits the tags."""
    return resolve_metric(read_config(run).gate.metric, train_scheme(run))
