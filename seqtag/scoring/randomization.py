"""Approximate randomization (Noreen 1989; Yeh 2000): how often chance alone makes a difference as large."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtag.scoring.figures import ratio

_CHUNK = 4096  # sequences whose swaps are drawn at once; another number gives other rounds


def randomization_p_value(
    ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32], *, rounds: int, seed: int
) -> float:
    """Return the two-sided p-value of the difference between two models' metric.

    Were both equally good, it would not matter which of them gave which answer: in each round the answers to
    each sequence are swapped or not, at even odds. The p-value is the share of rounds whose difference is at
    least as large as the one observed, which counts as a round itself.

    Args:
        ours, theirs: `<float32>[n_sequences, 2]`, numerator and denominator of the metric.
    """
    generator = np.random.default_rng(seed)
    apart = theirs - ours
    moved = np.zeros((rounds, 2))
    for start in range(0, len(ours), _CHUNK):
        part = apart[start : start + _CHUNK]
        moved += generator.integers(0, 2, (rounds, len(part)), dtype=np.uint8).astype(np.float32) @ part
    our_sums, their_sums = (counts.sum(axis=0, dtype=np.float64) for counts in (ours, theirs))
    observed = ratio(*our_sums) - ratio(*their_sums)
    swapped = np.nan_to_num(ratio(*(our_sums + moved).T) - ratio(*(their_sums - moved).T))
    as_large = np.abs(swapped) >= abs(observed) - 1e-12  # the same difference, summed in another order
    return float((1 + np.count_nonzero(as_large)) / (1 + rounds))
