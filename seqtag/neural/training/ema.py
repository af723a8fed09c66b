"""Exponential moving average of weights, which scores better than the weights of the last step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqtag.neural._tensorflow import graph_function, tf
from seqtag.neural.weights import Arrays, Weights

_EVERY = 8  # steps between updates: a pass over all weights costs as much as a small step


class ExponentialMovingAverage:
    """Exponential moving average of variables, updated every few steps.

    Args:
        variables: the variables to average.
        span: steps after which the share of a past value has fallen to 1 / e.
    """

    def __init__(self, variables: Sequence[Any], *, span: float) -> None:
        self._variables = list(variables)
        self._averages = [tf.Variable(variable.value) for variable in self._variables]
        self._kept, self._n_behind = 1.0 - 1.0 / max(1.0, span), 0
        self._update = graph_function(self._move)

    def is_due(self, number: int) -> bool:
        """Return True if the average is updated after this step."""
        return number % _EVERY == 0

    def after_step(self, number: int) -> None:
        """Record a step, numbered from 1, and update the average if due."""
        self._n_behind = number % _EVERY
        if self.is_due(number):
            self._update()

    def weights(self) -> Weights:
        """Return copies of the averages by variable path."""
        share = 1.0 - self._kept**self._n_behind  # of the steps since the last update
        return {
            variable.path: (average + share * (variable.value - average)).numpy()
            for variable, average in zip(self._variables, self._averages, strict=True)
        }

    def state(self) -> Arrays:
        """Return the averages as of the last update."""
        averages = {f"{n}": average.numpy() for n, average in enumerate(self._averages)}
        return {"n_behind": np.array(self._n_behind), **averages}

    def restore(self, state: Arrays) -> None:
        """Restore what `state` returned."""
        self._n_behind = int(state["n_behind"])
        for n, average in enumerate(self._averages):
            average.assign(state[f"{n}"])

    def _move(self) -> None:
        share = 1.0 - self._kept**_EVERY
        for variable, average in zip(self._variables, self._averages, strict=True):
            average.assign_add(share * (variable.value - average))
