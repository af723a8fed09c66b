"""The noise floor: how far apart two periods like the reference lie, by the bootstrap (Efron 1979)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from seqtag.monitoring.layout import TOKENS_COLUMN
from seqtag.monitoring.measures import Floats, Measure
from seqtag.monitoring.profile import PeriodProfile

_CHUNK = 256  # resamples drawn at once; another number gives other resamples
_MOST = 16  # a simulated period is at most so many times the reference; what is larger adds no noise


def resamples_for(quantile: float, *, n_statistics: int, at_least: int) -> int:
    """Return how many resamples resolve a quantile that `n_statistics` share (Bonferroni).

    The threshold is one of the resamples, so that the next of them lies above it with the stated
    probability: (resamples + 1) * tail is at least 1 (Davison and Hinkley 1997).

    >>> resamples_for(0.99, n_statistics=10, at_least=200)
    999
    """
    tail = (1 - quantile) / max(n_statistics, 1)
    return max(at_least, math.ceil(round(1 / tail, 6)) - 1)


def thresholds(
    reference: PeriodProfile,
    current: PeriodProfile,
    measures: Sequence[Measure],
    *,
    tail: float,
    resamples: int,
    seed: int,
) -> list[float | None]:
    """Return what each statistic exceeds with probability `tail` where nothing has changed, None if unknown.

    A resample draws two periods from blocks of the reference, with replacement: one as large as the
    reference, one as large as the new data. Where blocks have dates, the small one is of a single period and
    the large one of all others: the floor is then that between periods of time, and no threshold can lie
    above what the most unlike of them gives.
    """
    found: dict[bool, list[Floats]] = {}
    for labels in sorted({m.needs_labels for m in measures}):
        group = [m for m in measures if m.needs_labels is labels]
        found[labels] = _simulated(
            reference,
            group,
            n_tokens=current.n_labelled_tokens if labels else current.n_tokens,
            resamples=resamples,
            seed=seed,
        )
    floor = [upper_quantile(found[m.needs_labels].pop(0), tail) for m in measures]
    return [_at_least(m, value, reference, current, tail) for m, value in zip(measures, floor, strict=True)]


def least_difference(n_hits: int, n_reference: int, n_current: int, tail: float) -> float:
    """Return what the difference of two shares exceeds with probability `tail`, if hits come one by one.

    Given all hits of both sides, those on the current one are binomial (Przyborowski and Wilenski 1940). The
    bootstrap cannot know this where the reference has hardly any: it draws none that are not there.

    >>> least_difference(0, 1000, 1000, 0.05)  # of 4 hits all are on one side with probability 1/16: 5 alarm
    0.004
    """
    share = n_current / (n_current + n_reference)
    counts = range(1, n_current + 1)
    least = bisect_left(counts, -tail, key=lambda k: -float(betainc(k, n_hits + 1, share)))
    return least / n_current - n_hits / n_reference


def _at_least(
    measure: Measure, floor: float | None, reference: PeriodProfile, current: PeriodProfile, tail: float
) -> float | None:
    if floor is None or measure.way != "difference":
        return floor
    hits, others = measure.counts(reference)
    size = int(hits + others)
    return max(floor, least_difference(int(hits), size, measure.support(current), tail))


def upper_quantile(simulated: Floats, tail: float) -> float | None:
    """Return the resample that a further one exceeds with probability `tail`, None if it has no value.

    >>> upper_quantile(np.arange(1.0, 100.0), 0.05)
    95.0
    """
    ordered = np.sort(simulated)  # NaN comes last: the period had nothing to be counted
    place = math.ceil(round((len(ordered) + 1) * (1 - tail), 6))
    found = float(ordered[min(place, len(ordered)) - 1])
    return None if math.isnan(found) else found


def _simulated(
    reference: PeriodProfile, measures: Sequence[Measure], *, n_tokens: int, resamples: int, seed: int
) -> list[Floats]:
    """Return `<float64>[resamples]` for each measure."""
    tables = [(reference.table @ m.select).toarray().astype(np.float32) for m in measures]
    values: list[list[Floats]] = [[] for _ in measures]
    for large, small in _draws(reference, n_tokens=n_tokens, resamples=resamples, seed=seed):
        for measure, table, kept in zip(measures, tables, values, strict=True):
            kept.append(measure.value((large @ table).astype(float), (small @ table).astype(float)))
    return [np.concatenate(kept) for kept in values]


def _draws(
    reference: PeriodProfile, *, n_tokens: int, resamples: int, seed: int
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Give how often each block is drawn, `<float32>[chunk, n_blocks]`: for the reference, for new data."""
    generator = np.random.default_rng(seed)
    tokens = reference.table[:, [TOKENS_COLUMN]].toarray()[:, 0]
    filled = np.flatnonzero(tokens)
    period_of = reference.blocks.period_of[filled]
    periods = np.unique(period_of)
    for start in range(0, resamples, _CHUNK):
        n = min(_CHUNK, resamples - start)
        large = np.zeros((n, len(tokens)), np.float32)
        small = np.zeros_like(large)
        chosen = generator.choice(periods, n)
        for period in np.unique(chosen):
            rows = np.flatnonzero(chosen == period)
            inside = filled[period_of == period]
            outside = filled[period_of != period] if len(periods) > 1 else filled
            size = n_tokens / tokens[inside].sum() * len(inside)
            n_drawn = int(np.clip(round(size), 1, _MOST * len(inside)))
            small[rows] = _drawn(generator, len(rows), n_drawn, inside, len(tokens))
            large[rows] = _drawn(generator, len(rows), len(outside), outside, len(tokens))
        yield large, small


def _drawn(
    generator: np.random.Generator, n: int, n_drawn: int, blocks: npt.NDArray[np.int64], n_blocks: int
) -> npt.NDArray[np.float32]:
    """Return `<float32>[n, n_blocks]`: draw `n_drawn` of `blocks` with replacement, n times."""
    picked = blocks[generator.integers(0, len(blocks), (n, n_drawn))]
    cells = (np.arange(n)[:, None] * n_blocks + picked).ravel()
    return np.bincount(cells, minlength=n * n_blocks).reshape(n, n_blocks).astype(np.float32)
