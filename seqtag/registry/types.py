"""What the registry answers with, and the names that it writes into MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

CHAMPION = "champion"  # the version that serves
PREVIOUS = "previous"  # the one that served before
CHALLENGER = "challenger"  # the newest version, whatever became of it

RUN_ID_TAG = "seqtag.run_id"
BUNDLE_TAG = "seqtag.bundle"
SERVING_TAG = "seqtag.serving"  # sha256 of the code that serves the bundle
VERDICT_TAG = "seqtag.verdict"
PROMOTED_OVER_TAG = "seqtag.promoted_over"
CONFIG_TAG = "seqtag.config"
CODE_TAG = "seqtag.code"
ENTRY_TAG = "seqtag.entry"  # of the registered model: the entry that its aliases were last set to

EVERYTHING = "*"  # what an entry holds that keeps every lineage from serving


class Event(StrEnum):
    """What an entry of the ledger tells."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    REJECT = "REJECT"
    ROLLBACK = "ROLLBACK"
    RELEASE = "RELEASE"
    ADOPT = "ADOPT"  # the champion of a registry that had no ledger yet
    MOVE = "MOVE"  # somebody moved the champion's alias in MLflow, and we noticed


MOVES = (Event.PROMOTE, Event.ROLLBACK, Event.ADOPT, Event.MOVE)  # after these `to_version` serves


@dataclass(frozen=True)
class AuditContext:
    """Who acts, through what, and when."""

    who: str  # user@host
    through: str  # a command, or a flow run
    at: datetime  # UTC


@dataclass(frozen=True)
class RegistryDecision:
    """What is to become of a version, and on what grounds."""

    verdict: str  # PROMOTE, HOLD or REJECT
    sentence: str
    against: str | None  # the champion that it was judged against
    decision: str  # sha256 of decision.json
    dataset: str  # sha256 of the splits
    report: str  # where it can be read about
    evidence: str = (
        ""  # sha256 of what champion and challenger said on the test split; "": nothing was compared
    )
    spent: float = 0.0  # chance of a false promotion that the comparison took


@dataclass(frozen=True)
class RecordedComparison:
    """A comparison with new evidence, as the ledger has it."""

    evidence: str
    spent: float


@dataclass(frozen=True)
class Entry:
    """One row of the ledger.

    from_version, from_bundle: the champion before, None and "" if there was none
    to_version, to_bundle      the version that it is about, which serves from now on if the event says so
    config, code, dataset      sha256 of what `to_version` was made from, "" where that is not known
    decision                   sha256 of decision.json, "" where nothing was decided
    holds                      the lineage that may not be promoted until a RELEASE
    evidence                   sha256 of what was compared, "" where nothing was
    spent                      chance of a false promotion that the comparison took, a fraction
    """

    tagger: str
    entry: int
    at: str  # UTC, ISO 8601
    who: str
    through: str
    event: str
    from_version: str | None
    to_version: str | None
    from_bundle: str = ""
    to_bundle: str = ""
    config: str = ""
    code: str = ""
    dataset: str = ""
    decision: str = ""
    sentence: str = ""
    report: str = ""
    holds: str | None = None
    evidence: str = ""
    spent: float = 0.0


@dataclass(frozen=True)
class Champion:
    """A version that an alias points at, its bundle checked against the digest it was registered with."""

    version: str
    seqtag_run_id: str
    bundle: Path
    bundle_digest: str
    tags: tuple[str, ...]  # its tag set, in the order of its tag ids
    tag_counts: Mapping[str, int] = field(default_factory=dict, compare=False)  # tokens of its train
    serving: str = ""  # sha256 of its serving code, as `Registration.serving`; "": not known


@dataclass(frozen=True)
class Registration:
    """Where a run directory's model stands in the registry."""

    version: str
    tracked_run_id: str
    model_id: str
    experiment_id: str
    bundle_digest: str
    serving: str  # sha256 of what was written beside the bundle: serving code, requirements, signature


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


def lineage(tags: Mapping[str, str]) -> str:
    """Return what a version has in common with those of other nights: the sha256 of configuration and code.

    Args:
        tags: of the version.
    """
    parts = (tags.get(CONFIG_TAG, ""), tags.get(CODE_TAG, ""))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
