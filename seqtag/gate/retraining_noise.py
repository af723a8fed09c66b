"""Retraining noise: the variation of one configuration's score from training to training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from seqtag.config import GateConfig

ASSUMED = 0.001  # used until there are measurements
_WEIGHT = 4  # measured differences that the assumption is worth


@dataclass(frozen=True)
class RetrainingNoise:
    """Standard deviation of the score between equally good trainings, as a fraction, and its source."""

    value: float
    source: str


def retraining_noise(scores: Sequence[float], gate: GateConfig) -> RetrainingNoise:
    """Return the configured noise, else an estimate from runs of one configuration on one test split.

    The estimate is half the mean squared difference of successive scores (von Neumann 1941), so that a steady
    gain from growing data does not count as noise. `ASSUMED` enters as four further differences.

    Args:
        scores: fractions in [0, 1], oldest first.

    >>> round(retraining_noise([0.90, 0.91, 0.90], GateConfig()).value, 4)
    0.0042
    """
    if gate.retraining_noise is not None:
        return RetrainingNoise(gate.retraining_noise, "configured as gate.retraining_noise")
    n = max(0, len(scores) - 1)
    squares = sum((b - a) ** 2 for a, b in pairwise(scores))
    value = ((_WEIGHT * ASSUMED**2 + squares / 2) / (_WEIGHT + n)) ** 0.5
    if not n:
        return RetrainingNoise(value, "assumed: no earlier runs of this configuration on this test split")
    return RetrainingNoise(value, f"estimated from {n + 1} runs of this configuration on this test split")
