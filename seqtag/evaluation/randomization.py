"""Approximate randomization (Noreen 1989; Yeh 2000): a significance test for paired scores."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seqtag.evaluation.prf import ratio

_ROUNDS = 1024  # drawn at once
_CELLS = 2**22  # swaps drawn at once; changing it changes the rounds
_ENOUGH = 20  # rounds with at least the observed difference, at which the p-value is precise enough


def randomization_p_value(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64], *, level: float, seed: int
) -> float:
    """Return the two-sided p-value of the difference between two models' metric.

    If both models were equally good, swapping their answers would make no difference. Each round swaps the
    answers to each unit with a probability of one half. The p-value is the share of rounds with a difference
    at least as large as the observed one, which itself counts as a round. There are enough rounds to resolve
    a p-value of `level`; they end early if the p-value is larger (Besag and Clifford 1991).

    Args:
        one, other: `<float64>[n_units, 2]`, numerator and denominator of the metric.
    """
    generator = np.random.default_rng(seed)
    one_sums, other_sums = one.sum(axis=0), other.sum(axis=0)
    observed = abs(float(ratio(*one_sums) - ratio(*other_sums)))
    is_different = (other != one).any(axis=1)  # swapping equal ones has no effect
    apart = (other - one)[is_different].astype(np.float32)
    n_rounds, n_as_large = 0, 0
    while n_rounds < math.ceil(_ENOUGH / level) and n_as_large < _ENOUGH:
        moved = np.zeros((_ROUNDS, 2))
        for start in range(0, len(apart), _CELLS // _ROUNDS):
            part = apart[start : start + _CELLS // _ROUNDS]
            bits = np.frombuffer(generator.bytes(_ROUNDS * math.ceil(len(part) / 8)), np.uint8)
            swaps = np.unpackbits(bits.reshape(_ROUNDS, -1), axis=1, count=len(part))
            moved += swaps.astype(np.float32) @ part
        swapped = np.nan_to_num(ratio(*(one_sums + moved).T) - ratio(*(other_sums - moved).T))
        # tolerance: other order of summation
        n_as_large += int(np.count_nonzero(np.abs(swapped) >= observed - 1e-12))
        n_rounds += _ROUNDS
    return (1 + n_as_large) / (1 + n_rounds)
