"""Approximate randomization, compared with all swaps and with scipy."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from seqtag.evaluation.randomization import randomization_p_value


def counts(right, tokens):
    return np.stack([right, tokens], axis=1).astype(float)


def of_all_swaps(ours, theirs):
    """Return the share of all 2 ** n swaps with a difference at least as large."""
    observed = abs(ours[:, 0].sum() / ours[:, 1].sum() - theirs[:, 0].sum() / theirs[:, 1].sum())
    as_large = 0
    for swap in product([False, True], repeat=len(ours)):
        one = np.where(np.array(swap)[:, None], theirs, ours).sum(axis=0)
        other = np.where(np.array(swap)[:, None], ours, theirs).sum(axis=0)
        as_large += abs(one[0] / one[1] - other[0] / other[1]) >= observed - 1e-12
    return as_large / 2 ** len(ours)


@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_matches_all_swaps(seed):
    draw = np.random.default_rng(seed)
    tokens = draw.integers(3, 9, 10)
    ours, theirs = (counts(draw.binomial(tokens, p), tokens) for p in (0.8, 0.6))
    exact = of_all_swaps(ours, theirs)
    p = np.mean([randomization_p_value(ours, theirs, level=1e-3, seed=100 * seed + i) for i in range(20)])
    assert p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 20_480) ** 0.5 + 1e-3)


def test_the_p_value_matches_scipy_for_equal_weights():
    draw = np.random.default_rng(5)
    tokens = np.full(60, 10)
    ours, theirs = (counts(draw.binomial(10, p, 60), tokens) for p in (0.75, 0.70))

    def difference(one, other):
        return one.mean() - other.mean()

    referee = stats.permutation_test(
        (ours[:, 0], theirs[:, 0]), difference, permutation_type="samples", n_resamples=20_000, rng=6
    )
    found = np.mean([randomization_p_value(ours, theirs, level=1e-3, seed=i) for i in range(20)])
    assert found == pytest.approx(referee.pvalue, abs=0.015)


def test_equal_answers_have_a_p_value_of_one():
    same = counts([3, 4], [5, 5])
    assert randomization_p_value(same, same, level=0.05, seed=1) == 1


def test_the_level_determines_the_number_of_rounds():
    """No swap of 40 units makes as large a difference as all of them on one side; 20 / 0.001 rounds."""
    tokens = np.ones(40)
    one_sided = counts(tokens, tokens), counts(0 * tokens, tokens)
    assert randomization_p_value(*one_sided, level=0.001, seed=1) == 1 / (1 + 20 * 1024)
    assert randomization_p_value(*one_sided, level=0.1, seed=1) == 1 / (1 + 1024)


def test_the_chunks_of_many_units_add_up():
    tokens = np.ones(10_000)
    better, worse = counts(tokens * (np.arange(10_000) % 100 > 1), tokens), counts(tokens, tokens)
    assert randomization_p_value(better, worse, level=0.05, seed=1) == 1 / 1025
    noise = np.random.default_rng(0).random((2, 10_000)) < 0.9
    assert randomization_p_value(*(counts(n, tokens) for n in noise), level=0.05, seed=1) > 0.01


def test_a_unit_is_swapped_as_a_whole():
    """A single document, right in 30 of 30 tokens against wrong in 30: both swaps differ as much."""
    ours, theirs = counts([30], [30]), counts([0], [30])
    assert randomization_p_value(ours, theirs, level=0.05, seed=1) == 1
