"""Promote: let the registry move the champion, if the decision says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from seqtag.artifacts import Manifest, file_digest, require_manifest
from seqtag.formatting import plural, without_verdict
from seqtag.gate import Decision, GateRule, GateVerdict
from seqtag.records import Record
from seqtag.registry import (
    AuditContext,
    Entry,
    RegistryDecision,
    SmokeFindings,
    failures,
)
from seqtag.run_dir import RunDir
from seqtag.steps.approval import ApprovalRecord
from seqtag.steps.context import Workspace
from seqtag.steps.planned_run import DryRun
from seqtag.steps.register import RegisteredVersion, open_registry
from seqtag.steps.run_inputs import joint_runs
from seqtag.steps.step import run_step


@dataclass(frozen=True)
class PromotionOutcome(Record):
    """promotion.json: the verdict that the ledger has, which a rollback or a person may have changed."""

    FORMAT: ClassVar[str] = "promotion/1"

    verdict: GateVerdict
    sentence: str
    rules: Sequence[GateRule]  # on top of the gate's


def promote(run: RunDir, workspace: Workspace, *, by: AuditContext) -> Manifest:
    """Promote the version, if the decision says so and neither a rollback nor a person blocks it.

    Reads decision, registration and findings; writes the ledger and the aliases of the registry, and
    `promote/`. Runs that are trained together are promoted by the first of them, in one transaction. A second
    call finds what the first one did, and completes it.

    Raises:
        RegistryError: the registry could not be reached, or the registered files changed.
        PromotionConflictError: the champion is no longer the one that the model was compared with, or that of
            a tagger that is trained with it.
    """
    decision = registry_decision(run)
    together = joint_runs(run) if decision.verdict == "PROMOTE" else (run,)
    decisions = {
        each.tagger: (RegisteredVersion.load(each.registration).version, registry_decision(each))
        for each in together
    }
    entries = open_registry(workspace).apply_decisions(decisions, by=by)
    return publish_promotion(run, entries[run.tagger])


def registry_decision(run: RunDir) -> RegistryDecision:
    """Return the verdict: the decision, or HOLD if the model does not work or is not approved.

    Of runs that are trained together, all are promoted or none.
    """
    decided = _decision_alone(run)
    objection = joint_objection(run) if decided.verdict == "PROMOTE" else None
    if objection is None:
        return decided
    return replace(decided, verdict="HOLD", sentence=f"HOLD: {objection}.")


def joint_objection(run: RunDir) -> str | None:
    """Say which of the taggers that are trained with this one is not promoted by its own decision, if any."""
    for other in joint_runs(run):
        if other.path != run.path and (decided := _decision_alone(other)).verdict != "PROMOTE":
            own = without_verdict(decided.sentence, decided.verdict).rstrip(".")
            return f"{other.tagger}, which is trained with it, is not promoted: {own}"
    return None


def _decision_alone(run: RunDir) -> RegistryDecision:
    decision, findings = Decision.load(run.decision), SmokeFindings.load(run.smoke_findings)
    verdict: GateVerdict = decision.verdict
    sentence = decision.sentence
    if verdict == "PROMOTE" and not findings.passed:
        verdict = "HOLD"
        failed = sum(not check.passed for check in findings.checks)
        sentence = (
            f"HOLD: version {findings.version} fails its smoke test: {failed} of "
            f"{plural(len(findings.checks), 'check')}."
        )
    elif verdict == "PROMOTE":
        verdict, sentence = _as_approved(ApprovalRecord.of(run), sentence)
    return RegistryDecision(
        verdict=verdict,
        sentence=sentence,
        against=decision.champion_version,
        digest=file_digest(run.decision),
        dataset=require_manifest(run.output("split")).digest,
        report=str(run.report.relative_to(run.path.parents[2])),
        evidence=decision.evidence,
        spent=decision.level,
    )


def publish_promotion(run: RunDir, entry: Entry, *, dry_run: DryRun | None = None) -> Manifest:
    """Write the outcome of the decision, as the ledger has it."""
    findings, meant = SmokeFindings.load(run.smoke_findings), registry_decision(run)
    held = meant.verdict == "PROMOTE" and entry.event == "HOLD"
    n_checks = len(findings.checks)
    works = failures(findings) or f"{n_checks} checks in a fresh process"
    rules = [GateRule("the registered model works", findings.passed, works, change="")]
    approval = ApprovalRecord.of(run)
    if approval.required and Decision.load(run.decision).verdict == "PROMOTE":
        objection = approval.objection()
        rules.append(
            GateRule("a person approved it", objection is None, objection or _said(approval), change="")
        )
    if len(joint_runs(run)) > 1 and _decision_alone(run).verdict == "PROMOTE":
        objection = joint_objection(run)
        joined = objection or "all of them are"
        rules.append(
            GateRule(
                "the taggers that are trained with it are promoted, too", objection is None, joined, change=""
            )
        )
    if meant.verdict == "PROMOTE":
        detail = entry.sentence if held else "no rollback of such a model is in force"
        rules.append(GateRule("no rollback blocks it", not held, detail, change=""))
    outcome = PromotionOutcome(
        verdict="HOLD" if held else meant.verdict,
        sentence=entry.sentence if held else meant.sentence,
        rules=rules,
    )

    def write(folder: Path) -> None:
        outcome.save(folder / run.promotion.name)

    inputs = {
        "decision": require_manifest(run.output("decide")).digest,
        "registration": require_manifest(run.output("register")).digest,
        "smoke test": require_manifest(run.output("smoke_test")).digest,
        "ledger entry": str(entry.entry),
        "trained together": joint_objection(run) or "",
    }
    return run_step(promote, run, inputs=inputs, write=write, dry_run=dry_run)


def _as_approved(approval: ApprovalRecord, sentence: str) -> tuple[GateVerdict, str]:
    """Return the verdict and its sentence where the decision was to promote."""
    objection = approval.objection()
    if objection is not None:
        return "HOLD", f"HOLD: {objection}."
    if approval.required and approval.answer is not None:
        return "PROMOTE", f"{sentence} Approved by {approval.answer.signed}: {approval.answer.reason}"
    return "PROMOTE", sentence


def _said(approval: ApprovalRecord) -> str:
    return "" if approval.answer is None else f"{approval.answer.signed}: {approval.answer.reason}"
