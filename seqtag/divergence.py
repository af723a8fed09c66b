"""Jensen-Shannon divergence of two distributions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def jensen_shannon_divergence(
    p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the Jensen-Shannon divergence in bits (Lin 1991): 0 for equal, 1 for disjoint distributions.

    Its square root is a distance (Endres and Schindelin 2003). SciPy has only that, which is NaN if rounding
    makes the divergence negative.

    Args:
        p, q: `<float64>[..., n]`, shares that add up to 1. NaN in, NaN out.

    >>> jensen_shannon_divergence(np.array([[1.0, 0.0], [0.75, 0.25]]), np.array([[0.0, 1.0], [0.75, 0.25]]))
    array([1., 0.])
    """
    from scipy.special import rel_entr

    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=-1) / (2 * np.log(2))
    clipped: npt.NDArray[np.float64] = np.clip(divergence, 0, 1)
    return clipped
