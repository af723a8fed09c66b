"""Tasks from the sources to accepted sequences in splits."""

from __future__ import annotations

from datetime import date
from typing import Literal

from seqtag import steps
from seqtag.config import TaggerConfig
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir, Snapshot
from tasks.artifacts import show_corpus
from tasks.base import HOUR, MINUTE, step


@step(name="ingest {config.name}", timeout_seconds=4 * HOUR)
def ingest(config: TaggerConfig, workspace: steps.Workspace) -> Snapshot:
    """Read the sources into one snapshot, unless the same bytes were read before."""
    return steps.ingest(config, workspace)


@step(name="look at sources {config.name}", timeout_seconds=HOUR)
def poll_sources(
    config: TaggerConfig, workspace: steps.Workspace
) -> Literal["changed", "unchanged", "unknown"]:
    """Tell whether the sources are others than those that were read or looked at before."""
    return steps.poll_sources(config, workspace)


@step(name="open run {config.name} {snapshot.id}", timeout_seconds=5 * MINUTE)
def open_run(config: TaggerConfig, snapshot: Snapshot, workspace: steps.Workspace, *, as_of: date) -> RunDir:
    """Find or begin the run directory, and pin the champion to be judged against."""
    return steps.open_run(config, snapshot, workspace, as_of=as_of)


@step(name="validate {run.tagger} {run.id}", timeout_seconds=HOUR)
def validate(run: RunDir) -> RunDir:
    """Judge the snapshot; refuse it, or quarantine what is broken."""
    try:
        steps.validate(run)
    except CorpusRejectedError:
        show_corpus(run)
        raise
    show_corpus(run)
    return run


@step(name="split {run.tagger} {run.id}", timeout_seconds=HOUR)
def split(run: RunDir) -> RunDir:
    """Deal the accepted sequences out to train, dev and test."""
    steps.split(run)
    return run
