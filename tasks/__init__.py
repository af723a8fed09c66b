"""Prefect tasks: one per step of a retraining, of monitoring and of tagging, with retries and time limits."""

from tasks.monitoring import monitor, poll_sources
from tasks.retraining import (
    baseline,
    decide,
    encode,
    evaluate,
    index,
    ingest,
    open_run,
    promote,
    register,
    report,
    retrain_champion,
    smoke_test,
    split,
    train,
    validate,
)
from tasks.tagging import finish_tagging, ingest_untagged, open_tagging, tag_parts

__all__ = [
    "baseline",
    "decide",
    "encode",
    "evaluate",
    "finish_tagging",
    "index",
    "ingest",
    "ingest_untagged",
    "monitor",
    "open_run",
    "open_tagging",
    "poll_sources",
    "promote",
    "register",
    "report",
    "retrain_champion",
    "smoke_test",
    "split",
    "tag_parts",
    "train",
    "validate",
]
