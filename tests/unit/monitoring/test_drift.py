"""Periods drawn from one distribution alarm at the stated rate, and shifts are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import MonitorConfig
from seqtag.monitoring import (
    AgeAlarm,
    CountColumns,
    DriftVerdict,
    ProfilePair,
    Statistic,
    compare,
    extent,
    judge_drift,
    plan_blocks,
    profile_period,
)
from seqtag.monitoring.drift import Origin
from tests.unit.monitoring.simulation import TAGS, known, period

KNOWN = known()
LAYOUT = CountColumns.of(TAGS, "IOB2")
CONFIG = MonitorConfig()


def comparison(
    reference: pa.RecordBatch,
    current: pa.RecordBatch,
    *,
    config: MonitorConfig = CONFIG,
    origin: Origin = "snapshot",
) -> ProfilePair:
    now = profile_period([current], layout=LAYOUT, known=KNOWN)
    size = extent([reference], column=config.period_column, length=config.period)
    blocks = plan_blocks(size, n_tokens=now.n_tokens, config=config)
    before = profile_period([reference], layout=LAYOUT, known=KNOWN, blocks=blocks)
    return ProfilePair(origin, before, now)


def drift(
    current: pa.RecordBatch, *, origin: Origin = "snapshot", config: MonitorConfig = CONFIG, **reference: Any
) -> tuple[DriftVerdict, dict[str, list[Statistic]]]:
    """Return the verdict and the alarms by name, beside 300 documents without drift."""
    found = [comparison(period(300, seed=1, **reference), current, origin=origin)]
    statistics = compare(found, config=config, seed=5)
    alarms: dict[str, list[Statistic]] = {}
    for s in statistics:
        if s.alarms:
            alarms.setdefault(s.name, []).append(s)
    return judge_drift(found, statistics, [], config=config), alarms


def test_periods_without_drift_alarm_at_the_stated_rate_at_most() -> None:
    """Of 200 with a rate of 0.1, more than 29 alarms would come once in a hundred times (binomial)."""
    config = MonitorConfig(quantile=0.9, resamples=300)
    alarms = 0
    for seed in range(200):
        found = comparison(period(120, seed=10_000 + seed), period(60, seed=20_000 + seed))
        alarms += any(s.alarms for s in compare([found], config=config, seed=seed))
    assert 0 < alarms <= 29


def test_the_same_seed_gives_the_same_thresholds_and_another_does_not() -> None:
    found = comparison(period(100, seed=1), period(50, seed=2))
    one, again, other = (compare([found], config=CONFIG, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


def test_a_period_without_drift_is_steady() -> None:
    verdict, alarms = drift(period(100, seed=2))
    assert (verdict.verdict, verdict.rule, alarms) == ("steady", "drift", {})


def test_a_fifth_of_unknown_tokens_is_found() -> None:
    verdict, alarms = drift(period(100, seed=2, unknown=0.2))
    assert (verdict.verdict, verdict.rule) == ("retrain", "drift")
    assert set(alarms) == {"unknown tokens"}
    (found,) = alarms["unknown tokens"]
    assert found.current - found.reference == pytest.approx(found.value)
    assert found.value == pytest.approx(0.13, abs=0.04)
    assert "1 of 10 statistics is above the noise floor; farthest is unknown tokens" in verdict.sentence


def test_a_tag_that_doubles_is_found_and_named() -> None:
    verdict, alarms = drift(period(100, seed=2, shares=(0.06, 0.12)))
    assert verdict.verdict == "retrain"
    assert {"tags", "bigrams"} == set(alarms)
    assert {s.where for s in alarms["tags"]} == {"B-PER"}


def test_unseen_spans_are_found() -> None:
    verdict, alarms = drift(period(100, seed=2, unseen=0.6))
    assert verdict.verdict == "retrain"
    assert set(alarms) == {"unseen spans", "unseen spans of LOC", "unseen spans of PER"}


def test_fewer_unknown_tokens_are_no_alarm() -> None:
    assert drift(period(100, seed=2, unknown=0.01))[1] == {}


def test_one_new_word_is_no_alarm_where_none_was_unknown_before() -> None:
    """The bootstrap draws no unknown token then: all of its differences are 0."""
    few = period(100, seed=2, unknown=0.002)
    found = [comparison(period(300, seed=1, unknown=0), few)]
    (unknown,) = [s for s in compare(found, config=CONFIG, seed=1) if s.name == "unknown tokens"]
    assert 0 < unknown.value * unknown.current_support < 6
    assert unknown.reference == 0
    assert not unknown.alarms


def test_drift_of_confidence_alone_warns() -> None:
    verdict, alarms = drift(period(100, seed=2, confidence=0.6), confidence=0.9)
    assert (verdict.verdict, verdict.rule) == ("warn", "drift_without_labels")
    assert set(alarms) == {"confidence", "unsure tokens"}


def test_drift_of_tags_that_a_model_gave_warns() -> None:
    assert drift(period(100, seed=2, shares=(0.06, 0.12)), origin="logs")[0].verdict == "warn"


def test_drift_of_words_without_labels_warns() -> None:
    unlabelled = period(100, seed=2, unknown=0.2).drop_columns(["tags"])
    assert drift(unlabelled)[0].verdict == "warn"


def test_data_of_mostly_unknown_tokens_stops() -> None:
    verdict, _ = drift(period(100, seed=2, unknown=0.7))
    assert (verdict.verdict, verdict.rule) == ("stop", "unknown")
    assert "where 50.0% are allowed" in verdict.sentence


def test_broken_data_stops() -> None:
    sound = period(40, seed=2)
    broken = sound.set_column(2, "tags", pa.array([["O"] * 99] * sound.num_rows))
    mixed = pa.Table.from_batches([sound, broken]).combine_chunks().to_batches()[0]
    verdict, _ = drift(mixed)
    assert (verdict.verdict, verdict.rule) == ("stop", "broken")
    assert "(50.0%), where 10.0% are allowed" in verdict.sentence


def test_too_little_data_is_not_judged() -> None:
    verdict, alarms = drift(period(3, seed=2, unknown=0.9))
    assert (verdict.verdict, verdict.rule, alarms) == ("steady", "support", {})


def test_what_is_too_old_warns_where_nothing_drifts() -> None:
    age = AgeAlarm("model_age", 100, 90, "The model is old.")
    assert judge_drift([], [], [age], config=CONFIG) == DriftVerdict("warn", "model_age", "The model is old.")


def test_periods_that_differ_among_themselves_raise_the_noise_floor() -> None:
    """Months whose share of PER goes up and down by two thirds: another such month is no news."""
    months = [period(100, seed=m, shares=(0.06, 0.02 if m % 2 else 0.1)) for m in range(12)]
    days = [f"2026-{m + 1:02}-15" for m, b in enumerate(months) for _ in range(b.num_rows)]
    table = pa.Table.from_batches(months).append_column("day", pa.array(days))
    reference = table.combine_chunks().to_batches()[0]
    new = period(100, seed=99, shares=(0.06, 0.1))
    dated = MonitorConfig(period_column="day")
    by_month = compare([comparison(reference, new, config=dated)], config=dated, seed=1)
    undated = compare([comparison(reference, new)], config=CONFIG, seed=1)
    assert "tags" in {s.name for s in undated if s.alarms}
    assert {s.name for s in by_month if s.alarms} == set()


def test_a_month_slightly_more_unlike_than_all_of_the_past_is_no_alarm() -> None:
    """One of nine months is the most unlike, where an alarm in a hundred is stated. Far more is drift."""
    shares = [0.03, 0.035, 0.04, 0.045, 0.05, 0.055, 0.06, 0.065]
    months = [period(400, seed=m, shares=(0.06, share)) for m, share in enumerate(shares)]
    days = [f"2026-{m + 1:02}-15" for m, b in enumerate(months) for _ in range(b.num_rows)]
    reference = pa.concat_batches(months).append_column("day", pa.array(days))
    dated = MonitorConfig(period_column="day")
    alarms = {}
    for share in (0.09, 0.3):
        new = period(400, seed=99, shares=(0.06, share))
        statistics = compare([comparison(reference, new, config=dated)], config=dated, seed=1)
        alarms[share] = {s.name for s in statistics if s.alarms}
    assert alarms == {0.09: set(), 0.3: {"tags", "bigrams"}}


def test_months_without_unknown_tokens_have_a_threshold_all_the_same() -> None:
    months = [period(100, seed=m, unknown=0) for m in range(8)]
    days = [f"2026-{m + 1:02}-15" for m, b in enumerate(months) for _ in range(b.num_rows)]
    reference = pa.concat_batches(months).append_column("day", pa.array(days))
    dated = MonitorConfig(period_column="day")
    found = comparison(reference, period(100, seed=99, unknown=0.05), config=dated)
    (unknown,) = [s for s in compare([found], config=dated, seed=1) if s.name == "unknown tokens"]
    assert unknown.alarms
    assert 0 < (unknown.threshold or 0) < 0.01


def test_all_statistics_share_one_rate_of_alarms() -> None:
    """With as many statistics, each threshold lies at a quantile as much farther out."""
    found = comparison(period(100, seed=1), period(50, seed=2))
    logs = ProfilePair("logs", found.reference, found.current)
    alone = compare([found], config=CONFIG, seed=1)
    together = compare([found, logs], config=CONFIG, seed=1)
    assert len(together) == 2 * len(alone)
    pairs = zip(alone, together, strict=False)
    assert np.mean([(b.threshold or 0) > (a.threshold or 0) for a, b in pairs]) > 0.8
