"""Fleet: the state of every tagger at a glance, as an HTML page, as text and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seqtag.formatting import percent, plural, printable, with_range
from seqtag.reporting.markdown import inline, link, table
from seqtag.reporting.scored_runs import RunState, RunSummary, ScoredRun, sparkline
from seqtag.reporting.templating import environment

_MOST_ROWS = 50  # of the artifact, which each flow run replaces


@dataclass(frozen=True)
class TaggerStatus:
    """The state of a tagger; times are UTC, ISO 8601.

    run_id, ran_at     the newest run, and when it was opened last; None without one
    state, reason      of that run, or of a newer flow run that failed or is running
    report             path of the newest report below `runs/`, None without one
    links              `report`, `flow run` and `registry` -> address, as far as it is known
    champion           version in service, None if there is none or the ledger cannot be read
    since              time of its promotion
    scored             finished runs, oldest first, the newest last
    drift              verdict of the newest monitoring, None if there was none
    next_run           time at which the next retraining is due, None if none is scheduled
    attention          what wants a person, one sentence each
    """

    tagger: str
    run_id: str | None
    ran_at: str | None
    state: RunState
    reason: str
    report: str | None
    links: Mapping[str, str]
    champion: str | None
    since: str | None
    scored: Sequence[ScoredRun]
    drift: str | None
    next_run: str | None
    attention: Sequence[str]

    @property
    def last(self) -> RunSummary | None:
        """The newest finished run."""
        return self.scored[-1].summary if self.scored else None


@dataclass(frozen=True)
class FleetStatus:
    """The state of all taggers.

    attention      what wants a person and concerns all taggers, one sentence each
    is_scheduled   whether a worker has ever reported the next runs
    """

    taggers: Sequence[TaggerStatus]
    attention: Sequence[str]
    is_scheduled: bool


def fleet_html(fleet: FleetStatus, *, now: datetime) -> str:
    """Return the page of all taggers; `now` is in UTC."""
    return str(
        environment()
        .get_template("fleet.html")
        .render(fleet=fleet, now=now, age=lambda since: age(since, now), minute=_minute, sparkline=sparkline)
    )


def fleet_text(fleet: FleetStatus, *, now: datetime) -> str:
    """Return one line per tagger, and one for each thing that wants a person."""
    header = ("TAGGER", "LAST RUN (UTC)", "STATE", "CHAMPION", "SCORE", "QUARANTINED", "DRIFT")
    rows, notes = [(*header, "NEXT RUN (UTC)")], list(fleet.attention)
    for status in fleet.taggers:
        last = status.last
        rows.append(
            (
                status.tagger,
                _minute(status.ran_at),
                status.state,
                "none" if status.champion is None else f"v{status.champion}, {age(status.since, now)}",
                "" if last is None else with_range(last.score),
                "" if last is None else percent(last.quarantined),
                status.drift or "",
                _minute(status.next_run),
            )
        )
        reasons = [] if status.state == "promoted" else [status.reason]
        notes += [f"{status.tagger}: {text}" for text in (*reasons, *status.attention) if text]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(map(printable, [*lines, "", *notes])).rstrip()


def fleet_markdown(fleet: FleetStatus, *, pages: str | None, now: datetime) -> str:
    """Return the first taggers, those that need attention before the others, as GitHub-flavoured Markdown.

    Args:
        pages: the address of the report server, whose root has all taggers; None if it does not run.
        now: UTC.
    """
    shown, more = fleet.taggers[:_MOST_ROWS], len(fleet.taggers) - _MOST_ROWS
    header = ["tagger", "state", "score", "champion", "next run", "last run", "quarantined", "drift"]
    page = "" if pages is None else f" {link('Fleet page', pages)}"
    parts = [
        *(f"**Attention:** {inline(sentence)}" for sentence in fleet.attention),
        table(header, [_cells(status, now) for status in shown]),
        "\n".join(_item(status) for status in shown),
        f"The fleet page has {plural(more, 'further tagger')}." if more > 0 else "",
        f"Read at {now:%Y-%m-%d %H:%M} UTC; all times are UTC.{page}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cells(status: TaggerStatus, now: datetime) -> list[str]:
    last = status.last
    return [
        status.tagger,
        status.state,
        "" if last is None else with_range(last.score),
        "none" if status.champion is None else f"version {status.champion}, {age(status.since, now)}",
        _minute(status.next_run),
        _minute(status.ran_at),
        "" if last is None else percent(last.quarantined),
        status.drift or "",
    ]


def _item(status: TaggerStatus) -> str:
    """Return what wants a person, the reason for the state and the links; both dashboards wrap no cell."""
    attention = [f"**{inline(sentence)}**" for sentence in status.attention]
    texts = [*attention, *([inline(status.reason.removesuffix("."))] if status.reason else [])]
    texts += [link(label, target) for label, target in status.links.items()]
    return f"- {inline(status.tagger)}: {'; '.join(texts)}"


def _minute(at: str | None) -> str:
    """Return a time in UTC to the minute, "" for None."""
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M}"


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
