"""Dry run: what a retraining would do if it began now, and why; nothing is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from seqtag.config import TaggerConfig
from seqtag.errors import CorpusRejectedError, OtherVersionError, RunDirError
from seqtag.formatting import printable, without_verdict
from seqtag.gate import Decision
from seqtag.pipeline import STEPS
from seqtag.registry import Entry, block_text
from seqtag.run_dir import RunDir, Snapshot, opened_runs
from seqtag.steps.approval import ApprovalRecord
from seqtag.steps.context import Workspace, read_snapshot
from seqtag.steps.decide import gate_decision
from seqtag.steps.ingest import last_read, matching_snapshot, source_inputs
from seqtag.steps.open_run import matching_run, opponent_of
from seqtag.steps.outcome import status_text
from seqtag.steps.planned_run import (
    DryRun,
    MissingUpstreamError,
    PlannedRun,
    PlannedStep,
    changed_inputs,
    file_in_memory,
    without_most_code,
)
from seqtag.steps.promote import publish_promotion, registry_decision
from seqtag.steps.register import lineage_tags, publish_registration
from seqtag.steps.report import report
from seqtag.steps.run_inputs import SnapshotAddress
from seqtag.steps.smoke_test import smoke_test
from seqtag.steps.step import step_function

_LONGEST = 40  # characters of a value that is shown
_DIGEST = re.compile(r" ?(?<![.\w])[0-9a-f]{16,64}\b")


@dataclass(frozen=True)
class Explanation:
    """Each step in order, as far as it is known before the first one has run, and the expected outcome."""

    steps: list[PlannedStep]
    outlook: str


def explain(config: TaggerConfig, workspace: Workspace) -> Explanation:
    """Return what a retraining would do.

    Where a step would run, later steps are checked against its newest output.

    Raises:
        CorpusRejectedError: the snapshot is refused.
        RegistryError: the registry could not be asked who the champion is.
    """
    folder = workspace.home.runs(config.name)
    snapshot = matching_snapshot(config, workspace)
    newest = next(filter(None, map(_snapshot_or_none, opened_runs(folder))), None)
    ingest = _planned_ingest(config, workspace, snapshot, newest)
    snapshot = snapshot or newest
    if snapshot is None:
        return Explanation([ingest], "Outlook: this would be the first run.")
    dry_run, registry = DryRun(), workspace.registry()
    name, real = matching_run(config, snapshot, workspace)
    run_dir = real or RunDir(folder / name)
    opponent, earlier = opponent_of(run_dir, config, registry.champion(config.name), workspace)
    contents = {
        "config": config.model_dump(mode="json"),
        "snapshot_address": SnapshotAddress(run_dir.relative(snapshot.path)).content(),
        "opponent": opponent.content(),
        "earlier": earlier.content(),
    }
    with ExitStack() as files:
        records = {key: files.enter_context(file_in_memory(content)) for key, content in contents.items()}
        run = PlannedRun(run_dir.path, dry_run, records)
        block = registry.block(config.name, lineage_tags(run))
        try:
            for step in STEPS:
                if step.is_shared:
                    step_function(step.name)(run, dry_run=dry_run)
            _plan_unshared(run, workspace, block=block, is_new=real is None)
        except MissingUpstreamError:
            pass  # nothing is known of later steps
        except OtherVersionError:
            if not any(step.would_run for step in dry_run.steps):
                raise  # else an older output took the place of that of a step that would run
        except CorpusRejectedError:
            if not dry_run.steps[-1].would_run:  # else the output of another configuration was refused
                raise
        planned = [ingest, *dry_run.steps]
        outlook = _outlook(run, planned, config, workspace, block=block)
    return Explanation(planned, f"Outlook: {outlook}")


def dry_run_text(explained: Explanation) -> str:
    """Return a line for each step that would run, one for the unchanged steps between two, and the outlook.

    `train            would run: seed 1 -> 2`, `unchanged        if train writes the same output: evaluate`
    """
    lines, upstream = [], ""
    for would_run, group in groupby(explained.steps, key=lambda step: step.would_run):
        steps = list(group)
        if would_run:
            lines += [f"{step.step:16} would run: {_reason(step)}" for step in steps]
            upstream = f"if {steps[-1].step} writes the same output: "
        else:
            lines.append(f"{'unchanged':16} {upstream}{', '.join(step.step for step in steps)}")
    return "\n".join(map(printable, [*lines, "", explained.outlook]))


def _planned_ingest(
    config: TaggerConfig, workspace: Workspace, snapshot: Snapshot | None, newest: Snapshot | None
) -> PlannedStep:
    if snapshot is not None:
        return PlannedStep("ingest", would_run=False)
    inputs = source_inputs(config)
    if inputs is None:
        return PlannedStep("ingest", True, reason="a database cannot be compared without reading it")
    read = None if newest is None else last_read(config, workspace, snapshot=newest)
    if read is None:
        return PlannedStep("ingest", True, reason="no run has read these sources yet")
    changed = changed_inputs(read.inputs, inputs)
    return PlannedStep("ingest", True, changed, "" if changed else "its snapshot is missing or damaged")


def _plan_unshared(run: PlannedRun, workspace: Workspace, *, block: Entry | None, is_new: bool) -> None:
    """Plan the steps whose outputs belong to one run; they are in its folder and in the registry."""
    dry_run, registry = run.dry_run, workspace.registry()
    registration = registry.registration(run.tagger, run_id=run.id, bundle=run.output("train"))
    if is_new or registration is None:
        reason = "it belongs to one run, and this one is new" if is_new else "the model is not registered yet"
        unshared = [step.name for step in STEPS if not step.is_shared]
        dry_run.steps.extend(PlannedStep(name, would_run=True, reason=reason) for name in unshared)
        return
    publish_registration(run, registration, dry_run=dry_run)
    smoke_test(run, workspace, dry_run=dry_run)
    entry = registry.find_entry(run.tagger, registration.version, registry_decision(run))
    if entry is not None:
        publish_promotion(run, entry, dry_run=dry_run)
    else:
        reason = _obstacle(block, ApprovalRecord.of(run)) or "the ledger has no entry for this decision yet"
        output = run.output("promote")
        dry_run.steps.append(PlannedStep("promote", would_run=True, reason=reason, output=output))
    report(run, dry_run=dry_run)


def _outlook(
    run: PlannedRun,
    planned: list[PlannedStep],
    config: TaggerConfig,
    workspace: Workspace,
    *,
    block: Entry | None,
) -> str:
    """Return the expected outcome of a run, as far as it is known."""
    upstream = [step.step for step in planned if step.would_run]
    if not upstream:
        status = status_text(run, workspace)
        return f"nothing would change: {status}"
    approval = replace(ApprovalRecord.of(run), required=config.approval.required)
    obstacle = _obstacle(block, approval)
    decided_by = ["ingest", *(step.name for step in STEPS[: [step.name for step in STEPS].index("decide")])]
    if set(upstream) & set(decided_by):
        later = f" If it is to promote, {obstacle}." if obstacle else ""
        return f"the decision is not known before {upstream[0]} has run.{later}"
    decision = gate_decision(run) if "decide" in upstream else Decision.load(run.decision)
    if decision.verdict != "PROMOTE":
        return decision.sentence
    grounds = without_verdict(decision.sentence, "PROMOTE")
    if block is None and approval.required and approval.answer is None:
        return f"PROMOTE, if a person approves it and the smoke test passes. {grounds}"
    return f"HOLD, because {obstacle}." if obstacle else f"PROMOTE, if the smoke test passes. {grounds}"


def _obstacle(block: Entry | None, approval: ApprovalRecord) -> str:
    """Return what stops a promotion that the gate decides on, "" if nothing does."""
    if block is not None:
        return block_text(block)
    return approval.objection() or ""


def _reason(step: PlannedStep) -> str:
    return step.reason or _changes(step.changed) or "it has no output yet"


def _changes(changed: Mapping[str, tuple[str | None, str | None]]) -> str:
    """Return the changed inputs in words: settings and packages with both values, files by name."""
    names = without_most_code(list(changed))
    return ", ".join(
        _change(name, *changed[name]) if name in changed else f"{name} changed" for name in names
    )


def _change(name: str, before: str | None, now: str | None) -> str:
    old, new = _shown(before), _shown(now)
    here = f"{Path.cwd()}/"
    name = name.removeprefix("package ").removeprefix(here)
    if before and now and (old == new or max(len(old), len(new)) > _LONGEST):
        return f"{name} changed"
    if _DIGEST.fullmatch(before or now or ""):
        return f"{name} {'is new' if before is None else 'is gone' if now is None else 'changed'}"
    return f"{name} {old or 'none'} -> {new or 'none'}"


def _shown(value: str | None) -> str:
    return _DIGEST.sub("", value or "")


def _snapshot_or_none(run: RunDir) -> Snapshot | None:
    try:
        return read_snapshot(run)
    except RunDirError:
        return None
