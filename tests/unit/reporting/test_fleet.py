"""Fleet page, table and artifact: states, links, ages, sparklines, escaping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from seqtag.reporting import (
    FleetStatus,
    RunSummary,
    ScoredRun,
    TaggerStatus,
    fleet_html,
    fleet_markdown,
    fleet_text,
)
from seqtag.reporting.fleet import age
from seqtag.reporting.scored_runs import sparkline
from tests.sample_records import UNKNOWN, sample_interval
from tests.unit.reporting.conftest import HOSTILE

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def scored(day: int, value: float) -> ScoredRun:
    score = sample_interval(value, value - 0.02, value + 0.01)
    summary = RunSummary("HOLD", "failed: the difference clears the margin", "accuracy", score, "3", 0.015)
    return ScoredRun(f"2026-01-{day:02}-a-b", summary)


STATUS = TaggerStatus(
    tagger="shop",
    run_id="2026-01-30-a-b",
    ran_at="2026-01-31T03:04:05+00:00",
    state="held",
    reason="failed: the difference clears the margin",
    report="shop/2026-01-30-a-b/report/report.html",
    links={
        "flow run": "http://127.0.0.1:4200/runs/flow-run/1",
        "registry": "http://127.0.0.1:5000/#/models/shop",
    },
    champion="2",
    since="2026-01-20T03:00:00+00:00",
    scored=[scored(28, 0.9), scored(29, 0.92), scored(30, 0.91)],
    drift="steady",
    next_run="2026-02-01T02:00:00+00:00",
    attention=[],
)


def fleet_of(*taggers: TaggerStatus, attention: Sequence[str] = (), is_scheduled: bool = True) -> FleetStatus:
    return FleetStatus(taggers, attention, is_scheduled)


def test_the_page_shows_state_reason_champion_score_and_link() -> None:
    page = fleet_html(fleet_of(STATUS), now=NOW)

    assert '<a href="runs/shop/2026-01-30-a-b/report/report.html">report</a>' in page
    assert '<a href="http://127.0.0.1:4200/runs/flow-run/1">flow run</a>' in page
    assert '<a href="http://127.0.0.1:5000/#/models/shop">registry</a>' in page
    assert '<span class="note time">2026-01-31 03:04</span>' in page
    assert 'data-label="next run">2026-02-01 02:00</td>' in page
    assert '<span class="state held">held</span>' in page
    assert "failed: the difference clears the margin" in page
    assert 'version 2 <br><span class="note time">for 11 days</span>' in page
    assert "91.0%" in page
    assert "89.0 to 92.0%" in page
    assert "1.5%" in page
    assert "Read at\n    2026-01-31 08:00 UTC;" in page


def test_each_outcome_has_its_colour() -> None:
    page = fleet_html(fleet_of(STATUS), now=NOW)
    states = ("promoted", "held", "rejected", "failed", "waiting", "running", "new")
    rules = [line for line in page.splitlines() if "--accent: var(" in line]
    colours = [line.split("--accent: ")[1].split(";")[0] for s in states for line in rules if f".{s}" in line]

    assert colours == [f"var(--{c})" for c in ("green", "orange", "red", "red", "blue", "soft", "soft")]


def test_names_and_sentences_are_escaped() -> None:
    hostile = replace(STATUS, tagger=HOSTILE, reason=HOSTILE, attention=[HOSTILE], drift=HOSTILE)

    assert "<script>" not in fleet_html(fleet_of(hostile, attention=[HOSTILE]), now=NOW)
    assert "<script>" not in fleet_markdown(fleet_of(hostile, attention=[HOSTILE]), pages=None, now=NOW)


def test_a_home_without_runs_says_how_to_start() -> None:
    assert "No tagger has a run yet" in fleet_html(fleet_of(), now=NOW)


def test_without_a_worker_the_page_says_why_no_next_run_is_known() -> None:
    unknown = replace(STATUS, next_run=None)

    page = fleet_html(fleet_of(unknown, is_scheduled=False), now=NOW)

    assert 'data-label="next run">none</td>' in page
    assert "so no next run is known" in page
    assert "so no next run is known" not in fleet_html(fleet_of(unknown), now=NOW)


def test_the_artifact_has_a_row_and_an_item_for_each_of_fifty_taggers() -> None:
    status = replace(STATUS, attention=["a model waits"])

    text = fleet_markdown(
        fleet_of(*[status] * 52, attention=["no worker"]), pages="http://127.0.0.1:4201", now=NOW
    )

    assert text.startswith("**Attention:** no worker\n\n| tagger | state | score |")
    cells = [
        "shop", "held", "91.0% (89.0 to 92.0%)", "version 2, 11 days", "2026-02-01 02:00", "2026-01-31 03:04",
        "1.5%", "steady",
    ]  # fmt: skip
    assert text.count(f"| {' | '.join(cells)} |\n") == 50
    item = (
        "- shop: **a model waits**; failed: the difference clears the margin; "
        "[flow run](<http://127.0.0.1:4200/runs/flow-run/1>); "
        "[registry](<http://127.0.0.1:5000/#/models/shop>)\n"
    )
    assert text.count(item) == 50
    assert "The fleet page has 2 further taggers." in text
    assert text.endswith("all times are UTC. [Fleet page](<http://127.0.0.1:4201>)\n")


def test_the_table_has_a_line_per_tagger_and_the_reasons_below() -> None:
    first = replace(
        STATUS, tagger="new", state="refused", reason="rejected: 3 of 9", champion=None, scored=[]
    )
    new = replace(first, drift=None, next_run=None, attention=["the newest run is refused"])

    shown = fleet_text(fleet_of(new, STATUS, attention=["no worker"]), now=NOW)

    lines = shown.splitlines()
    assert [" ".join(line.split()) for line in lines[:3]] == [
        "TAGGER LAST RUN (UTC) STATE CHAMPION SCORE QUARANTINED DRIFT NEXT RUN (UTC)",
        "new 2026-01-31 03:04 refused none",
        "shop 2026-01-31 03:04 held v2, 11 days 91.0% (89.0 to 92.0%) 1.5% steady 2026-02-01 02:00",
    ]
    assert lines[0].index("NEXT RUN") == lines[2].index("2026-02-01")
    assert lines[3:] == [
        "",
        "no worker",
        "new: rejected: 3 of 9",
        "new: the newest run is refused",
        "shop: failed: the difference clears the margin",
    ]


@pytest.mark.parametrize(
    ("since", "text"),
    [
        ("2026-01-31T07:30:00+00:00", "0 hours"),
        ("2026-01-30T07:00:00+00:00", "25 hours"),
        ("2026-01-29T08:00:00+00:00", "2 days"),
        ("2026-01-29T08:00:00", "2 days"),
        (None, "unknown"),
    ],
)
def test_ages_are_in_hours_and_then_in_days(since: str | None, text: str) -> None:
    assert age(since, NOW) == text


def test_a_sparkline_spans_the_intervals_from_left_to_right() -> None:
    line = sparkline(STATUS.scored)

    assert line is not None
    assert line.points == "4.0,17.2 66.0,8.4 128.0,12.8"
    assert line.band.split()[0] == "4.0,12.8"
    assert line.title == "accuracy of 3 runs, 2026-01-28 to 2026-01-30: 88.0% to 93.0% with intervals"


def test_scores_that_are_unknown_or_of_another_metric_are_left_out() -> None:
    other = ScoredRun("2026-01-27-a-b", replace(STATUS.scored[0].summary, metric="span_f1"))
    unknown = ScoredRun("2026-01-29-a-c", replace(STATUS.scored[0].summary, score=UNKNOWN))

    assert sparkline([other, STATUS.scored[0], unknown, *STATUS.scored[1:]]) == sparkline(STATUS.scored)
    assert sparkline(STATUS.scored[:1]) is None
