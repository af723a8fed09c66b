"""Status of a version by the ledger: promoted, held, replaced or rolled back, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seqtag.registry.types import MOVES, UNBLOCKS, Entry, Event

PENDING = "PENDING"  # the gate decided to promote, and the ledger has no entry yet
REPLACED = "REPLACED"


class VersionStatus(NamedTuple):
    """Verdict for MLflow's tag, and what happened last, to follow "version 2 was"."""

    verdict: str
    text: str
    entry: Entry

    @property
    def description(self) -> str:
        """The text for MLflow's description of the version: the decision's sentence while it is in force."""
        if self.verdict == self.entry.event != Event.ROLLBACK:
            return self.entry.sentence
        return f"{self.text[:1].upper()}{self.text[1:]}."


def version_status(entries: Sequence[Entry], version: str) -> VersionStatus | None:
    """Return the status of a version, None if the ledger does not know it.

    Args:
        entries: of its tagger, oldest first.
    """
    for entry in reversed(entries):
        if entry.event in UNBLOCKS:
            continue
        day = f"on {entry.at[:16].replace('T', ' ')} UTC"
        if entry.to_version == version:
            return _reached(entry, day)
        if entry.from_version == version and entry.event in MOVES:
            return _left(entry, day)
    return None


def _reached(entry: Entry, day: str) -> VersionStatus:
    match entry.event:
        case Event.HOLD:
            return VersionStatus(Event.HOLD, f"held {day}", entry)
        case Event.REJECT:
            return VersionStatus(Event.REJECT, f"rejected {day}", entry)
        case Event.ROLLBACK:
            text = f"promoted again {day}: {entry.who} rolled version {entry.from_version} back to it"
            return VersionStatus(Event.PROMOTE, f"{text} ({entry.sentence})", entry)
        case Event.PROMOTE:
            return VersionStatus(Event.PROMOTE, f"promoted {day}", entry)
    return VersionStatus(Event.PROMOTE, f"found as the champion {day}", entry)


def _left(entry: Entry, day: str) -> VersionStatus:
    successor = f"version {entry.to_version}" if entry.to_version else "no version"
    if entry.event == Event.ROLLBACK:
        text = f"rolled back to {successor} {day} by {entry.who} ({entry.sentence})"
        return VersionStatus(Event.ROLLBACK, text, entry)
    return VersionStatus(REPLACED, f"replaced by {successor} {day}", entry)
