"""Bootstrap: sums, coverage of intervals, and seeds."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from seqtag.evaluation import bootstrap
from seqtag.evaluation.bootstrap import percentile_interval, resampled_totals
from seqtag.evaluation.counts import Dense, Events


def dense(values: object) -> Dense:
    return Dense(np.asarray(values, np.float32))


def alone(n: int) -> np.ndarray:
    """Return units of one sequence each."""
    return np.arange(n, dtype=np.uint64)


def test_the_first_row_is_the_sample_itself() -> None:
    (totals,) = resampled_totals([dense([[1, 10], [2, 20], [3, 30]])], units=alone(3), resamples=5, seed=1)
    assert totals.sums.shape == (6, 2)
    assert totals.sums[0].tolist() == [6, 60]


def test_resamples_weight_whole_sequences() -> None:
    (totals,) = resampled_totals([dense([[1, 10], [2, 20], [3, 30]])], units=alone(3), resamples=50, seed=1)
    assert (totals.sums[:, 1] == 10 * totals.sums[:, 0]).all()
    assert len(set(totals.sums[:, 0].tolist())) > 5


def test_sequences_of_one_unit_are_drawn_together() -> None:
    """Sequences of two documents alternate: their counts are 2 or 3 times the weight of the document."""
    units = np.array([7, 5, 7, 5, 5], np.uint64)
    counts = np.stack([units == 7, units == 5], axis=1)
    (totals,) = resampled_totals([dense(counts)], units=units, resamples=200, seed=1)
    assert totals.sums[0].tolist() == [2, 3]
    assert (totals.sums[:, 0] % 2 == 0).all()
    assert (totals.sums[:, 1] % 3 == 0).all()
    assert totals.n_units.tolist() == [1, 1]


def test_units_longer_than_a_chunk_are_summed() -> None:
    n = 2 * bootstrap._CHUNK + 5
    units = np.repeat(np.array([3, 1, 2], np.uint64), [n, 1, 4])
    (totals,) = resampled_totals([dense(np.ones(n + 5))], units=units, resamples=50, seed=1)
    assert totals.sums[0] == n + 5
    assert set((totals.sums[1:] // n).tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
    assert totals.n_units == 3
    assert bootstrap.unit_totals(np.ones(n + 5, np.float32), units).tolist() == [1, 4, n]


def test_all_tables_of_a_call_share_their_resamples() -> None:
    table = dense(np.arange(30))
    one, other = resampled_totals([table, table], units=alone(30), resamples=20, seed=3)
    assert (one.sums == other.sums).all()


def test_resamples_are_reproducible_by_seed() -> None:
    def totals(seed: int) -> list[float]:
        (totals,) = resampled_totals([dense(np.ones(9000))], units=alone(9000), resamples=4, seed=seed)
        return totals.sums.tolist()

    assert totals(1) == totals(1)
    assert totals(1) != totals(2)


def test_weights_match_draws_with_replacement() -> None:
    """Poisson(1): mean 1, variance 1, 0 with probability 1/e."""
    weights = bootstrap._weights(np.random.default_rng(1), (100, 9000))
    assert weights.shape == (100, 9000)
    assert weights.mean() == pytest.approx(1, abs=0.005)
    assert weights.var() == pytest.approx(1, abs=0.01)
    assert (weights == 0).mean() == pytest.approx(np.exp(-1), abs=0.002)


def test_sequences_beyond_the_first_chunk_are_counted() -> None:
    n = 2 * bootstrap._CHUNK + 5
    events = Events(np.zeros(n, np.int32), np.arange(n + 1))
    assert events.rows(np.array([n - 2, n - 1]), n_classes=2).tolist() == [[1, 0], [1, 0]]
    (totals,) = resampled_totals([dense(np.ones(n))], units=alone(n), resamples=2, seed=1)
    assert totals.sums[0] == n
    assert (abs(totals.sums[1:] - n) < 1000).all()


def test_percentiles_match_numpy() -> None:
    values = np.random.default_rng(1).normal(size=(101, 4))
    low, high = percentile_interval(values, 0.9)
    assert low == pytest.approx(np.quantile(values, 0.05, axis=0))
    assert high == pytest.approx(np.quantile(values, 0.95, axis=0))


def test_undefined_resamples_are_ignored() -> None:
    values = np.array([[0.0, np.nan], [np.nan, np.nan], [1.0, np.nan]])
    low, high = percentile_interval(values, 0.5)
    assert low[0] == 0.25
    assert high[0] == 0.75
    assert np.isnan(low[1])
    assert np.isnan(high[1])


def test_an_interval_covers_the_truth_at_about_its_confidence() -> None:
    """1000 test splits of 200 sequences; each has its own share of correct tokens, 0.8 on average."""
    generator = np.random.default_rng(1)
    covered = 0
    for trial in range(1000):
        lengths = generator.integers(1, 20, 200)
        right = generator.binomial(lengths, generator.beta(8, 2, 200))
        (totals,) = resampled_totals(
            [dense(np.stack([right, lengths], axis=1))], units=alone(200), resamples=400, seed=trial
        )
        low, high = percentile_interval(totals.sums[1:, 0] / totals.sums[1:, 1], 0.9)
        covered += bool(low <= 0.8 <= high)
    assert covered / 1000 == pytest.approx(0.9, abs=0.03)


def test_the_examples_hold() -> None:
    assert doctest.testmod(bootstrap).failed == 0
