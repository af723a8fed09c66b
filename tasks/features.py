"""Tasks from accepted sequences to padded ids."""

from __future__ import annotations

from seqtag import steps
from seqtag.run_dir import RunDir
from tasks.base import HOUR, step


@step(name="index {run.tagger} {run.id}", timeout_seconds=HOUR)
def index(run: RunDir) -> RunDir:
    """Number words, characters and tags of train."""
    steps.index(run)
    return run


@step(name="encode {run.tagger} {run.id}", timeout_seconds=HOUR)
def encode(run: RunDir) -> RunDir:
    """Write padded ids as Parquet, by length."""
    steps.encode(run)
    return run
