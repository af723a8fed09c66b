"""Precision, recall, F1 and accuracy from sums of counts, with confidence intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtag.evaluation.bootstrap import Resampled, percentile_interval
from seqtag.evaluation.counts import CORRECT, GOLD, PREDICTED

_ROUNDING = 1e-12  # by which resamples of the same share may differ
Sums = npt.NDArray[np.float64]  # [1 + resamples, ...]; row 0 is the sample itself


@dataclass(frozen=True)
class Interval:
    """A score with its confidence interval; None if it is 0 / 0.

    support    tokens or spans that it is a share of
    documents  resampling units that contain them
    """

    value: float | None
    low: float | None
    high: float | None
    support: int
    documents: int


@dataclass(frozen=True)
class Prf:
    """Precision, recall and F1; support is the number of gold tokens or spans."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int
    predicted: int


def ratio(numerator: Sums, denominator: Sums) -> Sums:
    """Return the quotient, NaN for 0 / 0."""
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def precision(sums: Sums) -> Sums:
    """Return `[..., class]` from `[..., 3, class]`: NaN if nothing was predicted."""
    return ratio(sums[..., CORRECT, :], sums[..., PREDICTED, :])


def recall(sums: Sums) -> Sums:
    """Return `[..., class]` from `[..., 3, class]`: NaN if there are no gold items."""
    return ratio(sums[..., CORRECT, :], sums[..., GOLD, :])


def f1(sums: Sums) -> Sums:
    """Return `[..., class]` from `[..., 3, class]`: NaN if there is neither gold nor predicted.

    >>> f1(np.array([[4.0], [2.0], [1.0]]))  # 4 gold, 2 predicted, 1 correct
    array([0.33333333])
    """
    return ratio(2 * sums[..., CORRECT, :], sums[..., GOLD, :] + sums[..., PREDICTED, :])


def share(
    samples: Sums, *, trials: float, n_units: int, confidence: float, support: int | None = None
) -> Interval:
    """Return a share with its interval for clustered data (Korn and Graubard 1998), from `[1 + resamples]`.

    The variance of the bootstrap gives the effective number of independent trials; the interval is that of
    Clopper and Pearson for this number. Unlike bootstrap percentiles, it covers the true value when support
    is small or the share is near 0 or 1. If no resample differs, each unit counts as one trial.

    Args:
        trials: tokens or spans that the share is of; an upper limit of the effective number.
        n_units: resampling units that contain them.
        support: support to report; None: `trials`.
    """
    from scipy.special import betaincinv, stdtrit

    value, support = float(samples[0]), int(trials) if support is None else support
    if np.isnan(value):
        return Interval(value=None, low=None, high=None, support=support, documents=n_units)
    tail = (1 - confidence) / 2
    defined = samples[1:][~np.isnan(samples[1:])]
    differ = len(defined) > 1 and np.ptp(defined) > _ROUNDING
    variance = float(np.var(defined, ddof=1)) if differ else 0.0
    worth = float(n_units)
    if variance > 0 and n_units > 1:
        # the variance is estimated from units
        few = stdtrit(max(trials, n_units) - 1, tail) / stdtrit(n_units - 1, tail)
        worth = value * (1 - value) / variance * float(few) ** 2
    worth = min(worth, trials)
    right = value * worth
    return Interval(
        value=value,
        low=float(betaincinv(right, worth - right + 1, tail)) if right > 0 else 0.0,
        high=float(betaincinv(right + 1, worth - right, 1 - tail)) if right < worth else 1.0,
        support=support,
        documents=n_units,
    )


def percentile(samples: Sums, *, support: float, n_units: int, confidence: float) -> Interval:
    """Return a value that is not a share, with its percentile interval, from `[1 + resamples]`."""
    low, high = percentile_interval(samples[1:, None], confidence)
    return Interval(
        value=number(samples[0]),
        low=number(low[0]),
        high=number(high[0]),
        support=int(support),
        documents=n_units,
    )


def prf_per_class(counts: Resampled, *, confidence: float) -> list[Prf]:
    """Return precision, recall and F1 of each class from `[1 + resamples, 3, class]`."""
    sums, units = counts.sums, counts.n_units
    precisions, recalls, f1s = precision(sums), recall(sums), f1(sums)

    def prf(i: int) -> Prf:
        gold, predicted = int(sums[0, GOLD, i]), int(sums[0, PREDICTED, i])
        in_gold, in_predicted = int(units[GOLD, i]), int(units[PREDICTED, i])
        both, in_either = (gold + predicted) / 2, max(in_gold, in_predicted)
        return Prf(
            precision=share(precisions[:, i], trials=predicted, n_units=in_predicted, confidence=confidence),
            recall=share(recalls[:, i], trials=gold, n_units=in_gold, confidence=confidence),
            f1=share(f1s[:, i], trials=both, n_units=in_either, confidence=confidence, support=gold),
            support=gold,
            predicted=predicted,
        )

    return [prf(i) for i in range(sums.shape[-1])]


def macro_prf(counts: Resampled, *, n_units: int, confidence: float) -> Prf:
    """Return the means over the classes with gold support.

    A class that was never predicted has a precision of 0 here. The mean of a resample is over the classes
    with gold support in that resample, as it would be for another test split.

    Args:
        n_units: resampling units with anything of any class.
    """
    sums = counts.sums
    supported = sums[:, GOLD] > 0
    gold, predicted = float(sums[0, GOLD].sum()), float(sums[0, PREDICTED].sum())

    def mean(figure: Sums, support: float) -> Interval:
        kept = np.where(supported, np.nan_to_num(figure), 0.0).sum(axis=1)
        means = ratio(kept, supported.sum(axis=1).astype(float))
        return share(means, trials=support, n_units=n_units, confidence=confidence)

    return Prf(
        precision=mean(precision(sums), predicted),
        recall=mean(recall(sums), gold),
        f1=mean(f1(sums), gold),
        support=int(gold),
        predicted=int(predicted),
    )


def standard_interval(differences: Sums, *, support: int, n_units: int, confidence: float) -> Interval:
    """Return a difference with its Student t interval over units, from `[1 + resamples]`."""
    deviation = float(np.std(differences[1:], ddof=1))
    reach = t_reach((1 + confidence) / 2, n_units, deviation=deviation)
    return difference_interval(float(differences[0]), reach, support=support, n_units=n_units)


def difference_interval(value: float, reach: float, *, support: int, n_units: int) -> Interval:
    """Return the symmetric interval of a difference of two fractions, clipped to [-1, 1]."""
    return Interval(
        value=value,
        low=max(value - reach, -1.0),
        high=min(value + reach, 1.0),
        support=support,
        documents=n_units,
    )


def t_reach(share: float, n_units: int, *, deviation: float) -> float:
    """Return the distance of the bound of a mean of `n_units` from it, by the quantile of Student's t.

    It is infinite for a single unit, which has no variance.
    """
    from scipy.special import stdtrit

    return float(stdtrit(n_units - 1, share)) * deviation if n_units > 1 else math.inf


def number(value: float) -> float | None:
    """Return the value, None for NaN, which JSON does not allow."""
    return None if np.isnan(value) else float(value)
