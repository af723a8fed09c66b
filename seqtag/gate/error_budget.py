"""Error budget: the error level of each comparison, given the error rate allowed for all of them together.

Every comparison with new evidence may promote by mistake. If each of `horizon` consecutive comparisons does
so with a probability of at most `false_promotions / horizon`, the probability that any of them does is at
most `false_promotions`, however they depend on each other (Bonferroni): they may share the test split, the
champion and most of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

from seqtag.config import GateConfig

_LEAST = 0.1  # of an equal share; a smaller remainder of the budget is too strict a level to find anything
_RAREST = 1e-9  # lowest error level considered: at it, a test split is good for any number of comparisons
POWER = 0.8  # probability of finding an improvement that counts as detectable


@dataclass(frozen=True)
class Budget:
    """The part of the error budget that earlier comparisons of the same horizon have spent.

    comparisons  number of them with new evidence, at most `gate.horizon - 1`
    spent        sum of their error levels
    """

    comparisons: int = 0
    spent: float = 0.0

    def level(self, gate: GateConfig) -> float:
        """Return the error level of the next comparison, 0 if the budget is used up.

        >>> Budget(3, 0.0005).level(GateConfig(horizon=100, false_promotions=0.05))
        0.0005
        """
        left = gate.false_promotions - self.spent
        share = gate.false_promotions / gate.horizon
        if left >= share * (1 - 1e-9):  # sums of shares are rounded
            return share
        return left if left >= share * _LEAST else 0.0


@dataclass(frozen=True)
class Gauge:
    """The detection power of a test split; scores and probabilities are fractions in [0, 1].

    n_documents  documents on which the two models can be compared
    level        error level of the comparison: its probability of a false promotion
    detectable   improvement that one comparison finds with a probability of `POWER`
    improvement  the improvement to look for (`gate.improvement`)
    good_for     comparisons that the rest of the budget pays for, if each has to find `improvement` with a
                 probability of `POWER`
    documents    test documents needed for a whole horizon of such comparisons; None: no number is enough,
                 because retraining noise exceeds the improvement
    to_double    further documents that double `good_for`; None: no number does, or `good_for` is 0
    """

    n_documents: int
    level: float
    comparisons: int
    horizon: int
    spent: float
    detectable: float
    improvement: float
    good_for: int
    documents: int | None
    to_double: int | None


def gauge(
    budget: Budget, *, standard_error: float, noise: float, n_units: int, gate: GateConfig
) -> Gauge | None:
    """Return the detection power of a test split; None if both models gave the same answers.

    Args:
        standard_error: of the difference of two models on this test split.
        noise: standard deviation of the score between equally good retrainings.
        n_units: documents of the test split.
    """
    if not standard_error:
        return None
    of_one = standard_error * n_units**0.5
    in_errors = (gate.improvement - gate.margin) / standard_error
    affordable = max(NormalDist().cdf(_z(POWER) - in_errors), _RAREST)
    found = detectable(standard_error, level=affordable, noise=noise, gate=gate) <= gate.improvement * 1.0001
    left = max(gate.false_promotions - budget.spent, 0.0)
    needed = partial(documents_needed, gate.improvement, of_one=of_one, noise=noise, gate=gate)
    enough = n_units >= fewest_documents(affordable)
    good_for = int(min(left / affordable, 1e6)) if found and enough else 0
    double = needed(level=affordable / 2) if good_for else None
    share = gate.false_promotions / gate.horizon
    return Gauge(
        n_documents=n_units,
        level=budget.level(gate),
        comparisons=budget.comparisons,
        horizon=gate.horizon,
        spent=budget.spent,
        detectable=detectable(standard_error, level=share, noise=noise, gate=gate),
        improvement=gate.improvement,
        good_for=good_for,
        documents=needed(level=share),
        to_double=None if double is None else max(double - n_units, 0),
    )


def fewest_documents(level: float) -> int:
    """Return the number of differing documents that a sign test needs for significance at an error level.

    >>> fewest_documents(0.05 / 365), fewest_documents(0.025)
    (13, 6)
    """
    return math.ceil(math.log2(1 / level) - 1e-9)


def fewest_test_documents(gate: GateConfig) -> int:
    """Return the smallest number of test documents on which a challenger can be promoted.

    >>> fewest_test_documents(GateConfig())
    13
    """
    return fewest_documents(gate.false_promotions / gate.horizon)


def detectable(standard_error: float, *, level: float, noise: float, gate: GateConfig) -> float:
    """Return the improvement that a comparison at an error level finds with a probability of `POWER`.

    The difference has to clear the margin twice: at the error level, with the uncertainty of the test split
    alone, and at the gate's confidence, with retraining noise added.
    """
    if not 0 < level < 1:
        return math.inf
    by_level = _z(1 - level) * standard_error
    by_noise = _z((1 + gate.confidence) / 2) * math.hypot(standard_error, 2**0.5 * noise)
    return gate.margin + max(by_level, by_noise) + _z(POWER) * standard_error


def power(
    improvement: float, *, standard_error: float, level: float, noise: float, gate: GateConfig
) -> float:
    """Return the probability that one comparison at an error level finds an improvement."""
    if standard_error <= 0:
        return float(improvement > gate.margin)
    needed = detectable(standard_error, level=level, noise=noise, gate=gate) - _z(POWER) * standard_error
    return NormalDist().cdf((improvement - needed) / standard_error)


def documents_needed(
    improvement: float, *, of_one: float, level: float, noise: float, gate: GateConfig
) -> int | None:
    """Return the number of test documents needed to find an improvement with a probability of `POWER`.

    None: no number is enough, because retraining noise exceeds the improvement.

    Args:
        of_one: standard error of the difference on a test split of one document.
        level: error level of the comparison.

    >>> documents_needed(0.01, of_one=0.2, level=0.025, noise=0.0, gate=GateConfig())
    3140
    """
    if of_one <= 0 or detectable(0.0, level=level, noise=noise, gate=gate) >= improvement:
        return None
    low, high = 0.0, improvement  # standard errors that are small enough, and too large
    for _ in range(60):
        middle = (low + high) / 2
        finds = detectable(middle, level=level, noise=noise, gate=gate) <= improvement
        low, high = (middle, high) if finds else (low, middle)
    return max(fewest_documents(level), math.ceil((of_one / low) ** 2 - 1e-6))


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)
