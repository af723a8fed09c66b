"""What the machine can do at the most, a large matrix product, and what learning from a token takes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

_SIZE = 3072  # rows and columns: beyond the caches
_TIMES = 5


def matrix_product() -> dict[str, float]:
    """Return the most float32 operations per second that any of three libraries reached."""
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
    """Return the float operations of matrix products that learning from one token takes.

    Of each direction of a layer, a token's features and the state before it go through a matrix to four
    gates: `2 * 4 * units * (features + units)` operations; a further layer's features are the `2 * units` of
    the one below. Then come the tags: `2 * 2 * units * n_tags`. The gradients by the inputs and by the
    weights take as much each, so learning is three times reading. Look-ups, element-wise work, padding, the
    optimizer and the spelling of forms are left out: real work is more.

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
        np.asarray(product())  # waits until it is there
        seconds.append(time.perf_counter() - started)
    return 2 * _SIZE**3 / min(seconds)
