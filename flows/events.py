"""Names of seqtag's events, and functions that emit them."""

from __future__ import annotations

from typing import Any, Final

from prefect.events import Event, emit_event

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
