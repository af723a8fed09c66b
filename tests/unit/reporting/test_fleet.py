"""Fleet page and table: states, ages, sparklines, escaping."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from seqtag.reporting import RunSummary, ScoredRun, TaggerStatus, fleet_html, fleet_text
from seqtag.reporting.fleet import age, sparkline
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
    state="held",
    reason="failed: the difference clears the margin",
    report="shop/2026-01-30-a-b/report/report.html",
    champion="2",
    since="2026-01-20T03:00:00+00:00",
    scored=[scored(28, 0.9), scored(29, 0.92), scored(30, 0.91)],
    drift="steady",
    attention=[],
)


def test_the_page_shows_state_reason_champion_score_and_link() -> None:
    page = fleet_html([STATUS], now=NOW)

    assert '<a href="runs/shop/2026-01-30-a-b/report/report.html">shop</a>' in page
    assert '<span class="state held">held</span>' in page
    assert "failed: the difference clears the margin" in page
    assert 'version 2<br><span class="note">for 11 days</span>' in page
    assert "91.0%" in page
    assert "89.0 to 92.0%" in page
    assert "1.5%" in page
    assert "Read at\n    2026-01-31 08:00 UTC." in page


def test_each_outcome_has_its_colour() -> None:
    page = fleet_html([STATUS], now=NOW)
    states = ("promoted", "held", "rejected", "waiting", "unfinished")
    rules = [line for line in page.splitlines() if "--accent: var(" in line]
    colours = [line.split("--accent: ")[1].split(";")[0] for s in states for line in rules if f".{s}" in line]

    assert colours == ["var(--green)", "var(--orange)", "var(--red)", "var(--blue)", "var(--soft)"]


def test_names_and_sentences_are_escaped() -> None:
    hostile = replace(STATUS, tagger=HOSTILE, reason=HOSTILE, attention=[HOSTILE], drift=HOSTILE)

    assert "<script>" not in fleet_html([hostile], now=NOW)


def test_a_home_without_runs_says_how_to_start() -> None:
    assert "No tagger has a run yet" in fleet_html([], now=NOW)


def test_the_table_has_a_line_per_tagger_and_the_reasons_below() -> None:
    new = replace(
        STATUS, tagger="new", state="refused", reason="rejected: 3 of 9", champion=None, scored=[], drift=None
    )

    shown = fleet_text([replace(new, attention=["the newest run is refused"]), STATUS], now=NOW)

    assert shown.splitlines() == [
        "TAGGER  LAST RUN    STATE    CHAMPION     SCORE                  QUARANTINED  DRIFT",
        "new     2026-01-30  refused  none",
        "shop    2026-01-30  held     v2, 11 days  91.0% (89.0 to 92.0%)  1.5%         steady",
        "",
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
