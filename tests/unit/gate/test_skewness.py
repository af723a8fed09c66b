"""Lower bounds of skewed differences: large losses on few documents."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqtag.config import GateConfig
from seqtag.evaluation.prf import t_reach
from seqtag.gate.paired_test import paired_difference
from seqtag.gate.retraining_noise import RetrainingNoise
from seqtag.gate.skewness import lower_reach, unit_skewness

LEVEL = 0.05 / 365


def totals(numerators: np.ndarray, denominator: float = 20.0) -> np.ndarray:
    return np.stack([numerators, np.full(len(numerators), denominator)], axis=1)


def test_symmetric_and_positively_skewed_differences_have_the_bound_of_students_t() -> None:
    for skewness in (0.0, 3.0):
        assert lower_reach(0.999, 50, deviation=0.1, skewness=skewness) == t_reach(0.999, 50, deviation=0.1)


def test_the_bound_widens_with_negative_skewness() -> None:
    """The skewness of 50 values is at most 6.9."""
    of_t = t_reach(0.999, 50, deviation=0.1)
    reaches = [lower_reach(0.999, 50, deviation=0.1, skewness=-s) for s in (1e-6, 0.1, 1, 4, 6.9)]

    assert reaches[0] == pytest.approx(of_t, rel=1e-5)
    assert reaches[:4] == sorted(reaches[:4])
    assert min(reaches[3:]) > 2 * of_t


def test_the_bound_of_a_single_document_is_infinite() -> None:
    assert lower_reach(0.999, 1, deviation=0.1, skewness=-1.0) == math.inf


def test_the_skewness_is_that_of_the_influence_of_units_on_the_difference() -> None:
    champion = totals(np.full(100, 10.0))
    loses_once = totals(np.append(np.full(99, 10.1), 0.1))

    assert unit_skewness(champion, champion) == 0
    assert unit_skewness(loses_once, champion) == pytest.approx(-9.85, abs=0.01)
    assert unit_skewness(champion, loses_once) == -unit_skewness(loses_once, champion)
    assert unit_skewness(totals(np.zeros(3), 0), totals(np.zeros(3), 0)) == 0


def test_the_influence_of_a_unit_is_the_change_of_the_score_by_its_weight() -> None:
    """A long document weighs more: its influence is the derivative of sum / sum."""
    random = np.random.default_rng(5)
    one, other = (np.stack([random.integers(0, 9, 60), random.integers(9, 40, 60)], axis=1) for _ in "ab")

    def difference(weights: np.ndarray) -> float:
        (a, b), (c, d) = weights @ one, weights @ other
        return float(a / b - c / d)

    ones = np.ones(60)
    step = 1e-5 * np.eye(60)
    slopes = np.array([difference(ones + row) - difference(ones - row) for row in step])
    expected = np.mean((slopes - slopes.mean()) ** 3) / slopes.std() ** 3
    assert unit_skewness(one.astype(float), other.astype(float)) == pytest.approx(expected, rel=1e-3)


def test_the_error_level_holds_for_a_challenger_that_fails_on_one_document_in_ten() -> None:
    """At a level of 1.4 in 10,000, Student's t promotes about 15 challengers that are no better."""
    random, n_t, n_gate = np.random.default_rng(6), 0, 0
    for _ in range(10_000):
        difference = np.where(random.random(200) < 0.1, -9.0, 1.0) + random.normal(0, 0.3, 200)
        error = float(difference.std(ddof=1)) / 200**0.5
        skewness = unit_skewness(totals(10 + difference), totals(np.full(200, 10.0)))
        n_t += difference.mean() > t_reach(1 - LEVEL, 200, deviation=error)
        n_gate += difference.mean() > lower_reach(1 - LEVEL, 200, deviation=error, skewness=skewness)

    assert n_t >= 10
    assert n_gate <= 5


def test_the_gate_holds_a_gain_that_a_few_lost_documents_make_uncertain() -> None:
    """Better by the same share on 296 documents, all tokens wrong on 4: 3.9 standard errors, but skewed."""

    def verdict(worst: float) -> str:
        random = np.random.default_rng(7)
        champion = totals(random.integers(8, 12, 300).astype(float))
        challenger = champion + np.array([0.75, 0.0])
        challenger[:4, 0] = worst
        found = paired_difference(
            challenger.astype(np.float32), champion.astype(np.float32),
            units=np.arange(300, dtype=np.uint64), gate=GateConfig(), level=LEVEL,
            noise=RetrainingNoise(0.0, "none"), seed=1,
        )  # fmt: skip
        return found.verdict

    assert verdict(worst=9.0) == "PROMOTE"
    assert verdict(worst=0.0) == "HOLD"
