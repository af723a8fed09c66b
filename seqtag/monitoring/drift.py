"""Compare new data with the reference: every statistic beside its noise floor."""

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
    """Two profiles of one layout.

    origin    of `current`. Tags in logs are those that the champion gave: nothing there is labelled
    arrived   all that came, where `current` leaves repeats out
    """

    origin: Origin
    reference: PeriodProfile
    current: PeriodProfile
    arrived: PeriodProfile | None = None


@dataclass(frozen=True)
class Statistic:
    """One figure with its noise floor; shares are fractions in [0, 1].

    name, measure        what is compared, and how: a difference of shares, a distance, PSI
    threshold            None where simulated periods had nothing to compare
    where                the bin in which most of it lies
    reference, current   the shares of that bin
    support              of both sides, in `unit`
    mendable             whether a retraining on the new data can mend it
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
    mendable: bool

    @property
    def alarms(self) -> bool:
        return self.threshold is not None and self.value > self.threshold


def compare(comparisons: Sequence[ProfilePair], *, config: MonitorConfig, seed: int) -> tuple[Statistic, ...]:
    """Compare each current period with its reference.

    All statistics share one rate of false alarms, 1 - `config.quantile`: each has its part of it.
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
    most = 0 if measure.way == "difference" else int(np.argmax(_contributions(*shares)))
    return Statistic(
        origin=comparison.origin,
        name=measure.name,
        measure=_WORDS[measure.way],
        where=measure.bins[most],
        reference=float(shares[0, most]),
        current=float(shares[1, most]),
        value=float(measure.value(reference, current)),
        threshold=threshold,
        reference_support=int(reference.sum()),
        current_support=int(current.sum()),
        unit=measure.unit,
        mendable=measure.mendable and comparison.origin == "snapshot" and comparison.current.is_labelled,
    )


_WORDS = {"difference": "difference of shares", "distance": "Jensen-Shannon distance", "psi": "PSI"}


def _contributions(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Return what each bin adds to a distance: its change, the more the rarer it is."""
    return (p - q) ** 2 / (p + q + np.finfo(float).tiny)
