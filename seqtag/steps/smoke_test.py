"""Smoke test of the registered model in a fresh process."""

from __future__ import annotations

from pathlib import Path

from seqtag.artifacts import Manifest, require_manifest
from seqtag.registry import bundle_digest
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace, train_scheme
from seqtag.steps.planned_run import DryRun
from seqtag.steps.register import RegisteredVersion, open_registry
from seqtag.steps.step import run_step


def smoke_test(run: RunDir, workspace: Workspace, *, dry_run: DryRun | None = None) -> Manifest:
    """Smoke-test the registered model in a fresh process, loaded as its consumers load it.

    Writes `smoke_test/findings.json`. A model that fails any check is not promoted.

    Raises:
        RegistryError: the registry could not be reached, or the registered files changed.
        MemoryExhaustedError: memory was not enough.
        SubprocessFailedError: the process was killed, or failed by an error that may not be the model's.
    """
    registration, golden = RegisteredVersion.load(run.registration), run.predictions("challenger")
    version, scheme = registration.version, train_scheme(run)

    def write(folder: Path) -> None:
        found = open_registry(workspace).smoke_test(run.tagger, version, golden=golden, scheme=scheme)
        found.save(folder / run.smoke_findings.name)

    inputs = {
        "bundle": bundle_digest(run.output("train")),
        "tracked run": registration.tracked_run_id,  # the version changes if the registry is restored
        "predictions": require_manifest(run.output("evaluate")).outputs[golden.name],
        "scheme": scheme,
    }
    return run_step(smoke_test, run, inputs=inputs, write=write, dry_run=dry_run)
