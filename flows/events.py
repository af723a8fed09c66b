"""The events that seqtag listens to, and how to emit them from anywhere."""

from __future__ import annotations

from typing import Any, Final

from prefect.events import Event, emit_event

CORPUS_CHANGED: Final = "seqtag.corpus.changed"
DRIFT_FOUND: Final = "seqtag.drift.found"
DRIFT_STOP: Final = "Stop"  # the failed state of a flow run that found drift which makes tags worthless
NOTICE: Final = "seqtag.notice"  # what people are told: `subject` and `body`


def resource(tagger: str) -> str:
    """Return the id that events about a tagger carry as `prefect.resource.id`."""
    return f"seqtag.tagger.{tagger}"


def corpus_changed(tagger: str, **payload: Any) -> Event | None:
    """Say that there is a new corpus for a tagger: a retraining of it begins."""
    return emit_event(CORPUS_CHANGED, resource={"prefect.resource.id": resource(tagger)}, payload=payload)


def drift_found(tagger: str, **payload: Any) -> Event | None:
    """Say that what a tagger reads has moved away from what it learnt: a retraining of it begins."""
    return emit_event(DRIFT_FOUND, resource={"prefect.resource.id": resource(tagger)}, payload=payload)
