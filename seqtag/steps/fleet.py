"""Status of all taggers of a home, from their run directories and the ledger."""

from __future__ import annotations

from pathlib import Path

from seqtag.artifacts import readable_manifest
from seqtag.corpus import Profile
from seqtag.errors import RegistryError, RunDirError
from seqtag.monitoring import DriftReport
from seqtag.registry import Entry, Registry
from seqtag.reporting import STATES, RunState, RunSummary, ScoredRun, TaggerStatus
from seqtag.run_dir import Home, MonitorReport, RunDir, opened_runs
from seqtag.steps.approval import ApprovalRecord
from seqtag.steps.context import Workspace
from seqtag.steps.promote import PromotionOutcome

SHOWN_RUNS = 30


def fleet(workspace: Workspace) -> list[TaggerStatus]:
    """Return the status of every tagger with runs: those that need attention first, then by name.

    Reads the summaries of the last 30 runs of each tagger and the ledger; writes nothing.
    """
    home, registry = workspace.home, workspace.registry()
    found = [status for tagger in home.taggers() if (status := _status(tagger, home, registry))]
    return sorted(found, key=lambda status: (not status.attention, status.tagger))


def _status(tagger: str, home: Home, registry: Registry) -> TaggerStatus | None:
    runs = opened_runs(home.runs(tagger))[:SHOWN_RUNS][::-1]
    if not runs:
        return None
    scored = [ScoredRun(run.id, summary) for run in runs if (summary := _summary(run))]
    newest = runs[-1]
    state, reason = _state(newest)
    moved, holds, attention = _ledger(tagger, registry)
    drift = _drift(home.monitoring(tagger))
    if state == "waiting":
        attention.append("a model waits for approval")
    if state in ("refused", "unfinished"):
        attention.append(f"the newest run is {state}")
    if holds:
        attention.append(f"promotions are held since {holds[-1].at[:10]}: seqtag release-hold {tagger}")
    if drift in ("retrain", "stop"):
        attention.append(f"monitoring says {drift}")
    reports = [run for run in runs if run.report.exists()]
    return TaggerStatus(
        tagger=tagger,
        run_id=newest.id,
        state=state,
        reason=reason,
        report=str(reports[-1].report.relative_to(home.runs(tagger).parent)) if reports else None,
        champion=None if moved is None else moved.to_version,
        since=None if moved is None else moved.at,
        scored=scored,
        drift=drift,
        attention=attention,
    )


def _summary(run: RunDir) -> RunSummary | None:
    """Return the summary of a finished run, None without one or if another version wrote it."""
    try:
        return RunSummary.load(run.summary) if readable_manifest(run.output("report")) else None
    except RunDirError:
        return None


def _state(run: RunDir) -> tuple[RunState, str]:
    """Return the state of a run and the reason for it."""
    summary = _summary(run)
    if summary is not None:
        return summary.state, summary.reason
    try:
        if run.profile.exists() and not (profile := Profile.load(run.profile)).accepted:
            return "refused", profile.sentence
        if readable_manifest(run.output("report")):  # of an earlier version, without a summary
            return STATES[PromotionOutcome.load(run.promotion).verdict], ""
        if run.decision.exists() and ApprovalRecord.of(run).question is not None:
            return "waiting", ""
    except RunDirError as error:
        return "unfinished", str(error)
    return "unfinished", ""


def _ledger(tagger: str, registry: Registry) -> tuple[Entry | None, list[Entry], list[str]]:
    """Return the entry that made the champion, the holds in force, and the error of the registry if any."""
    try:
        return (*registry.standing(tagger), [])
    except RegistryError as error:
        return None, [], [f"the registry cannot be read: {error}"]


def _drift(folder: Path) -> str | None:
    """Return the verdict of the newest monitoring, None if there was none or it cannot be read."""
    reports = sorted(folder.glob("????-??-??-*/drift.json"), key=lambda path: path.stat().st_mtime_ns)
    try:
        return DriftReport.load(MonitorReport(reports[-1].parent).drift).verdict if reports else None
    except RunDirError:
        return None
