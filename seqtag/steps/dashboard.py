"""The dashboard's view of a run: Markdown from the files of its steps."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path

from seqtag.artifacts import read_json, readable_manifest
from seqtag.corpus import CorpusChanges, Profile
from seqtag.evaluation import Metrics
from seqtag.gate import Decision
from seqtag.pipeline import STEPS
from seqtag.registry import SmokeFindings
from seqtag.reporting import (
    CompletedStep,
    InputChanges,
    approval_markdown,
    changed_settings,
    corpus_markdown,
    quarantine_rows,
    record_table,
    retrain_markdown,
    score_markdown,
    verdict_lines,
)
from seqtag.run_dir import RunDir, opened_runs
from seqtag.steps.approval import ApprovalRecord, ApprovalRequest
from seqtag.steps.context import read_config, read_snapshot
from seqtag.steps.outcome import RunOutcome, final_decision, run_warnings
from seqtag.steps.planned_run import changed_inputs, without_most_code
from seqtag.steps.register import RegisteredVersion
from seqtag.steps.run_inputs import PinnedOpponent

_SHARED_STEPS = [step.name for step in STEPS if step.is_shared]


def corpus_card(run: RunDir, *, pages: str | None = None) -> str:
    """Return the corpus card as Markdown: splits, tags and quarantine.

    Args:
        pages: the address at which `flows.services.report_server` serves this home; None: paths are shown.
    """
    return corpus_markdown(Profile.load(run.profile), {"Data docs": report_url(run, run.data_docs, pages)})


def quarantine_card(run: RunDir) -> str:
    """Return the first quarantined sequences as Markdown, each with the rules it breaks and how."""
    from seqtag.quality import Requirements, quarantine_reason

    config, scheme = read_config(run), Profile.load(run.profile).scheme
    required = Requirements.of(
        scheme.used, config.tags, config.quality, scheme.spelling, config.features.columns
    )
    rows = quarantine_rows(run.quarantine, finding=partial(quarantine_reason, required=required))
    return record_table(rows, empty="No sequence is in quarantine.")


def score_card(run: RunDir) -> str:
    """Return the scores on test, each with its interval and support, and the confusions as Markdown."""
    return score_markdown(Metrics.load(run.metrics))


def retrain_card(run: RunDir, outcome: RunOutcome, *, tagger: str, pages: str | None = None) -> str:
    """Return the retrain card as Markdown: the outcome of a run and the reasons.

    Args:
        tagger: path of its TOML file.
        pages: the address at which `flows.services.report_server` serves this home; None: paths are shown.
    """
    decision = final_decision(run)
    return retrain_markdown(
        unchanged=None if outcome.is_new else outcome.sentence,
        metrics=Metrics.load(run.metrics),
        decision=decision,
        warnings=run_warnings(run, decision),
        profile=Profile.load(run.profile),
        done=completed_steps(run),
        changes=input_changes(run),
        corpus=CorpusChanges.load(run.corpus_changes) if run.corpus_changes.exists() else None,
        links={
            "Report": report_url(run, run.report, pages),
            **_sections(run, pages),
            "Data docs": report_url(run, run.data_docs, pages),
            "Run directory": str(run.path),
        },
        commands=commands(run, tagger=tagger),
    )


def approval_card(run: RunDir) -> str:
    """Return the request for approval as Markdown."""
    metrics, decision = Metrics.load(run.metrics), Decision.load(run.decision)
    return approval_markdown(metrics, decision, tagger=run.tagger, warnings=run_warnings(run, decision))


def outcome_notice(run: RunDir, *, pages: str | None) -> tuple[str, str]:
    """Return subject and body of the notice about a retraining, as plain text."""
    decision = final_decision(run)
    links = {"Report": report_url(run, run.report, pages), "Data docs": report_url(run, run.data_docs, pages)}
    body = verdict_lines(
        decision, metrics=Metrics.load(run.metrics), warnings=run_warnings(run, decision), links=links
    )
    return f"{run.tagger}: {decision.verdict}", body


def approval_notice(run: RunDir, question: ApprovalRequest) -> tuple[str, str]:
    """Return subject and body of the notice that a model waits for approval."""
    sentence = Decision.load(run.decision).sentence
    answer = f"Open the flow run and press Resume before {question.until}; otherwise the model is held."
    return f"{run.tagger}: approve this model?", f"{sentence}\n{answer}"


def commands(run: RunDir, *, tagger: str) -> dict[str, str]:
    """Return what a person may want to do after a retraining, each with its command.

    Args:
        tagger: path of its TOML file.
    """
    file, name = shlex.quote(tagger), run.tagger
    seed, snapshot = read_config(run).seed, read_snapshot(run).id
    return {
        "Show the run": f"seqtag show {run.id}",
        "See what a retraining would do now, and why": f"seqtag explain {file}",
        f"Train again; it is run {run.id} again while snapshot {snapshot}, settings (seed {seed}), code and "
        "packages are unchanged": (f"seqtag retrain {file} --force train"),
        **(_if_promoted(run) if final_decision(run).verdict == "PROMOTE" else _if_not(run, file)),
        "Show decisions and rollbacks": f"seqtag history {name}",
    }


def _if_promoted(run: RunDir) -> dict[str, str]:
    champion, reason = PinnedOpponent.load(run.opponent).champion, "--reason TEXT"
    if champion is None:
        return {}
    version = champion.version
    return {
        f"Restart servers that are running; they keep version {version} until then": (
            f"seqtag serve {run.tagger}"
        ),
        f"Roll back to version {version}; models of this configuration and code are then blocked": (
            f"seqtag rollback {run.tagger} --to {shlex.quote(version)} {reason}"
        ),
    }


def _if_not(run: RunDir, file: str) -> dict[str, str]:
    """Return ways to promote the model after all: another gate, no block, or a manual rollback."""
    decision, version = Decision.load(run.decision), RegisteredVersion.load(run.registration).version
    offers = {}
    if decision.verdict != "PROMOTE":
        offers["Decide with another gate: change [gate] in the file; nothing is trained again"] = (
            f"seqtag retrain {file}"
        )
    elif SmokeFindings.load(run.smoke_findings).passed and ApprovalRecord.of(run).objection() is not None:
        offers["Request approval again; on the dashboard, set the parameter `force` of the deployment"] = (
            f"python -m flows.stack prefect deployment run retrain/{run.tagger} --param 'force=[\"promote\"]'"
        )
    elif SmokeFindings.load(run.smoke_findings).passed:
        offers["Unblock its configuration and code; the next retraining may then promote its model"] = (
            f"seqtag unblock {run.tagger} --reason TEXT"
        )
    if decision.champion_version is not None and SmokeFindings.load(run.smoke_findings).passed:
        offers[
            f"Promote version {version} despite the decision; models with the champion's configuration and "
            "code are then blocked"
        ] = f"seqtag rollback {run.tagger} --to {shlex.quote(version)} --reason TEXT"
    return offers


def report_url(run: RunDir, path: Path, pages: str | None) -> str:
    """Return the URL of a file of a run, or its path if no server for reports is known."""
    return str(path) if pages is None else f"{pages}/runs/{run.tagger}/{run.id}/{path.relative_to(run.path)}"


def _sections(run: RunDir, pages: str | None) -> dict[str, str]:
    """Return links to the pictures in the report, which no browser opens without a server."""
    if pages is None:
        return {}
    report = report_url(run, run.report, pages)
    return {"Learning curves": f"{report}#learning", "Confusions": f"{report}#confusion"}


def input_changes(run: RunDir) -> InputChanges | None:
    """Compare the inputs of a run with those of the champion's run; None without a champion or its run."""
    champion = PinnedOpponent.load(run.opponent).champion
    if champion is None or not (before := RunDir(run.path.with_name(champion.run_id))).config.exists():
        return None
    inputs = {}
    for step in _SHARED_STEPS:
        own, champions = readable_manifest(run.output(step)), readable_manifest(before.output(step))
        if own and champions:
            inputs[step] = without_most_code(list(changed_inputs(champions.inputs, own.inputs)))
    snapshots = read_snapshot(before).id, read_snapshot(run).id
    settings = changed_settings(read_json(before.config), read_json(run.config))
    return InputChanges(before.id, snapshots, inputs, settings)


def completed_steps(run: RunDir) -> list[CompletedStep]:
    """Return the steps that a run has done or reused, in order.

    A reused output has the manifest of the original, whose time in milliseconds is unique. Of the runs with
    the same manifest, the original is the one that was opened first, or had the folder first.
    """
    found = []
    for step in _SHARED_STEPS:
        manifest = readable_manifest(run.output(step))
        if manifest:
            same = [
                other
                for other in opened_runs(run.path.parent)
                if other == run or readable_manifest(other.output(step)) == manifest
            ]
            first = min(same, key=lambda at: (at.as_of, at.output(step).stat().st_ctime_ns))
            found.append(CompletedStep(step, manifest.seconds, None if first == run else first.id))
    return found
