"""Noise floor: distances between simulated periods of the reference, by the bootstrap (Efron 1979)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from seqtag.monitoring.count_columns import TOKENS_COLUMN
from seqtag.monitoring.drift_statistics import Floats, StatisticSpec
from seqtag.monitoring.period_profile import PeriodProfile

Ints = npt.NDArray[np.int64]

_CHUNK = 256  # resamples drawn at once; changing it changes the resamples
_LEAST = 1e-3  # lower bound of simulated values, relative to the greatest, for the logarithm
_MOST = 16  # largest simulated period, in multiples of the reference; larger ones add no noise


def resamples_for(quantile: float, *, n_statistics: int, at_least: int) -> int:
    """Return the number of resamples that resolve a quantile shared by `n_statistics` (Bonferroni).

    The threshold is one of the resamples, and a further one exceeds it with the stated probability if
    (resamples + 1) * tail is at least 1 (Davison and Hinkley 1997).

    >>> resamples_for(0.99, n_statistics=10, at_least=200)
    999
    """
    tail = (1 - quantile) / max(n_statistics, 1)
    return max(at_least, math.ceil(round(1 / tail, 6)) - 1)


def thresholds(
    reference: PeriodProfile,
    current: PeriodProfile,
    measures: Sequence[StatisticSpec],
    *,
    tail: float,
    resamples: int,
    seed: int,
) -> list[float | None]:
    """Return the value each statistic exceeds with probability `tail` without drift; None if unknown.

    A resample draws two periods from blocks of the reference, with replacement: one as large as the
    reference, one as large as the new data. If blocks have dates, the second comes from a single period and
    the first from all others. A new period is the most extreme with probability 1 / (periods + 1), so the
    past alone cannot show a smaller tail: `past_period_limit` extrapolates.
    """
    sizes = [current.n_labelled_tokens if m.needs_labels else current.n_tokens for m in measures]
    found: dict[int, tuple[list[Floats], Ints]] = {}
    for size in sorted(set(sizes)):
        group = [m for m, n in zip(measures, sizes, strict=True) if n == size]
        found[size] = _simulated(reference, group, n_tokens=size, resamples=resamples, seed=seed)
    floors = []
    for measure, size in zip(measures, sizes, strict=True):
        values, chosen = found[size]
        floor = _floor(measure, values.pop(0), chosen, reference, tail)
        floors.append(_at_least(measure, floor, reference, current, tail))
    return floors


def past_period_limit(values: Floats, period_of: Ints, tail: float) -> float | None:
    """Return the value a further period exceeds with probability `tail`; None for fewer than two periods.

    Periods are modelled as draws from one normal distribution. The limit is Student's prediction interval for
    one more draw, with the degrees of freedom of Satterthwaite (1946), since sampling noise within a period
    is known far better than the spread of a few periods.

    Args:
        values: `<float64>[n]`, simulated; NaN if a period had nothing to compare.
        period_of: `<int64>[n]`, the period of each value.

    >>> round(past_period_limit(np.array([0.0, 1.0, 2.0]), np.arange(3), 0.05), 2)  # 1 + 2.92 sqrt(4 / 3)
    4.37
    """
    valid = ~np.isnan(values)
    from scipy.special import ndtri, stdtrit

    _, place = np.unique(period_of[valid], return_inverse=True)
    n_values = np.bincount(place)
    n = len(n_values)
    if n < 2:
        return None
    means = np.bincount(place, values[valid]) / n_values
    within = float(((values[valid] - means[place]) ** 2).mean())
    between = float(means.var(ddof=1)) * (1 + 1 / n)
    freedom = (n - 1) * (1 + within / between) ** 2 if between else math.inf
    deviations = ndtri(1 - tail) if math.isinf(freedom) else stdtrit(freedom, 1 - tail)
    return float(means.mean() + deviations * math.sqrt(between + within))


def smallest_significant_difference(n_hits: int, n_reference: int, n_current: int, tail: float) -> float:
    """Return the value the difference of two shares exceeds with probability `tail`, for independent hits.

    Given the total hits of both sides, those on the current side are binomial (Przyborowski and Wilenski
    1940). The bootstrap underestimates this if the reference has hardly any hits to draw from.

    >>> smallest_significant_difference(0, 1000, 1000, 0.05)  # 4 of 4 on one side: 1/16, 5 of 5: 1/32
    0.004
    """
    from scipy.special import betainc

    share = n_current / (n_current + n_reference)
    counts = range(1, n_current + 1)
    least = bisect_left(counts, -tail, key=lambda k: -float(betainc(k, n_hits + 1, share)))
    return least / n_current - n_hits / n_reference


def _floor(
    measure: StatisticSpec, values: Floats, period_of: Ints, reference: PeriodProfile, tail: float
) -> float | None:
    """Return the quantile of the simulated values, or the limit for one more period if that is higher.

    Shares of periods differ by factors, so they and their distances are modelled as log-normal. With a normal
    model, log-normal shares exceeded the limit up to 27 times as often as stated, in simulation.
    """
    quantile = upper_quantile(values, tail)
    if quantile is None or period_of.max() == 0:
        return quantile
    base = 0.0
    if measure.way == "difference":
        hits, others = measure.counts(reference)
        base = float(hits / (hits + others))
    greatest = float(np.nanmax(values)) + base
    if greatest <= 0:
        return quantile
    logs = np.log(np.maximum(values + base, _LEAST * greatest))
    limit = past_period_limit(logs, period_of, tail)
    return quantile if limit is None else max(quantile, math.exp(limit) - base)


def _at_least(
    measure: StatisticSpec, floor: float | None, reference: PeriodProfile, current: PeriodProfile, tail: float
) -> float | None:
    if floor is None or measure.way != "difference":
        return floor
    hits, others = measure.counts(reference)
    size = int(hits + others)
    return max(floor, smallest_significant_difference(int(hits), size, measure.support(current), tail))


def upper_quantile(simulated: Floats, tail: float) -> float | None:
    """Return the value that a further resample exceeds with probability `tail`; None if it is NaN.

    >>> upper_quantile(np.arange(1.0, 100.0), 0.05)
    95.0
    """
    ordered = np.sort(simulated)  # NaN sorts last: the period had nothing to count
    place = math.ceil(round((len(ordered) + 1) * (1 - tail), 6))
    found = float(ordered[min(place, len(ordered)) - 1])
    return None if math.isnan(found) else found


def _simulated(
    reference: PeriodProfile, measures: Sequence[StatisticSpec], *, n_tokens: int, resamples: int, seed: int
) -> tuple[list[Floats], Ints]:
    """Return `<float64>[resamples]` per measure, and the periods drawn from, `<int64>[resamples]`."""
    tokens = reference.table[:, [TOKENS_COLUMN]].toarray()[:, 0]
    filled = np.flatnonzero(tokens)
    tables = [(reference.table[filled] @ m.select).toarray().astype(np.float32) for m in measures]
    period_of = reference.blocks.period_of[filled]
    draws = _draws(tokens[filled], period_of, n_tokens=n_tokens, resamples=resamples, seed=seed)
    values: list[list[Floats]] = [[] for _ in measures]
    periods: list[Ints] = []
    for large, small, chosen in draws:
        for measure, table, kept in zip(measures, tables, values, strict=True):
            kept.append(measure.value((large @ table).astype(float), (small @ table).astype(float)))
        periods.append(chosen)
    return [np.concatenate(kept) for kept in values], np.concatenate(periods)


def _draws(
    tokens: Ints, period_of: Ints, *, n_tokens: int, resamples: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Ints]]:
    """Yield draw counts for the reference and for new data, and the periods that new data is drawn from.

    The draw counts are `<float32>[chunk, n_blocks]`, the periods `<int64>[chunk]`.

    Args:
        tokens, period_of: `<int64>[n_blocks]`, of each block.
    """
    generator = np.random.default_rng(seed)
    blocks, periods = np.arange(len(tokens)), np.unique(period_of)
    for start in range(0, resamples, _CHUNK):
        n = min(_CHUNK, resamples - start)
        large = np.zeros((n, len(tokens)), np.float32)
        small = np.zeros_like(large)
        chosen = generator.choice(periods, n)
        for period in np.unique(chosen):
            rows = np.flatnonzero(chosen == period)
            inside = blocks[period_of == period]
            outside = blocks[period_of != period] if len(periods) > 1 else blocks
            size = n_tokens / tokens[inside].sum() * len(inside)
            n_drawn = int(np.clip(round(size), 1, _MOST * len(inside)))
            small[rows] = _drawn(generator, len(rows), n_drawn, inside, len(tokens))
            large[rows] = _drawn(generator, len(rows), len(outside), outside, len(tokens))
        yield large, small, chosen


def _drawn(
    generator: np.random.Generator, n: int, n_drawn: int, blocks: npt.NDArray[np.int64], n_blocks: int
) -> npt.NDArray[np.float32]:
    """Return `<float32>[n, n_blocks]`: draw `n_drawn` of `blocks` with replacement, n times."""
    picked = blocks[generator.integers(0, len(blocks), (n, n_drawn))]
    cells = (np.arange(n)[:, None] * n_blocks + picked).ravel()
    return np.bincount(cells, minlength=n * n_blocks).reshape(n, n_blocks).astype(np.float32)
