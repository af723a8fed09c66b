"""Statistics checked by hand and with SciPy, and thresholds as order statistics."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.spatial.distance import jensenshannon

from seqtag.monitoring import count_columns, new_sequences, staleness, thresholds
from seqtag.monitoring.drift_statistics import StatisticSpec, Way

COUNTS = st.lists(st.integers(1, 1000), min_size=4, max_size=4)


def measure(way: Way) -> StatisticSpec:
    return StatisticSpec(
        "m", way, "tokens", ("a", "b"), sparse.eye_array(2), needs_labels=False, fixable=False
    )


def value(way: Way, reference: list[float], current: list[float]) -> float:
    return float(measure(way).value(np.array(reference, float), np.array(current, float)))


@pytest.mark.parametrize("module", [staleness, new_sequences, count_columns, thresholds])
def test_the_docstring_examples_are_correct(module) -> None:
    assert doctest.testmod(module).failed == 0


def test_equal_distributions_have_distance_zero() -> None:
    assert value("distance", [3, 1], [6, 2]) == 0.0
    assert value("difference", [3, 1], [6, 2]) == 0.0


def test_disjoint_distributions_have_distance_one() -> None:
    assert value("distance", [5, 0], [0, 7]) == pytest.approx(1)


def test_the_distance_is_the_root_of_the_divergence_in_bits() -> None:
    """For (1, 0) and (1/2, 1/2): the mean is (3/4, 1/4); (log2 4/3 + (log2 2/3 + log2 2) / 2) / 2."""
    assert value("distance", [2, 0], [1, 1]) ** 2 == pytest.approx(0.3113, abs=1e-4)


def test_a_difference_compares_the_first_share() -> None:
    assert value("difference", [1, 3], [1, 1]) == 0.25


def test_psi_is_finite_for_an_empty_bin() -> None:
    """For (2.5, 0.5) / 3 and (0.5, 2.5) / 3: twice 2/3 ln 5."""
    assert value("psi", [2, 0], [0, 2]) == pytest.approx(2 * 2 / 3 * np.log(5))


def test_an_empty_side_gives_nan() -> None:
    assert all(np.isnan(value(way, [0, 0], [1, 2])) for way in ("difference", "distance", "psi"))


@given(COUNTS, COUNTS)
def test_the_distance_agrees_with_scipy(reference: list[int], current: list[int]) -> None:
    ours = value("distance", reference, current)
    theirs = jensenshannon(np.array(reference, float), np.array(current, float), base=2)
    assert ours**2 == pytest.approx(0 if np.isnan(theirs) else theirs**2, abs=1e-12)


def test_a_threshold_is_exceeded_with_the_tail_probability() -> None:
    values = np.arange(1.0, 1000.0)
    assert thresholds.upper_quantile(values, 0.01) == 990.0
    assert thresholds.upper_quantile(values, 0.001) == 999.0


def test_empty_simulated_periods_give_no_threshold() -> None:
    assert thresholds.upper_quantile(np.array([0.1, np.nan, np.nan]), 0.01) is None
    assert thresholds.upper_quantile(np.array([0.3, 0.1, np.nan]), 0.5) == 0.3


def test_the_limit_for_one_more_period_lies_beyond_the_most_extreme_past_one() -> None:
    """For 8 periods with mean 0 and variance 1: t(7, 0.999) = 4.785 times the root of 9/8."""
    periods = np.array([-1.0, 1.0] * 4) * np.sqrt(7 / 8)
    assert thresholds.past_period_limit(periods, np.arange(8), 0.001) == pytest.approx(5.075, abs=0.001)


def test_noise_within_similar_periods_has_many_degrees_of_freedom() -> None:
    """Each of 8 periods gives -1 and 1: the variance is 1, all of it sampling noise."""
    values, periods = np.array([-1.0, 1.0] * 8), np.repeat(np.arange(8), 2)
    assert thresholds.past_period_limit(values, periods, 0.001) == pytest.approx(3.0902, abs=0.001)
    nearly = values + 1e-6 * periods
    assert thresholds.past_period_limit(nearly, periods, 0.001) == pytest.approx(3.0902, abs=0.001)


def test_a_single_period_gives_no_limit() -> None:
    assert thresholds.past_period_limit(np.array([1.0, 2.0, np.nan]), np.array([3, 3, 4]), 0.01) is None


def test_more_statistics_need_more_resamples() -> None:
    assert thresholds.resamples_for(0.99, n_statistics=1, at_least=2000) == 2000
    assert thresholds.resamples_for(0.99, n_statistics=40, at_least=2000) == 3999
