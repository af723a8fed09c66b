"""Prefect tasks: one per step of `seqtag.pipeline`, with retries, time limits and names."""

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

__all__ = [
    "baseline",
    "decide",
    "encode",
    "evaluate",
    "index",
    "ingest",
    "monitor",
    "open_run",
    "poll_sources",
    "promote",
    "register",
    "report",
    "retrain_champion",
    "smoke_test",
    "split",
    "train",
    "validate",
]
