"""Prefect tasks: one per step of `seqtag.pipeline`, with retries, time limits and names."""

from tasks.monitoring import monitor, poll_sources
from tasks.retraining import (
    anchor,
    baseline,
    decide,
    encode,
    evaluate,
    index,
    infra_validate,
    ingest,
    open_run,
    promote,
    register,
    report,
    split,
    train,
    validate,
)

__all__ = [
    "anchor",
    "baseline",
    "decide",
    "encode",
    "evaluate",
    "index",
    "infra_validate",
    "ingest",
    "monitor",
    "open_run",
    "poll_sources",
    "promote",
    "register",
    "report",
    "split",
    "train",
    "validate",
]
