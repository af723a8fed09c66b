"""Error budget of a horizon of comparisons, and detection power of a test split."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.gate import Budget, Opponent, decide_promotion, error_budget
from seqtag.gate.decision import Decision
from seqtag.gate.error_budget import Gauge, detectable, documents_needed, gauge

WritePredictions = Callable[..., Path]

RIGHT, WRONG = ("a b", "B-X O", "B-X O"), ("a b", "B-X O", "O O")
YEAR = GateConfig()
SHARE = 0.05 / 365


def test_daily_comparisons_of_a_year_share_five_percent() -> None:
    assert Budget().level(YEAR) == SHARE
    assert Budget(364, sum([SHARE] * 364)).level(YEAR) == SHARE


def test_a_single_comparison_takes_the_whole_budget() -> None:
    assert Budget().level(GateConfig(horizon=1, false_promotions=0.025)) == 0.025


def test_a_spent_budget_leaves_nothing() -> None:
    assert Budget(365, 0.05).level(YEAR) == 0
    assert Budget(40, 0.06).level(YEAR) == 0


def test_the_rest_of_a_lowered_budget_can_be_used() -> None:
    lowered = GateConfig(false_promotions=0.04)
    assert Budget(364, 0.03995).level(lowered) == pytest.approx(0.00005)
    assert Budget(364, 0.0399).level(lowered) == pytest.approx(0.0001)
    assert Budget(364, 0.03).level(lowered) == 0.04 / 365


@pytest.mark.parametrize("horizon", [30, 50, 90, 100])
def test_a_remainder_from_rounding_is_not_a_level(horizon: int) -> None:
    """A level of 1e-17 would draw about 10 ** 18 rounds of randomization."""
    assert Budget(horizon, sum([0.05 / horizon] * horizon)).level(YEAR) == 0
    assert Budget(horizon, 0.05 - 1e-17).level(YEAR) == 0
    assert Budget(364, 0.05 - SHARE / 20).level(YEAR) == 0


def gauged(spent: Budget | None = None, *, gate: GateConfig = YEAR, **changes: Any) -> Gauge | None:
    return gauge(
        spent or Budget(), **{"standard_error": 0.001, "noise": 0.0, "n_units": 1000, **changes}, gate=gate
    )


def test_a_gauge_matches_values_worked_out_by_hand() -> None:
    """A standard error of 0.1 points on 1,000 documents, and an improvement of 0.3 points.

    Normal quantiles: 0.8416 for a power of 0.8, 3.6387 for 1 - 1 / 7300. One comparison finds
    3.6387 + 0.8416 = 4.4804 standard errors; (4.4804 / 3) ** 2 * 1000 documents make these 0.3 points. At
    3 - 0.8416 = 2.1584 standard errors, 1.545 % of the budget, the improvement is found, 3 times in 5 %.
    Half of that is 2.4222 standard errors: ((2.4222 + 0.8416) / 3) ** 2 * 1000 = 1,184 documents.
    """
    found = gauged()
    assert found is not None
    assert found.detectable == pytest.approx(0.0044804, abs=1e-7)
    assert found.documents == 2231
    assert (found.good_for, found.to_double) == (3, 184)
    assert (found.level, found.comparisons, found.spent) == (SHARE, 0, 0)
    assert (found.improvement, found.horizon) == (0.003, 365)


def test_a_gauge_uses_the_rest_of_the_budget() -> None:
    """0.03 / 0.01545 = 1.94."""
    found = gauged(Budget(10, 0.02))
    assert found is not None
    assert (found.good_for, found.comparisons, found.spent) == (1, 10, 0.02)
    used_up = gauged(Budget(365, 0.05))
    assert used_up is not None
    assert (used_up.good_for, used_up.to_double, used_up.level) == (0, None, 0)


def test_the_margin_is_subtracted_from_the_improvement() -> None:
    """0.4 points with a margin of 0.1 are equivalent to 0.3 without one."""
    found = gauged(gate=GateConfig(improvement=0.004, margin=0.001))
    assert found is not None
    assert (found.documents, found.good_for, found.to_double) == (2231, 3, 184)
    assert found.detectable == pytest.approx(0.0054804, abs=1e-7)


def test_a_large_test_split_is_good_for_any_number_of_comparisons() -> None:
    found = gauged(standard_error=0.00005)
    assert found is not None
    assert (found.good_for, found.to_double) == (1_000_000, 0)


def test_no_number_of_documents_is_enough_for_an_improvement_below_retraining_noise() -> None:
    """1.96 * sqrt(2) * 0.12 points of noise are 0.333."""
    found = gauged(noise=0.0012)
    assert found is not None
    assert (found.documents, found.to_double, found.good_for) == (None, None, 0)
    assert documents_needed(0.003, of_one=0.03, level=SHARE, noise=0.001, gate=YEAR) is not None


def test_equal_models_give_no_gauge() -> None:
    assert gauged(standard_error=0.0) is None


def test_the_number_of_documents_needed_is_minimal() -> None:
    for noise in (0.0, 0.0005):
        n = documents_needed(0.003, of_one=0.03, level=SHARE, noise=noise, gate=YEAR)
        assert n is not None
        assert detectable(0.03 / n**0.5, level=SHARE, noise=noise, gate=YEAR) <= 0.003
        assert detectable(0.03 / (n - 1) ** 0.5, level=SHARE, noise=noise, gate=YEAR) > 0.003


@pytest.fixture
def decide(write_predictions: WritePredictions) -> Callable[..., Decision]:
    """Return a function that compares a model with 40 of 40 correct spans and one with 20."""
    write = partial(write_predictions, numbered=True)
    challenger = write("challenger", [RIGHT] * 40)
    champion = write("champion", [RIGHT, WRONG] * 20)

    def decided(spent: Budget | None, **changes: Any) -> Decision:
        return decide_promotion(
            challenger,
            Opponent("3", champion, ("O", "B-X")),
            tags=("O", "B-X"),
            scheme="IOB2",
            gate=GateConfig(**{"resamples": 200, "retraining_noise": 0, **changes}),
            evaluate=EvaluateConfig(),
            metric="span_f1",
            seed=1,
            budget=spent,
        )

    return decided


def test_without_earlier_comparisons_a_full_year_is_ahead(decide: Callable[..., Decision]) -> None:
    decision = decide(None)
    assert (decision.verdict, decision.level) == ("PROMOTE", SHARE)
    rule = next(rule for rule in decision.rules if rule.rule == "the error budget is not used up")
    assert rule.detail == (
        "0 of the horizon's 365 comparisons have used 0.00% of the error budget of 5.00%; this one may use "
        "0.0137%"
    )
    assert decision.gauge is not None
    assert (decision.gauge.level, decision.gauge.comparisons) == (SHARE, 0)


def test_a_used_up_budget_holds_and_states_what_would_pass(decide: Callable[..., Decision]) -> None:
    decision = decide(Budget(365, 0.05))
    (failed,) = [rule for rule in decision.rules if not rule.passed]
    assert (decision.verdict, decision.level) == ("HOLD", 0)
    assert failed.rule == "the error budget is not used up"
    assert failed.detail == (
        "365 of the horizon's 365 comparisons have used 5.00% of the error budget of 5.00%; this one may use "
        "0.0000%"
    )
    assert decision.sentence == (
        "HOLD: 365 of the horizon's 365 comparisons have used 5.00% of the error budget of 5.00%."
    )
    assert decision.would_pass == ["gate.false_promotions = 0.050137"]
    raised = decide(Budget(365, 0.05), false_promotions=0.050137)
    assert (raised.verdict, raised.level) == ("PROMOTE", pytest.approx(0.000137))


def test_a_longer_horizon_makes_each_comparison_stricter(decide: Callable[..., Decision]) -> None:
    once, year, century = (decide(None, horizon=horizon) for horizon in (1, 365, 36500))
    assert once.bound > year.bound > century.bound
    assert [each.level for each in (once, year, century)] == [0.05, SHARE, SHARE / 100]
    assert once.difference == year.difference == century.difference


def test_the_examples_hold() -> None:
    assert doctest.testmod(error_budget).failed == 0
