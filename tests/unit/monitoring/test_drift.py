"""Drift detection: the stated false-alarm rate without drift, and detection of shifts."""

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
    """Return the verdict and the alarms by name, against a reference of 300 documents."""
    found = [comparison(period(300, seed=1, **reference), current, origin=origin)]
    statistics = compare(found, config=config, seed=5)
    alarms: dict[str, list[Statistic]] = {}
    for s in statistics:
        if s.alarms:
            alarms.setdefault(s.name, []).append(s)
    return judge_drift(found, statistics, [], config=config), alarms


def test_the_false_alarm_rate_is_at_most_the_stated_one() -> None:
    """At a rate of 0.1, more than 29 alarms in 200 periods have a probability of 1% (binomial)."""
    config = MonitorConfig(quantile=0.9, resamples=300)
    alarms = 0
    for seed in range(200):
        found = comparison(period(120, seed=10_000 + seed), period(60, seed=20_000 + seed))
        alarms += any(s.alarms for s in compare([found], config=config, seed=seed))
    assert 0 < alarms <= 29


def test_thresholds_are_determined_by_the_seed() -> None:
    found = comparison(period(100, seed=1), period(50, seed=2))
    one, again, other = (compare([found], config=CONFIG, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


def test_a_period_without_drift_is_steady() -> None:
    verdict, alarms = drift(period(100, seed=2))
    assert (verdict.verdict, verdict.rule, alarms) == ("steady", "drift", {})


def test_a_rise_to_a_fifth_of_unknown_tokens_is_detected() -> None:
    verdict, alarms = drift(period(100, seed=2, unknown=0.2))
    assert (verdict.verdict, verdict.rule) == ("retrain", "drift")
    assert set(alarms) == {"unknown tokens"}
    (found,) = alarms["unknown tokens"]
    assert found.current - found.reference == pytest.approx(found.value)
    assert found.value == pytest.approx(0.13, abs=0.04)
    assert "1 of 10 statistics is above the noise floor; highest: unknown tokens" in verdict.sentence


def test_a_tag_that_doubles_is_detected_and_named() -> None:
    verdict, alarms = drift(period(100, seed=2, shares=(0.06, 0.12)))
    assert verdict.verdict == "retrain"
    assert {"tags", "bigrams"} == set(alarms)
    assert {s.where for s in alarms["tags"]} == {"B-PER"}


def test_a_rise_of_unseen_spans_is_detected() -> None:
    verdict, alarms = drift(period(100, seed=2, unseen=0.6))
    assert verdict.verdict == "retrain"
    assert set(alarms) == {"unseen spans", "unseen spans of LOC", "unseen spans of PER"}


def test_fewer_unknown_tokens_do_not_alarm() -> None:
    assert drift(period(100, seed=2, unknown=0.01))[1] == {}


def test_one_new_word_does_not_alarm_if_none_was_unknown_before() -> None:
    """The bootstrap then has no unknown token to draw: all of its differences are 0."""
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


def test_drift_of_predicted_tags_warns() -> None:
    assert drift(period(100, seed=2, shares=(0.06, 0.12)), origin="logs")[0].verdict == "warn"


def test_drift_of_words_in_unlabelled_data_warns() -> None:
    unlabelled = period(100, seed=2, unknown=0.2).drop_columns(["tags"])
    assert drift(unlabelled)[0].verdict == "warn"


def test_mostly_unknown_tokens_stop() -> None:
    verdict, _ = drift(period(100, seed=2, unknown=0.7))
    assert (verdict.verdict, verdict.rule) == ("stop", "unknown")
    assert "at most 50.0% allowed" in verdict.sentence


def test_broken_data_stops() -> None:
    sound = period(40, seed=2)
    broken = sound.set_column(2, "tags", pa.array([["O"] * 99] * sound.num_rows))
    mixed = pa.Table.from_batches([sound, broken]).combine_chunks().to_batches()[0]
    verdict, _ = drift(mixed)
    assert (verdict.verdict, verdict.rule) == ("stop", "broken")
    assert "(50.0%); at most 10.0% allowed" in verdict.sentence


def test_too_little_data_is_not_judged() -> None:
    verdict, alarms = drift(period(3, seed=2, unknown=0.9))
    assert (verdict.verdict, verdict.rule, alarms) == ("steady", "support", {})


def test_staleness_warns_without_drift() -> None:
    age = AgeAlarm("model_age", 100, 90, "The model is old.")
    assert judge_drift([], [], [age], config=CONFIG) == DriftVerdict("warn", "model_age", "The model is old.")


def test_variation_between_periods_raises_the_noise_floor() -> None:
    """The monthly share of PER goes up and down by two thirds; another such month is not drift."""
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


def test_a_month_slightly_more_extreme_than_the_past_does_not_alarm() -> None:
    """One month in nine is the most extreme, but the stated rate is 1%. A far more extreme one is drift."""
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


def test_months_without_unknown_tokens_still_have_a_threshold() -> None:
    months = [period(100, seed=m, unknown=0) for m in range(8)]
    days = [f"2026-{m + 1:02}-15" for m, b in enumerate(months) for _ in range(b.num_rows)]
    reference = pa.concat_batches(months).append_column("day", pa.array(days))
    dated = MonitorConfig(period_column="day")
    found = comparison(reference, period(100, seed=99, unknown=0.05), config=dated)
    (unknown,) = [s for s in compare([found], config=dated, seed=1) if s.name == "unknown tokens"]
    assert unknown.alarms
    assert 0 < (unknown.threshold or 0) < 0.01


def test_all_statistics_share_one_false_alarm_rate() -> None:
    """The more statistics, the more extreme the quantile of each threshold."""
    found = comparison(period(100, seed=1), period(50, seed=2))
    logs = ProfilePair("logs", found.reference, found.current)
    alone = compare([found], config=CONFIG, seed=1)
    together = compare([found, logs], config=CONFIG, seed=1)
    assert len(together) == 2 * len(alone)
    pairs = zip(alone, together, strict=False)
    assert np.mean([(b.threshold or 0) > (a.threshold or 0) for a, b in pairs]) > 0.8
