"""Finished runs as the fleet shows them: their summaries, and a sparkline of their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from seqtag.config import Metric
from seqtag.evaluation import Interval
from seqtag.formatting import percent, short_name
from seqtag.gate import GateVerdict
from seqtag.records import Record

RunState = Literal[
    "promoted", "held", "rejected", "refused", "waiting", "unfinished", "failed", "running", "new"
]
STATES: Mapping[GateVerdict, RunState] = {"PROMOTE": "promoted", "HOLD": "held", "REJECT": "rejected"}
_WIDTH, _HEIGHT, _MARGIN = 132.0, 30.0, 4.0  # of a sparkline, in CSS pixels


@dataclass(frozen=True)
class RunSummary(Record):
    """summary.json: what an overview shows of a finished run."""

    FORMAT: ClassVar[str] = "run_summary/1"

    verdict: GateVerdict
    reason: str  # the sentence of the decision
    metric: Metric
    score: Interval  # of the run's model on test
    version: str  # in the registry
    quarantined: float  # share of the sequences

    @property
    def state(self) -> RunState:
        """The state of the run, from its verdict."""
        return STATES[self.verdict]


@dataclass(frozen=True)
class ScoredRun:
    """A finished run, in the order of time."""

    run_id: str
    summary: RunSummary


@dataclass(frozen=True)
class Sparkline:
    """Points of a small plot, in CSS pixels: scores, and the outline of their intervals."""

    width: float
    height: float
    points: str
    band: str
    title: str


def sparkline(scored: Sequence[ScoredRun]) -> Sparkline | None:
    """Return the plot of the scores with a metric in common with the newest, None with fewer than two."""
    runs = [run for run in scored if run.summary.metric == scored[-1].summary.metric]
    known = [(run, s) for run in runs if (s := run.summary.score).value is not None]
    if len(known) < 2:
        return None
    values = [number for _, s in known for number in (s.value, s.low, s.high) if number is not None]
    low, span = min(values), max(max(values) - min(values), 1e-9)
    step = (_WIDTH - 2 * _MARGIN) / (len(known) - 1)

    def point(i: int, value: float | None) -> str:
        share = ((low if value is None else value) - low) / span
        return f"{_MARGIN + i * step:.1f},{_HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN):.1f}"

    upper = [point(i, s.high if s.high is not None else s.value) for i, (_, s) in enumerate(known)]
    lower = [point(i, s.low if s.low is not None else s.value) for i, (_, s) in enumerate(known)]
    first, last = known[0][0], known[-1][0]
    return Sparkline(
        width=_WIDTH,
        height=_HEIGHT,
        points=" ".join(point(i, s.value) for i, (_, s) in enumerate(known)),
        band=" ".join([*upper, *reversed(lower)]),
        title=(
            f"{short_name(last.summary.metric)} of {len(known)} runs, {first.run_id[:10]} to "
            f"{last.run_id[:10]}: {percent(low)} to {percent(max(values))} with intervals"
        ),
    )
