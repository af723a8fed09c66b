"""One Prefect task per verb of seqtag.steps: retries, time-outs and names, and nothing else.

Each hands its run directory on, so that the dashboard draws the chain.
"""

from tasks.corpus import ingest, open_run, poll_sources, split, validate
from tasks.evaluation import decide, evaluate, report
from tasks.features import encode, index
from tasks.monitoring import monitor
from tasks.promotion import infra_validate, promote, register
from tasks.training import anchor, baseline, train

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
