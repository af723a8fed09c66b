"""What every step stands on: where things live, and what a run directory was opened with."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from seqtag.artifacts import (
    Manifest,
    file_lock,
    materialize,
    read_json,
    write_json,
)
from seqtag.code_version import code_version, uncached_code_version
from seqtag.config import Metric, SchemeName, Settings, TaggerConfig
from seqtag.errors import ConfigError, RunDirError
from seqtag.run_dir import Home, RunDir, Snapshot, absolute

if TYPE_CHECKING:
    from seqtag.registry import Registry
    from seqtag.tagging import Spelling

# fmt: off
StepName = Literal[
    "validate", "split", "index", "encode", "baseline", "train", "anchor", "evaluate", "decide", "register",
    "infra_validate", "promote", "report",
]
# fmt: on
_VERBS = {
    "intake": ("validate", "split"),
    "learning": ("index", "encode", "train"),
    "baseline": ("baseline",),
    "anchor": ("anchor",),
    "judgement": ("evaluate", "decide", "report"),
    "promotion": ("register", "infra_validate", "promote"),
}

logger = logging.getLogger(__name__)


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


def steps_code_version() -> str:
    """Return the sha256 of all that the steps of a run directory run, packages included."""
    step_names = [
        (f"seqtag.steps.{module}", verb) for module, step_names in _VERBS.items() for verb in step_names
    ]
    return digest(*(code_version(*verb).key for verb in step_names))


def digest(*parts: str) -> str:
    """Return the sha256 of a list of strings."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def check_step_names(step_names: Sequence[str]) -> None:
    """Refuse names of no step of a run directory.

    Raises:
        ConfigError: there is no such step.
    """
    known = list(get_args(StepName))
    strange = sorted(set(step_names) - set(known))
    if strange:
        raise ConfigError(f"force: steps of {known} were required. Received: {strange}")


def force(run: RunDir, step_names: Sequence[str], *, by: str) -> None:
    """Have these steps of a run done in any case, once for each `by`; the rest follows."""
    if step_names:
        with file_lock(run.path / ".lock"):
            write_json(run.forced, _forced(run) | dict.fromkeys(step_names, by))


def _forced(run: RunDir) -> dict[str, str]:
    return read_json(run.forced) if run.forced.exists() else {}


def step(
    output: Path, name: str, inputs: Mapping[str, str], write: Callable[[Path], None], *, own: bool = False
) -> Manifest:
    """Seal a folder of a run directory, and say in one line what became of it.

    Among its inputs are the code that the verb runs in which `write` is defined, and the packages' versions.

    Args:
        own: it says which run it is of, so that another run's does not do.
    """
    verb = (write.__module__, write.__qualname__.partition(".")[0])
    made_by = code_version(*verb)
    packages = {f"package {package}": version for package, version in made_by.packages.items()}
    by = _forced(RunDir(output.parent)).get(name)
    forced = {} if by is None else {"forced": by}
    runs = [] if own else sorted(output.parent.parent.glob(f"????-??-??-*/{output.name}"), reverse=True)

    def write_with_this_code(folder: Path) -> None:
        write(folder)
        if uncached_code_version(*verb).code != made_by.code:
            raise RunDirError(
                f"{name}: code that stays as it is was required. Received: other code meanwhile"
            )

    manifest = materialize(
        output,
        step=name,
        inputs={**inputs, **packages, **forced, "code": made_by.code},
        write=write_with_this_code,
        elsewhere=[found for found in runs if found != output],
    )
    if manifest.reused:
        logger.info("%s: unchanged, %s stands", name, output.name)
    else:
        logger.info("%s: %.1f s", name, manifest.seconds)
    return manifest
