"""Dry run: what a retraining would do if it began now, and why."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from seqtag.artifacts import DryRun, MissingUpstreamError, PlannedStep, file_lock, scratch_folder
from seqtag.config import TaggerConfig
from seqtag.errors import CorpusRejectedError, OtherVersionError, RunDirError
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir, Snapshot
from seqtag.steps.context import Workspace, read_snapshot
from seqtag.steps.infra_validate import infra_validate
from seqtag.steps.ingest import matching_snapshot
from seqtag.steps.open_run import keeps_opponent, matching_run, write_opponent, write_run_inputs
from seqtag.steps.promote import publish_promotion, registry_decision
from seqtag.steps.register import publish_registration
from seqtag.steps.report import report
from seqtag.steps.step import step_function

_SHOWN = 12  # characters of a digest


def explain(config: TaggerConfig, workspace: Workspace) -> list[PlannedStep]:
    """Return what each step would do, in order, as far as that is known before the first one has run.

    Where a step would run, later steps are checked against its newest output. Only a scratch folder is
    written, and removed.

    Raises:
        CorpusRejectedError: the snapshot is refused.
        RegistryError: the registry could not be asked who the champion is.
    """
    snapshot = matching_snapshot(config, workspace)
    ingest = PlannedStep("ingest", would_run=snapshot is None)
    runs = workspace.home.runs(config.name)
    snapshot = snapshot or _newest_snapshot(runs.glob("????-??-??-*"))
    if snapshot is None:
        return [ingest]
    runs.mkdir(parents=True, exist_ok=True)
    dry_run = DryRun()
    with file_lock(runs / ".dry-run.lock"), scratch_folder(runs / ".dry-run") as folder:
        run, (_, real) = RunDir(folder), matching_run(config, snapshot, workspace)
        write_run_inputs(run, config, snapshot)
        champion = workspace.registry().champion(config.name)
        for file in () if real is None else (real.forced, real.approval, real.opponent, real.earlier):
            if file.exists():
                shutil.copyfile(file, run.path / file.name)
        if real is None or not keeps_opponent(real, champion):
            write_opponent(run, champion, workspace)
        try:
            for step in STEPS:
                if step.is_shared:
                    step_function(step.name)(run, dry_run=dry_run)
            _plan_unshared(run, real, workspace, dry_run)
        except MissingUpstreamError:
            pass  # nothing is known of later steps
        except OtherVersionError:
            if not any(step.would_run for step in dry_run.steps):
                raise  # else an older output took the place of that of a step that would run
        except CorpusRejectedError:
            if not dry_run.steps[-1].would_run:  # else the output of another configuration was refused
                raise
    return [ingest, *dry_run.steps]


def dry_run_text(steps: list[PlannedStep]) -> str:
    """Return one line for each step: `train          would run: seed 1 -> 2`."""
    lines, upstream = [], None
    for step in steps:
        if step.would_run:
            text = f"would run: {_reasons(step)}"
        else:
            text = "unchanged" if upstream is None else f"unchanged if {upstream} writes the same output"
        lines.append(f"{step.step:14} {text}")
        upstream = step.step if step.would_run else upstream
    return "\n".join(lines)


def _plan_unshared(run: RunDir, real: RunDir | None, workspace: Workspace, dry_run: DryRun) -> None:
    """Plan the steps whose outputs belong to one run; they are in its folder and in the registry."""
    unshared = [step for step in STEPS if not step.is_shared]
    registration = None
    if real is not None:
        for folder in (real.output(step.name) for step in unshared):
            if folder.exists():
                shutil.copytree(folder, run.path / folder.name)
        registration = workspace.registry().registration(
            run.tagger, run_id=real.id, bundle=run.output("train")
        )
    if registration is None:
        dry_run.steps.extend(PlannedStep(step.name, would_run=True) for step in unshared)
        return
    publish_registration(run, registration, dry_run=dry_run)
    infra_validate(run, workspace, dry_run=dry_run)
    entry = workspace.registry().find_entry(run.tagger, registration.version, registry_decision(run))
    if entry is None:
        dry_run.steps.append(PlannedStep("promote", would_run=True))
    else:
        publish_promotion(run, entry, dry_run=dry_run)
    report(run, dry_run=dry_run)


def _reasons(step: PlannedStep) -> str:
    if step.step == "ingest":
        return "the sources or their settings have changed, or cannot be compared without reading them"
    if not step.changed:
        return "the registry has no entry for it yet" if step.step == "promote" else "it has no output yet"
    return ", ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, (old, new) in step.changed.items())


def _shown(value: str | None) -> str:
    return "(none)" if not value else value[:_SHOWN]


def _newest_snapshot(runs: Iterable[Path]) -> Snapshot | None:
    for path in sorted(runs, reverse=True):
        try:
            return read_snapshot(RunDir(path))
        except RunDirError:
            continue
    return None
