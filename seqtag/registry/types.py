"""Value types of the registry, and the names of its aliases and tags in MLflow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from seqtag.gate import GateVerdict

CHAMPION = "champion"  # the version in use
PREVIOUS = "previous"  # the champion before it
CHALLENGER = "challenger"  # the newest version, whatever its verdict

RUN_ID_TAG = "seqtag.run_id"
BUNDLE_TAG = "seqtag.bundle"
SERVING_TAG = "seqtag.serving"  # sha256 of the code that serves the bundle
VERDICT_TAG = "seqtag.verdict"
PROMOTED_OVER_TAG = "seqtag.promoted_over"
CONFIG_TAG = "seqtag.config"
CODE_TAG = "seqtag.code"
ENTRY_TAG = "seqtag.entry"  # of the registered model: the ledger entry that its aliases match

EVERYTHING = "*"  # `blocks` of an entry that blocks every lineage


class Event(StrEnum):
    """Kinds of ledger entries."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    REJECT = "REJECT"
    ROLLBACK = "ROLLBACK"
    UNBLOCK = "UNBLOCK"
    RELEASE = "RELEASE"  # UNBLOCK in older ledgers
    ADOPT = "ADOPT"  # the registry had a champion before it had a ledger
    MOVE = "MOVE"  # somebody moved the champion's alias in MLflow


UNBLOCKS = (Event.UNBLOCK, Event.RELEASE)  # these end the blocks before them
MOVES = (Event.PROMOTE, Event.ROLLBACK, Event.ADOPT, Event.MOVE)  # these make `to_version` the champion


@dataclass(frozen=True)
class AuditContext:
    """Author, origin and time of a ledger entry."""

    who: str  # user@host
    through: str  # a command or a flow run
    at: datetime  # UTC


@dataclass(frozen=True)
class RegistryDecision:
    """Decision on a version, and its grounds."""

    verdict: GateVerdict
    sentence: str
    against: str | None  # the champion that it was compared with
    digest: str  # sha256 of decision.json
    dataset: str  # sha256 of the splits
    report: str  # path of the report, relative to the home folder
    evidence: str = ""  # sha256 of the two models' predictions on the test split; "": nothing was compared
    spent: float = 0.0  # probability of a false promotion that the comparison spent


@dataclass(frozen=True)
class RecordedComparison:
    """Comparison of a challenger with a champion in the ledger."""

    evidence: str
    spent: float


@dataclass(frozen=True)
class Entry:
    """One row of the ledger.

    from_version, from_bundle  the champion before; None and "" if there was none
    to_version, to_bundle      the version concerned; the champion from now on if the event is one of `MOVES`
    config, code, dataset      sha256 of the inputs of `to_version`; "" if unknown
    decision                   sha256 of decision.json; "" if nothing was decided
    report                     path relative to the home folder; older entries have absolute ones
    blocks                     the lineage that may not be promoted until an UNBLOCK
    evidence                   sha256 of the compared predictions; "" if nothing was compared
    spent                      probability of a false promotion that the comparison spent
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
    blocks: str | None = None
    evidence: str = ""
    spent: float = 0.0


@dataclass(frozen=True)
class Standing:
    """The newest entry of a tagger that set the champion, None without one, and its blocks in force."""

    champion: Entry | None
    blocks: Sequence[Entry]


@dataclass(frozen=True)
class Champion:
    """A registered version whose bundle matches its registered digest."""

    version: str
    seqtag_run_id: str
    bundle: Path
    bundle_digest: str
    tags: tuple[str, ...]  # tag set, in the order of tag ids
    tag_counts: Mapping[str, int] = field(default_factory=dict, compare=False)  # tokens in train
    serving: str = ""  # as `Registration.serving`; "" if unknown


@dataclass(frozen=True)
class Registration:
    """Registration of a run directory's model."""

    version: str
    tracked_run_id: str
    model_id: str
    experiment_id: str
    bundle_digest: str
    serving: str  # sha256 of serving code, requirements and signature


@dataclass(frozen=True)
class Version:
    """Origin and outcome of a registered version."""

    version: str
    seqtag_run_id: str
    tracked_run_id: str
    bundle_digest: str
    verdict: str  # by the ledger: PROMOTE, HOLD, REJECT, ROLLBACK or REPLACED; PENDING before its first entry
    sentence: str
    aliases: tuple[str, ...]
    promoted_over: str | None  # the champion it replaced; "" if there was none, None if never promoted


def lineage(tags: Mapping[str, str]) -> str:
    """Return the sha256 of a version's configuration and code, which versions of several runs may share.

    Args:
        tags: tags of the version.
    """
    parts = (tags.get(CONFIG_TAG, ""), tags.get(CODE_TAG, ""))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
