"""What a retraining would do if it began now, and why: each step is asked, none is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from seqtag.artifacts import (
    MissingUpstreamError,
    PlannedStep,
    dry_run,
    file_lock,
    read_json,
    scratch_folder,
    write_json,
)
from seqtag.config import TaggerConfig
from seqtag.errors import CorpusRejectedError, RunDirError
from seqtag.run_dir import RunDir, Snapshot
from seqtag.steps.anchor import anchor
from seqtag.steps.baseline import baseline
from seqtag.steps.context import Workspace, read_snapshot
from seqtag.steps.intake import (
    keeps_opponent,
    matching_run,
    matching_snapshot,
    split,
    validate,
    write_opponent,
    write_run_inputs,
)
from seqtag.steps.judgement import decide, evaluate, report
from seqtag.steps.learning import encode, index, train
from seqtag.steps.promotion import infra_validate, publish_promotion, publish_registration, registry_decision

_SHOWN = 12  # characters of a digest


def explain(config: TaggerConfig, workspace: Workspace) -> list[PlannedStep]:
    """Return what each step would do, in order, as far as that can be known before the first one has run.

    What comes after a step that would run is asked with the newest output of that step in its place.

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
    with file_lock(runs / ".asked.lock"), scratch_folder(runs / ".asked") as folder, dry_run() as answers:
        run, (_, begun) = RunDir(folder), matching_run(config, snapshot, workspace)
        write_run_inputs(run, config, snapshot)
        champion = workspace.registry().champion(config.name)
        for said in () if begun is None else (begun.forced, begun.approval, begun.opponent, begun.earlier):
            if said.exists():
                write_json(run.path / said.name, read_json(said))
        if begun is None or not keeps_opponent(begun, champion):
            write_opponent(run, champion, workspace)
        try:
            for step in (validate, split, index, encode, baseline, train, anchor, evaluate, decide):
                step(run)
            _ask_what_serves(run, begun, workspace, answers)
        except MissingUpstreamError:
            pass  # of what comes after nothing is known
        except CorpusRejectedError:
            if not answers[-1].would_run:  # else it was another configuration that was refused
                raise
    return [ingest, *answers]


def dry_run_text(answers: list[PlannedStep]) -> str:
    """Return one line for each step: `train          would run: seed 1 -> 2`."""
    lines, after = [], None
    for answer in answers:
        if answer.would_run:
            what = f"would run: {_reasons(answer)}"
        else:
            what = "stands" if after is None else f"stands, unless {after} gives something else"
        lines.append(f"{answer.step:14} {what}")
        after = answer.step if answer.would_run else after
    return "\n".join(lines)


def _ask_what_serves(
    run: RunDir, begun: RunDir | None, workspace: Workspace, answers: list[PlannedStep]
) -> None:
    """Ask the steps that are of one run alone: what they wrote lies in its folder, and in the registry."""
    registration = None
    if begun is not None:
        for folder in (begun.registration_dir, begun.infra_dir, begun.promotion_dir, begun.report_dir):
            if folder.exists():
                shutil.copytree(folder, run.path / folder.name)
        registration = workspace.registry().registration(run.tagger, run_id=begun.id, bundle=run.model)
    if registration is None:
        step_names = ("register", "infra_validate", "promote", "report")
        answers.extend(PlannedStep(verb, would_run=True) for verb in step_names)
        return
    publish_registration(run, registration)
    infra_validate(run, workspace)
    entry = workspace.registry().judged(run.tagger, registration.version, registry_decision(run))
    if entry is None:
        answers.append(PlannedStep("promote", would_run=True))
    else:
        publish_promotion(run, entry)
    report(run)


def _reasons(answer: PlannedStep) -> str:
    if answer.step == "ingest":
        return "the sources, or how they are read, have changed, or they cannot be told unread"
    if not answer.changed:
        return "the registry does not say so yet" if answer.step == "promote" else "it never did"
    return ", ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, (old, new) in answer.changed.items())


def _shown(value: str | None) -> str:
    return "(none)" if not value else value[:_SHOWN]


def _newest_snapshot(runs: Iterable[Path]) -> Snapshot | None:
    for path in sorted(runs, reverse=True):
        try:
            return read_snapshot(RunDir(path))
        except RunDirError:
            continue
    return None
