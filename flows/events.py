"""Events that flows emit: changed corpora, drift, and notices to people, each sent once."""

from __future__ import annotations

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from prefect import runtime
from prefect.events import Event, emit_event

from flows.run_context import flow_run_url
from seqtag import steps
from seqtag.run_dir import MonitorReport, RunDir
from tasks.artifacts import report_server_url

CORPUS_CHANGED: Final = "seqtag.corpus.changed"
DRIFT_FOUND: Final = "seqtag.drift.found"
DRIFT_STOP: Final = "Stop"  # the failed state of a flow run that found too much drift to trust the tags
NOTICE: Final = "seqtag.notice"  # its payload is a notification: `subject` and `body`


def resource(tagger: str) -> str:
    """Return the `prefect.resource.id` of events about a tagger."""
    return f"seqtag.tagger.{tagger}"


def corpus_changed(tagger: str, **payload: Any) -> Event | None:
    """Emit the event that a tagger's corpus has changed, which starts a retraining."""
    return emit_event(CORPUS_CHANGED, resource={"prefect.resource.id": resource(tagger)}, payload=payload)


def drift_found(tagger: str, **payload: Any) -> Event | None:
    """Emit the event that a tagger's input has drifted, which starts a retraining."""
    return emit_event(DRIFT_FOUND, resource={"prefect.resource.id": resource(tagger)}, payload=payload)


def notify_outcome(run: RunDir) -> None:
    """Notify people of the outcome of a retraining."""
    subject, body = steps.outcome_notice(run, pages=report_server_url())
    _notify(run.tagger, subject, body, key=f"{run.path} {body}")


def notify_approval(run: RunDir, question: steps.ApprovalRequest) -> None:
    """Notify people of a model that is waiting for approval."""
    subject, body = steps.approval_notice(run, question)
    _notify(run.tagger, subject, body, key=f"{run.path} {question}")


def notify_drift(report: MonitorReport) -> None:
    """Notify people of drift."""
    subject, body = steps.drift_notice(report)
    _notify(report.tagger, subject, body, key=f"{report.path} {body}")


def _notify(tagger: str, subject: str, body: str, *, key: str) -> Event | None:
    """Emit a notice; the server drops a second one with the same key, for example of a restarted run."""
    flow_run = runtime.flow_run.id
    url = flow_run_url(flow_run) if flow_run else None
    where = "" if url is None else f"\nDashboard: {url}"
    return emit_event(
        NOTICE,
        resource={"prefect.resource.id": resource(tagger)},
        payload={"subject": subject, "body": body + where},
        id=uuid5(NAMESPACE_URL, key),
    )
