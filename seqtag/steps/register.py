"""Register: record the model as a version in the registry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from seqtag.artifacts import Manifest, file_digest, require_manifest
from seqtag.corpus import Profile
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.gate import Decision
from seqtag.records import Record
from seqtag.registry import Registration, Registry
from seqtag.registry.types import CODE_TAG, CONFIG_TAG
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace, read_config, read_snapshot
from seqtag.steps.planned_run import DryRun
from seqtag.steps.step import run_step, steps_code_version


@dataclass(frozen=True)
class RegisteredVersion(Record):
    """registration.json: the registered version of a run's model, and its tracked run in MLflow."""

    FORMAT: ClassVar[str] = "registration/1"

    version: str
    tracked_run_id: str
    experiment_id: str
    serving: str  # digest of the serving code
    verdict: str  # of the gate


def register(run: RunDir, workspace: Workspace) -> Manifest:
    """Register the model as a version, the challenger.

    Reads model and decision; writes the registry and `register/`. A second call registers no second
    version, unless the serving code has changed, and restores what the registry has lost.

    Raises:
        RegistryError: the registry could not be reached.
    """
    decision, registry = Decision.load(run.decision), open_registry(workspace)
    registration = registry.register(  # called every time, since the registry may have lost it
        run.tagger,
        run_id=run.id,
        bundle=run.output("train"),
        config=read_config(run).model_dump(mode="json"),
        history=TrainingHistory.load(run.history),
        metrics=Metrics.load(run.metrics),
        decision=decision,
        dataset=_dataset(run),
        tags=lineage_tags(run),
    )
    return publish_registration(run, registration)


def publish_registration(
    run: RunDir, registration: Registration, *, dry_run: DryRun | None = None
) -> Manifest:
    """Write the version and the tracked run of the model."""
    written = RegisteredVersion(
        version=registration.version,
        tracked_run_id=registration.tracked_run_id,
        experiment_id=registration.experiment_id,
        serving=registration.serving,
        verdict=Decision.load(run.decision).verdict,
    )

    def write(folder: Path) -> None:
        written.save(folder / run.registration.name)

    return run_step(register, run, inputs=asdict(written), write=write, dry_run=dry_run)


def lineage_tags(run: RunDir) -> dict[str, str]:
    """Return the tags of a version that name its configuration and code, which a rollback may block."""
    return {CODE_TAG: steps_code_version(), CONFIG_TAG: file_digest(run.config)}


def open_registry(workspace: Workspace) -> Registry:
    """Return the registry; naming its class here makes its code and packages inputs of the steps."""
    registry: Registry = workspace.registry()
    return registry


def _dataset(run: RunDir) -> dict[str, Any]:
    return {
        "snapshot_id": read_snapshot(run).id,
        "digest": require_manifest(run.output("split")).digest,
        "counts": {name: asdict(split) for name, split in Profile.load(run.profile).splits.items()},
    }
