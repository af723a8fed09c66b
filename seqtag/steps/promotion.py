"""From a decision to what serves: register."""

from __future__ import annotations

from typing import Any

from seqtag.rundir import RunDir
from seqtag.sealing import (
    Manifest,
    file_digest,
    read_json,
    require_manifest,
    write_json,
)
from seqtag.steps.ground import Place, key_of_steps, read_snapshot, step


def register(run: RunDir, place: Place) -> Manifest:
    """Record the model as a registered version, and make it champion if the decision says so.

    Reads model and decision; writes the registry and `registration/`. A second call makes no second
    version, and mends what the registry lost.

    Raises:
        RegistryError: the registry could not be reached.
        PromotionConflictError: somebody else moved the champion since the decision.
    """
    decision = read_json(run.decision)
    registry = place.registry()  # asked every time: what it holds may have been moved or lost
    registration = registry.register(
        run.tagger,
        run_id=run.id,
        bundle=run.model,
        config=read_json(run.config),
        history=read_json(run.history),
        metrics=read_json(run.metrics),
        decision=decision,
        dataset=_dataset(run),
        tags={"seqtag.code": key_of_steps(), "seqtag.config": file_digest(run.config)},
    )
    if decision["verdict"] == "PROMOTE":
        registry.promote(run.tagger, registration.version, expected_champion=decision["champion_version"])
    written = {
        "version": registration.version,
        "tracked_run_id": registration.tracked_run_id,
        "experiment_id": registration.experiment_id,
        "verdict": decision["verdict"],
    }
    return step(
        run.registration_dir,
        "register",
        written,
        lambda folder: write_json(folder / run.registration.name, written),
        own=True,
    )


def _dataset(run: RunDir) -> dict[str, Any]:
    profile = read_json(run.profile)
    return {
        "snapshot_id": read_snapshot(run).id,
        "digest": require_manifest(run.splits).digest,
        "counts": profile["splits"],
    }
