"""Skewness of a difference over units: large losses on few documents make Student's t too optimistic."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seqtag.evaluation.prf import t_reach


def unit_skewness(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return the skewness of the units' shares in the difference of two scores, 0 if they are all equal.

    The share of a unit is the influence on numerator / denominator, summed over the units.

    Args:
        one, other: `<float64>[n_units, 2]`, numerator and denominator of the metric.
    """
    shares = _influences(one) - _influences(other)
    centred = shares - shares.mean()
    deviation = float(np.sqrt(np.mean(centred**2)))
    return float(np.mean(centred**3)) / deviation**3 if deviation > 0 else 0.0


def lower_reach(share: float, n_units: int, *, deviation: float, skewness: float) -> float:
    """Return the distance of the lower bound of a mean of `n_units` from it.

    It is that of Student's t, or that of Hall's transformation (1992, J. R. Statist. Soc. B 54, 221-228) if
    the skewness is negative. A positive skewness makes Student's t too cautious, which is left as it is.

    Args:
        share: probability that the bound is below the true mean.
        deviation: standard error of the mean.
        skewness: of the units.
    """
    quantile = t_reach(share, n_units, deviation=1.0)
    if skewness >= 0 or not math.isfinite(quantile):
        return t_reach(share, n_units, deviation=deviation)
    small = skewness / math.sqrt(n_units)
    return deviation * 3 * float(np.cbrt(1 + small * (quantile - small / 6)) - 1) / small


def _influences(totals: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return `<float64>[n_units]`, the derivative of the score by the weight of each unit."""
    numerator, denominator = totals.sum(axis=0)
    if denominator == 0:
        return np.zeros(len(totals))
    rest: npt.NDArray[np.float64] = totals[:, 0] - numerator / denominator * totals[:, 1]
    return rest / denominator
