"""Status of all taggers of a home, from their run directories, the ledger and the records of flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seqtag.artifacts import readable_manifest
from seqtag.corpus import Profile
from seqtag.errors import RegistryError, RunDirError
from seqtag.monitoring import DriftReport
from seqtag.registry import Standing
from seqtag.reporting import (
    STATES,
    FleetStatus,
    RunState,
    RunSummary,
    ScoredRun,
    TaggerStatus,
    fleet_markdown,
)
from seqtag.run_dir import Home, MonitorReport, RunDir, opened_runs
from seqtag.steps.approval import ApprovalRecord
from seqtag.steps.context import Workspace
from seqtag.steps.flow_records import LastFlowRun, WorkerReport
from seqtag.steps.promote import PromotionOutcome

SHOWN_RUNS = 30
_SILENT = timedelta(minutes=5)  # a worker reports every minute
_LATE = timedelta(minutes=10)  # a due run starts within a minute if a worker is free
_LONG = timedelta(hours=12)  # the time limit of a training


def fleet(workspace: Workspace, *, now: datetime) -> FleetStatus:
    """Return the status of every tagger, those that need attention first, then by name.

    These are the taggers with runs and those that a worker retrains. Reads the summaries of the last 30 runs
    of each tagger, the ledger, and what flows and the worker recorded; writes nothing.

    Args:
        now: UTC.
    """
    home, attention = workspace.home, []
    report = WorkerReport.load_or_none(home.worker_report)
    if report is not None and now - _moment(report.at) > _SILENT:
        attention.append(
            f"no worker has reported since {_minute(report.at)}: no scheduled run starts; start it with "
            "make up"
        )
    standings: Mapping[str, Standing] = {}
    try:
        standings = workspace.registry().standings()
    except RegistryError as error:
        attention.append(f"the champions are unknown: {error}")
    names = sorted({*home.taggers(), *(report.next_runs if report else ())})
    facts = _Facts(home, report, now)
    statuses = [_status(tagger, standings.get(tagger, Standing(None, [])), facts) for tagger in names]
    return FleetStatus(
        taggers=sorted(statuses, key=lambda status: not status.attention),
        attention=attention,
        is_scheduled=report is not None,
    )


def fleet_card(workspace: Workspace, *, pages: str | None, now: datetime) -> str:
    """Return the status of the taggers as Markdown.

    Args:
        pages: the address of `flows.services.report_server`, None if it does not run.
        now: UTC.
    """
    return fleet_markdown(fleet(workspace, now=now), pages=pages, now=now)


@dataclass(frozen=True)
class _Facts:
    home: Home
    report: WorkerReport | None
    now: datetime


def _status(tagger: str, standing: Standing, facts: _Facts) -> TaggerStatus:
    home = facts.home
    runs = opened_runs(home.runs(tagger))[:SHOWN_RUNS][::-1]
    newest = runs[-1] if runs else None
    flow_run = LastFlowRun.load_or_none(home.last_flow_run(tagger))
    state, reason = _state(newest, flow_run)
    drift = _drift(home.monitoring(tagger))
    next_run = None if facts.report is None else facts.report.next_runs.get(tagger)
    reports = [run for run in runs if run.report.exists()]
    champion = standing.champion
    return TaggerStatus(
        tagger=tagger,
        run_id=None if newest is None else newest.id,
        ran_at=_ran_at(newest, flow_run),
        state=state,
        reason=reason,
        report=str(reports[-1].report.relative_to(home.runs(tagger).parent)) if reports else None,
        links=_links(tagger, reports, flow_run, standing, facts),
        champion=None if champion is None else champion.to_version,
        since=None if champion is None else champion.at,
        scored=[ScoredRun(run.id, summary) for run in runs if (summary := _summary(run))],
        drift=drift,
        next_run=next_run,
        attention=[
            *_about_run(state, flow_run, facts.now),
            *_about_blocks(tagger, standing),
            *([f"monitoring says {drift}"] if drift in ("retrain", "stop") else []),
            *_about_next_run(next_run, facts),
        ],
    )


def _state(newest: RunDir | None, flow_run: LastFlowRun | None) -> tuple[RunState, str]:
    """Return the state of the newest run or, while it runs or if it failed, of the newest flow run."""
    state: RunState = "new"
    reason = ""
    if newest is not None:
        state, reason = _state_of_run(newest)
    if flow_run is None:
        return state, reason
    if flow_run.ended is None:
        return "running", f"since {_minute(flow_run.started)}"
    opened = 0.0 if newest is None else newest.config.stat().st_mtime
    is_refused = state == "refused" and opened > _moment(flow_run.started).timestamp()
    is_newer = opened > _moment(flow_run.ended).timestamp()  # a run without a flow
    if flow_run.failure and not is_refused and not is_newer:
        return "failed", flow_run.failure
    return state, reason


def _state_of_run(run: RunDir) -> tuple[RunState, str]:
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


def _ran_at(newest: RunDir | None, flow_run: LastFlowRun | None) -> str | None:
    """Return when the newest run was last opened, or when the newest flow run started, if that is later."""
    moments = [] if newest is None else [datetime.fromtimestamp(newest.config.stat().st_mtime, UTC)]
    moments += [] if flow_run is None else [_moment(flow_run.started)]
    return max(moments).isoformat(timespec="seconds") if moments else None


def _summary(run: RunDir) -> RunSummary | None:
    """Return the summary of a finished run, None without one or if another version wrote it."""
    try:
        return RunSummary.load(run.summary)
    except RunDirError:
        return None


def _drift(folder: Path) -> str | None:
    """Return the verdict of the newest monitoring, None if there was none or it cannot be read."""
    reports = sorted(folder.glob("????-??-??-*/drift.json"), key=lambda path: path.stat().st_mtime_ns)
    try:
        return DriftReport.load(MonitorReport(reports[-1].parent).drift).verdict if reports else None
    except RunDirError:
        return None


def _links(
    tagger: str, reports: list[RunDir], flow_run: LastFlowRun | None, standing: Standing, facts: _Facts
) -> dict[str, str]:
    """Return the addresses of the newest report, flow run and champion, as far as they are known."""
    found, report = {}, facts.report
    if report is not None and report.pages is not None and reports:
        path = reports[-1].report.relative_to(facts.home.runs(tagger).parent)
        found["report"] = f"{report.pages}/runs/{path}"
    if flow_run is not None and flow_run.url is not None:
        found["flow run"] = flow_run.url
    if report is not None and report.registry is not None and standing.champion is not None:
        found["registry"] = f"{report.registry}/#/models/{tagger}/versions/{standing.champion.to_version}"
    return found


def _about_run(state: RunState, flow_run: LastFlowRun | None, now: datetime) -> list[str]:
    if state == "waiting":
        return ["a model waits for approval"]
    if state in ("refused", "unfinished", "failed"):
        return [f"the newest run {'has failed' if state == 'failed' else f'is {state}'}"]
    is_long = flow_run is not None and now - _moment(flow_run.started) > _LONG
    return ["the newest run has taken more than 12 hours"] if state == "running" and is_long else []


def _about_blocks(tagger: str, standing: Standing) -> list[str]:
    if not standing.blocks:
        return []
    return [f"models have been blocked since {standing.blocks[-1].at[:10]}: seqtag unblock {tagger}"]


def _about_next_run(next_run: str | None, facts: _Facts) -> list[str]:
    """Report a due run that has not started although a worker runs."""
    is_late = next_run is not None and facts.now - _moment(next_run) > _LATE
    if next_run is None or not is_late or facts.report is None:
        return []
    if facts.now - _moment(facts.report.at) > _SILENT:
        return []  # the reason is that of all taggers
    return [f"the run due at {_minute(next_run)} has not started"]


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(UTC)


def _minute(at: str) -> str:
    return f"{_moment(at):%Y-%m-%d %H:%M} UTC"
