"""What the registry answers with, and the names that it writes into MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHAMPION = "champion"  # the version that serves
PREVIOUS = "previous"  # the one that served before
CHALLENGER = "challenger"  # the newest version, whatever became of it

RUN_ID_TAG = "seqtag.run_id"
BUNDLE_TAG = "seqtag.bundle"
VERDICT_TAG = "seqtag.verdict"
PROMOTED_OVER_TAG = "seqtag.promoted_over"


@dataclass(frozen=True)
class Champion:
    """A version that an alias points at, its bundle checked against the digest it was registered with."""

    version: str
    seqtag_run_id: str
    bundle: Path
    bundle_digest: str
    tags: tuple[str, ...]  # its tag set, in the order of its tag ids


@dataclass(frozen=True)
class Registration:
    """Where a run directory's model stands in the registry."""

    version: str
    tracked_run_id: str
    model_id: str
    experiment_id: str
    bundle_digest: str


@dataclass(frozen=True)
class Version:
    """One registered version as the registry has it: where it came from, and what became of it."""

    version: str
    seqtag_run_id: str
    tracked_run_id: str
    bundle_digest: str
    verdict: str  # PROMOTE, HOLD or REJECT
    sentence: str
    aliases: tuple[str, ...]
    promoted_over: str | None  # the champion it replaced; "" if there was none, None if never promoted
