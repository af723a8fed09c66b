"""Approximate randomization (Noreen 1989; Yeh 2000): how often chance alone makes a difference as large."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seqtag.evaluation.prf import ratio

_ROUNDS = 1024  # drawn at once
_CELLS = 2**22  # swaps drawn at once; another number gives other rounds
_ENOUGH = 20  # rounds with as large a difference, after which the p-value is known well enough


def randomization_p_value(
    ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], *, level: float, seed: int
) -> float:
    """Return the two-sided p-value of the difference between two models' metric.

    Were both equally good, it would not matter which of them gave which answer: in each round the answers to
    each unit are swapped or not, at even odds. The p-value is the share of rounds whose difference is at
    least as large as the one observed, which counts as a round itself. As many rounds are drawn as it takes
    to tell a p-value of `level`; a larger one is known, and returned, sooner (Besag and Clifford 1991).

    Args:
        ours, theirs: `<float64>[n_units, 2]`, numerator and denominator of the metric.
    """
    generator = np.random.default_rng(seed)
    our_sums, their_sums = ours.sum(axis=0), theirs.sum(axis=0)
    observed = abs(float(ratio(*our_sums) - ratio(*their_sums)))
    apart = (theirs - ours)[(theirs != ours).any(axis=1)].astype(
        np.float32
    )  # swapping others changes nothing
    n_rounds, n_as_large = 0, 0
    while n_rounds < math.ceil(_ENOUGH / level) and n_as_large < _ENOUGH:
        moved = np.zeros((_ROUNDS, 2))
        for start in range(0, len(apart), _CELLS // _ROUNDS):
            part = apart[start : start + _CELLS // _ROUNDS]
            bits = np.frombuffer(generator.bytes(_ROUNDS * math.ceil(len(part) / 8)), np.uint8)
            swaps = np.unpackbits(bits.reshape(_ROUNDS, -1), axis=1, count=len(part))
            moved += swaps.astype(np.float32) @ part
        swapped = np.nan_to_num(ratio(*(our_sums + moved).T) - ratio(*(their_sums - moved).T))
        n_as_large += int(np.count_nonzero(np.abs(swapped) >= observed - 1e-12))  # summed in another order
        n_rounds += _ROUNDS
    return (1 + n_as_large) / (1 + n_rounds)
