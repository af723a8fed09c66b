"""Fleet: the state of every tagger at a glance, as an HTML page and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal

from seqtag.config import Metric
from seqtag.evaluation import Interval
from seqtag.formatting import percent, percent_range, plural, printable, short_name
from seqtag.gate import GateVerdict
from seqtag.records import Record
from seqtag.reporting.templating import environment

RunState = Literal["promoted", "held", "rejected", "refused", "waiting", "unfinished"]
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
class TaggerStatus:
    """The state of a tagger.

    state, reason      of its newest run
    report             path of the newest report below `runs/`, None without one
    champion           version in service, None if there is none or the registry cannot be read
    since              time of its promotion, UTC, ISO 8601
    scored             finished runs, oldest first, the newest last
    drift              verdict of the newest monitoring, None if there was none
    attention          what wants a person, one sentence each
    """

    tagger: str
    run_id: str
    state: RunState
    reason: str
    report: str | None
    champion: str | None
    since: str | None
    scored: Sequence[ScoredRun]
    drift: str | None
    attention: Sequence[str]

    @property
    def last(self) -> RunSummary | None:
        """The newest finished run."""
        return self.scored[-1].summary if self.scored else None


def fleet_html(taggers: Sequence[TaggerStatus], *, now: datetime) -> str:
    """Return the page of all taggers; `now` is in UTC."""
    return str(
        environment()
        .get_template("fleet.html")
        .render(taggers=taggers, now=now, age=lambda since: age(since, now), sparkline=sparkline)
    )


def fleet_text(taggers: Iterable[TaggerStatus], *, now: datetime) -> str:
    """Return one line per tagger, and one for each thing that wants a person."""
    rows, notes = [("TAGGER", "LAST RUN", "STATE", "CHAMPION", "SCORE", "QUARANTINED", "DRIFT")], []
    for status in taggers:
        last = status.last
        champion = "none" if status.champion is None else f"v{status.champion}, {age(status.since, now)}"
        rows.append(
            (
                status.tagger,
                status.run_id[:10],
                status.state,
                champion,
                "" if last is None else f"{percent(last.score.value)} ({percent_range(last.score)})",
                "" if last is None else percent(last.quarantined),
                status.drift or "",
            )
        )
        reasons = [] if status.state == "promoted" else [status.reason]
        notes += [f"{status.tagger}: {text}" for text in (*reasons, *status.attention) if text]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(map(printable, [*lines, "", *notes])).rstrip()


def age(since: str | None, now: datetime) -> str:
    """Return the time since a moment in whole days, or hours below two days.

    >>> age("2026-01-01T02:00:00+00:00", datetime(2026, 1, 9, 3, tzinfo=UTC))
    '8 days'
    """
    if since is None:
        return "unknown"
    then = datetime.fromisoformat(since)
    hours = int((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds() // 3600)
    return plural(max(0, hours), "hour") if hours < 48 else plural(hours // 24, "day")


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
