"""Precision, recall, F1 and accuracy from sums of counts, and how they stand in metrics.json."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.scoring.bootstrap import percentile_interval
from seqtag.scoring.counts import CORRECT, GOLD, PREDICTED

Sums = npt.NDArray[np.float64]  # [1 + resamples, ...]; row 0 is the sample itself


class Interval(TypedDict):
    """A figure in [0, 1], None where it is 0 / 0, with its percentile interval.

    `support` is the number of tokens or spans that it is a share of.
    """

    value: float | None
    low: float | None
    high: float | None
    support: int


class Prf(TypedDict):
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
    """Return `[..., class]` from `[..., 3, class]`: NaN where nothing was predicted."""
    return ratio(sums[..., CORRECT, :], sums[..., PREDICTED, :])


def recall(sums: Sums) -> Sums:
    """Return `[..., class]` from `[..., 3, class]`: NaN where there was nothing to find."""
    return ratio(sums[..., CORRECT, :], sums[..., GOLD, :])


def f1(sums: Sums) -> Sums:
    """Return `[..., class]` from `[..., 3, class]`: NaN where nothing was to be found, and nothing was.

    >>> f1(np.array([[4.0], [2.0], [1.0]]))  # 4 gold, 2 predicted, 1 correct
    array([0.33333333])
    """
    return ratio(2 * sums[..., CORRECT, :], sums[..., GOLD, :] + sums[..., PREDICTED, :])


def intervals(samples: Sums, supports: npt.NDArray[np.float64], *, confidence: float) -> list[Interval]:
    """Return one interval per column of `[1 + resamples, n]`, each with its support."""
    low, high = percentile_interval(samples[1:], confidence)
    return [
        Interval(value=number(v), low=number(a), high=number(b), support=int(s))
        for v, a, b, s in zip(samples[0], low, high, supports, strict=True)
    ]


def interval(samples: Sums, support: float, *, confidence: float) -> Interval:
    """Return the interval of `[1 + resamples]`."""
    return intervals(samples[:, None], np.array([support]), confidence=confidence)[0]


def prf_per_class(sums: Sums, *, confidence: float) -> list[Prf]:
    """Return precision, recall and F1 of each class from `[1 + resamples, 3, class]`."""
    gold, predicted = sums[0, GOLD], sums[0, PREDICTED]
    return [
        Prf(precision=p, recall=r, f1=f, support=int(g), predicted=int(n))
        for p, r, f, g, n in zip(
            intervals(precision(sums), predicted, confidence=confidence),
            intervals(recall(sums), gold, confidence=confidence),
            intervals(f1(sums), gold, confidence=confidence),
            gold,
            predicted,
            strict=True,
        )
    ]


def micro_prf(sums: Sums, *, confidence: float) -> Prf:
    """Return precision, recall and F1 over all classes together."""
    return prf_per_class(sums.sum(axis=-1, keepdims=True), confidence=confidence)[0]


def macro_prf(sums: Sums, *, confidence: float) -> Prf:
    """Return the means over the classes that have gold support.

    A class of which nothing was predicted has precision 0 here. In a resample the mean goes over the
    classes that have gold support there.
    """
    supported = sums[:, GOLD] > 0
    gold, predicted = float(sums[0, GOLD].sum()), float(sums[0, PREDICTED].sum())

    def mean(figure: Sums, support: float) -> Interval:
        kept = np.where(supported, np.nan_to_num(figure), 0.0).sum(axis=1)
        return interval(ratio(kept, supported.sum(axis=1).astype(float)), support, confidence=confidence)

    return Prf(
        precision=mean(precision(sums), predicted),
        recall=mean(recall(sums), gold),
        f1=mean(f1(sums), gold),
        support=int(gold),
        predicted=int(predicted),
    )


def number(value: float) -> float | None:
    """Return None for NaN, which JSON does not know."""
    return None if np.isnan(value) else float(value)
