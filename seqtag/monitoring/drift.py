"""Compare new data with the reference: each statistic with its noise floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seqtag.config import MonitorConfig
from seqtag.monitoring.drift_statistics import StatisticSpec, comparable_statistics
from seqtag.monitoring.period_profile import PeriodProfile
from seqtag.monitoring.thresholds import resamples_for, thresholds

Origin = Literal["snapshot", "logs"]


@dataclass(frozen=True)
class ProfilePair:
    """Two profiles with the same layout.

    origin    source of `current`. The tags of logs are the champion's predictions, not labels
    arrived   all new data, if `current` omits repeats
    """

    origin: Origin
    reference: PeriodProfile
    current: PeriodProfile
    arrived: PeriodProfile | None = None


@dataclass(frozen=True)
class Statistic:
    """A statistic with its noise floor; shares are fractions in [0, 1].

    name, measure        the compared quantity and the measure: difference of shares, distance or PSI
    threshold            None if simulated periods had nothing to compare
    where                the bin that contributes most
    reference, current   shares of that bin
    *_support            counts of both sides, in `unit`
    fixable              can be fixed by retraining on the new data
    alarms               the value is above the threshold
    """

    origin: Origin
    name: str
    measure: str
    where: str
    reference: float
    current: float
    value: float
    threshold: float | None
    reference_support: int
    current_support: int
    unit: str
    fixable: bool
    alarms: bool


def compare(comparisons: Sequence[ProfilePair], *, config: MonitorConfig, seed: int) -> tuple[Statistic, ...]:
    """Compare each current period with its reference.

    All statistics share one false-alarm rate, 1 - `config.quantile`, in equal parts.
    """
    found = [
        (c, comparable_statistics(c.reference, c.current, min_support=config.min_support))
        for c in comparisons
        if c.current.n_tokens >= config.min_tokens
    ]
    n = sum(len(of) for _, of in found)
    resamples = resamples_for(config.quantile, n_statistics=n, at_least=config.resamples)
    statistics: list[Statistic] = []
    for comparison, of in found:
        floor = thresholds(
            comparison.reference,
            comparison.current,
            of,
            tail=(1 - config.quantile) / n,
            resamples=resamples,
            seed=seed,
        )
        statistics += [_statistic(comparison, m, t) for m, t in zip(of, floor, strict=True)]
    return tuple(statistics)


def _statistic(comparison: ProfilePair, measure: StatisticSpec, threshold: float | None) -> Statistic:
    reference, current = measure.counts(comparison.reference), measure.counts(comparison.current)
    shares = np.stack([reference / reference.sum(), current / current.sum()])  # [2, n_bins]
    value = float(measure.value(reference, current))
    most = 0 if measure.way == "difference" else int(np.argmax(_contributions(*shares)))
    return Statistic(
        origin=comparison.origin,
        name=measure.name,
        measure=_WORDS[measure.way],
        where=measure.bins[most],
        reference=float(shares[0, most]),
        current=float(shares[1, most]),
        value=value,
        threshold=threshold,
        reference_support=int(reference.sum()),
        current_support=int(current.sum()),
        unit=measure.unit,
        fixable=measure.fixable and comparison.origin == "snapshot" and comparison.current.is_labelled,
        alarms=threshold is not None and value > threshold,
    )


_WORDS = {"difference": "difference of shares", "distance": "Jensen-Shannon distance", "psi": "PSI"}


def _contributions(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return the contribution of each bin to a distance, weighted towards rare bins."""
    return (p - q) ** 2 / (p + q + np.finfo(float).tiny)
