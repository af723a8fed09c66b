"""Hardware limit: the speed of a large matrix product, and the operations to train on one token."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

_SIZE = 3072  # rows and columns: beyond the caches
_TIMES = 5


def matrix_product() -> dict[str, float]:
    """Return the highest float32 operations per second of up to three libraries."""
    factor = np.random.default_rng(1).random((_SIZE, _SIZE), np.float32)
    reached = {"numpy": _operations_per_second(lambda: factor @ factor)}
    for library, tensor in (("tensorflow", "constant"), ("torch", "from_numpy")):
        try:
            module = import_module(library)
        except ModuleNotFoundError:
            continue
        there = getattr(module, tensor)(factor)
        reached[library] = _operations_per_second(
            lambda there=there, module=module: module.matmul(there, there)
        )
    return {"best": max(reached.values()), **reached}


def training_operations(*, n_features: int, units: int, n_tags: int, layers: int = 1) -> float:
    """Return the float operations of the matrix products needed to train on one token.

    In each direction of a layer, the features of a token and the previous state are multiplied by a matrix to
    give four gates: `2 * 4 * units * (features + units)` operations. The features of an upper layer are the
        `2 * units` outputs of the layer below. The tags take `2 * 2 * units * n_tags`. The gradients with
        respect to inputs and weights take the same again each, so training costs three times a forward pass.
        Look-ups, element-wise operations, padding, the optimizer and word-type features are left out, so this
        is a lower bound.

    >>> training_operations(n_features=50, units=100, n_tags=17)
    740400
    """
    widths = [n_features, *[2 * units] * (layers - 1)]
    recurrence = sum(2 * 2 * 4 * units * (width + units) for width in widths)
    return 3 * (recurrence + 2 * 2 * units * n_tags)


def _operations_per_second(product: Callable[[], Any]) -> float:
    product()
    seconds = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        np.asarray(product())  # waits for the result
        seconds.append(time.perf_counter() - started)
    return 2 * _SIZE**3 / min(seconds)
