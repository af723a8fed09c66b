"""From a decision to what serves: register, infra_validate, promote."""

from __future__ import annotations

import os
import pwd
import socket
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtag.artifacts import (
    Manifest,
    file_digest,
    read_json,
    require_manifest,
    write_json,
)
from seqtag.registry import AuditContext, Registry, RegistryDecision
from seqtag.run_dir import RunDir
from seqtag.steps.approval import ApprovalRecord
from seqtag.steps.context import Workspace, read_snapshot, step, steps_code_version, train_scheme

if TYPE_CHECKING:
    from seqtag.registry import Entry, Registration

_CLAIMS = ("LOGNAME", "USER", "LNAME", "USERNAME")  # variables that are said to name the user
_LONGEST_CLAIM = 64  # characters


def register(run: RunDir, workspace: Workspace) -> Manifest:
    """Record the model as a registered version, the challenger.

    Reads model and decision; writes the registry and `registration/`. A second call makes no second
    version, unless the serving code has changed, and completes what the registry lost.

    Raises:
        RegistryError: the registry could not be reached.
    """
    decision, registry = read_json(run.decision), _registry(workspace)
    registration = registry.register(  # asked every time: what it holds may have been lost
        run.tagger,
        run_id=run.id,
        bundle=run.model,
        config=read_json(run.config),
        history=read_json(run.history),
        metrics=read_json(run.metrics),
        decision=decision,
        dataset=_dataset(run),
        tags={"seqtag.code": steps_code_version(), "seqtag.config": file_digest(run.config)},
    )
    return publish_registration(run, registration)


def publish_registration(run: RunDir, registration: Registration) -> Manifest:
    """Write where the model stands in the registry."""
    written = {
        "version": registration.version,
        "tracked_run_id": registration.tracked_run_id,
        "experiment_id": registration.experiment_id,
        "serving": registration.serving,
        "verdict": read_json(run.decision)["verdict"],
    }

    def write(folder: Path) -> None:
        write_json(folder / run.registration.name, written)

    return step(run.registration_dir, "register", written, write, own=True)


def infra_validate(run: RunDir, workspace: Workspace) -> Manifest:
    """Load the registered model as those do whom it serves, and see whether it works. Writes `infra/`.

    It fails closed: what it finds wrong keeps the model from being promoted.

    Raises:
        RegistryError: the registry could not be reached, or the registered files changed.
        MemoryExhaustedError: there was not memory enough.
        SubprocessFailedError: the process was killed, or met an error that is not known to be the model's.
    """
    from seqtag.registry import bundle_digest

    registration, golden = read_json(run.registration), run.predictions("challenger")
    version, scheme = registration["version"], train_scheme(run)

    def write(folder: Path) -> None:
        found = _registry(workspace).validate_infra(run.tagger, version, golden=golden, scheme=scheme)
        write_json(folder / run.infra.name, {**found, "version": version})

    inputs = {
        "bundle": bundle_digest(run.model),
        "registered": registration["tracked_run_id"],  # as which version: it would get a new one if lost
        "golden": require_manifest(run.evaluation).outputs[golden.name],
        "scheme": scheme,
    }
    return step(run.infra_dir, "infra_validate", inputs, write, own=True)


def promote(run: RunDir, workspace: Workspace, *, by: AuditContext) -> Manifest:
    """Let the registered version serve if the decision says so and nothing forbids it.

    Reads decision, registration and findings; writes the registry's ledger and aliases, and `promotion/`.
    A second call finds what the first one did, and completes what was cut off.

    Raises:
        RegistryError: the registry could not be reached, or the registered files changed.
        PromotionConflictError: another champion serves than the one that the model was judged against.
    """
    version = read_json(run.registration)["version"]
    entry = _registry(workspace).judge(run.tagger, version, registry_decision(run), by=by)
    return publish_promotion(run, entry)


def registry_decision(run: RunDir) -> RegistryDecision:
    """Return what is to become of the registered version: the decision, unless the model does not work."""
    from seqtag.registry import failures

    decision, findings = read_json(run.decision), read_json(run.infra)
    verdict, sentence = decision["verdict"], decision["sentence"]
    if verdict == "PROMOTE" and not findings["held"]:
        verdict = "HOLD"
        sentence = (
            f"HOLD: the decision was to promote, but version {findings['version']} does not work as it is "
            f"registered, so that nothing is promoted. {failures(findings)}."
        )
    elif verdict == "PROMOTE":
        verdict, sentence = _as_approved(ApprovalRecord.of(run), sentence)
    return RegistryDecision(
        verdict=verdict,
        sentence=sentence,
        against=decision["champion_version"],
        decision=file_digest(run.decision),
        dataset=require_manifest(run.splits).digest,
        report=str(run.report),
        evidence=decision["evidence"],
        spent=decision["level"],
    )


def _as_approved(approval: ApprovalRecord, sentence: str) -> tuple[str, str]:
    """Return the verdict and its sentence where the decision was to promote."""
    objection = approval.objection()
    if objection is not None:
        return "HOLD", f"HOLD: the decision was to promote, and {objection}. {_what_was_decided(sentence)}"
    if approval.required and approval.answer is not None:
        return "PROMOTE", f"{sentence} Approved by {approval.answer.signed}: {approval.answer.reason}"
    return "PROMOTE", sentence


def _said(approval: ApprovalRecord) -> str:
    return "" if approval.answer is None else f"{approval.answer.signed}: {approval.answer.reason}"


def _what_was_decided(sentence: str) -> str:
    found = sentence.removeprefix("PROMOTE: ")
    return f"{found[:1].upper()}{found[1:]}"


def publish_promotion(run: RunDir, entry: Entry) -> Manifest:
    """Write what the decision came to by an entry of the ledger."""
    from seqtag.registry import failures

    findings, meant = read_json(run.infra), registry_decision(run)
    held = meant.verdict == "PROMOTE" and entry.event == "HOLD"
    n_checks = len(findings["checks"])
    rules = [
        {
            "rule": "the registered model works",
            "held": findings["held"],
            "detail": failures(findings) or f"{n_checks} checks in a process of its own",
        }
    ]
    approval = ApprovalRecord.of(run)
    if approval.required and read_json(run.decision)["verdict"] == "PROMOTE":
        objection = approval.objection()
        rules.append(
            {
                "rule": "a person approved it",
                "held": objection is None,
                "detail": objection or _said(approval),
            }
        )
    if meant.verdict == "PROMOTE":
        detail = entry.sentence if held else "none is in force"
        rules.append({"rule": "no hold forbids it", "held": not held, "detail": detail})
    written = {
        "verdict": "HOLD" if held else meant.verdict,
        "sentence": entry.sentence if held else meant.sentence,
        "rules": rules,
    }

    def write(folder: Path) -> None:
        write_json(folder / run.promotion.name, written)

    inputs = {
        "decision": require_manifest(run.decision_dir).digest,
        "registration": require_manifest(run.registration_dir).digest,
        "infra": require_manifest(run.infra_dir).digest,
        "entry": str(entry.entry),
    }
    return step(run.promotion_dir, "promote", inputs, write, own=True)


def audit_context(through: str, at: datetime) -> AuditContext:
    """Return who we are, what we act through, and when, as the ledger notes it."""
    return AuditContext(f"{_user()}@{socket.gethostname()}", through, at)


def _user() -> str:
    """Return the name of the user whose process this is, and another one that the environment claims, if any.

    The name is that of the user id, which nobody else can choose, unlike LOGNAME.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        name = str(os.getuid())
    for variable in _CLAIMS:
        claimed = "".join(filter(str.isprintable, os.environ.get(variable, "")))[:_LONGEST_CLAIM]
        if claimed and claimed != name:
            return f"{name} ({variable} says {claimed})"
    return name


def _registry(workspace: Workspace) -> Registry:
    """Return the registry, whose code and packages thereby count as code of these steps."""
    registry: Registry = workspace.registry()
    return registry


def _dataset(run: RunDir) -> dict[str, Any]:
    profile = read_json(run.profile)
    return {
        "snapshot_id": read_snapshot(run).id,
        "digest": require_manifest(run.splits).digest,
        "counts": profile["splits"],
    }
