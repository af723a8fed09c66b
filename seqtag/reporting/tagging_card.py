"""Tagging card: the summary of a bulk tagging and its drift as Markdown for the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from seqtag.formatting import count, percent
from seqtag.records import Record
from seqtag.reporting.drift_card import drift_markdown
from seqtag.reporting.markdown import inline, link, table

if TYPE_CHECKING:
    from seqtag.monitoring import DriftReport

_MOST_TAGS = 30


@dataclass(frozen=True)
class TaggingSummary(Record):
    """summary.json: what was tagged, and by which version."""

    FORMAT: ClassVar[str] = "tagging/1"

    tagger: str
    as_of: str  # ISO date
    version: str
    run_id: str  # of the run that trained the version
    snapshot_id: str
    n_sequences: int  # tagged
    n_tokens: int
    n_quarantined: int  # sequences
    by_rule: Mapping[str, int]  # sequences that break each rule
    unknown: float  # share of tokens that are not in the vocabulary
    confidence: float  # mean probability of the predicted tags
    tags: Mapping[str, int]  # tokens of each predicted tag
    drift: str  # verdict and sentence, or why there are none


def tagging_markdown(summary: TaggingSummary, drift: DriftReport | None, *, folder: Path) -> str:
    """Return sizes, quarantine and most frequent tags, then the drift card.

    Args:
        folder: folder of the output.
    """
    sizes = [
        ("sequences tagged", count(summary.n_sequences)),
        ("tokens tagged", count(summary.n_tokens)),
        ("sequences in quarantine", _quarantined(summary)),
        ("tokens that are not in the vocabulary", percent(summary.unknown)),
        ("mean probability of the predicted tags", percent(summary.confidence)),
    ]
    by_count = sorted(summary.tags.items(), key=lambda each: (-each[1], each[0]))[:_MOST_TAGS]
    shares = [(tag, count(n), percent(n / summary.n_tokens)) for tag, n in by_count]
    more = len(summary.tags) - len(by_count)
    parts = [
        f"# Tagged by version {inline(summary.version)} on {inline(summary.as_of)}",
        link("Output", str(folder)),
        table(("", "all sources"), sizes),
        table(("predicted tag", "tokens", "share"), shares) if shares else "",
        f"and {count(more)} more tags" if more else "",
        f"Drift is {inline(summary.drift)}" if drift is None else drift_markdown(drift),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _quarantined(summary: TaggingSummary) -> str:
    rules = ", ".join(f"{name} {count(n)}" for name, n in summary.by_rule.items() if n)
    return f"{count(summary.n_quarantined)} ({rules})" if rules else "0"
