"""The moving average of weights, which tags better than the weights after the last step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqtag.neural._tensorflow import tf
from seqtag.neural.weights import Arrays, Weights, weights_of

_EVERY = 8  # steps: a pass over all weights costs as much as a small step


class ExponentialMovingAverage:
    """The exponential moving average of variables, brought up to date every few steps.

    Args:
        variables: what is averaged.
        span: steps, in which a weight's share falls to 1 / e.
    """

    def __init__(self, variables: Sequence[Any], *, span: float) -> None:
        self._variables = list(variables)
        self._averages = [tf.Variable(variable.value) for variable in self._variables]
        self._kept, self._n_behind = 1.0 - 1.0 / max(1.0, span), 0
        self._update = tf.function(self._move, jit_compile=True)

    def is_due(self, number: int) -> bool:
        """Tell whether the variables are looked at after a step."""
        return number % _EVERY == 0

    def after_step(self, number: int) -> None:
        """Take notice of a step, numbered from 1."""
        self._n_behind = number % _EVERY
        if self.is_due(number):
            self._update()

    def weights(self) -> Weights:
        """Return a copy of the averages by the variables' paths."""
        share = 1.0 - self._kept**self._n_behind  # of the steps that the averages do not have yet
        return {
            variable.path: (average + share * (variable.value - average)).numpy()
            for variable, average in zip(self._variables, self._averages, strict=True)
        }

    def state(self) -> Arrays:
        """Return the averages as they were last brought up to date."""
        averages = {f"{n}": average.numpy() for n, average in enumerate(self._averages)}
        return {"n_behind": np.array(self._n_behind), **averages}

    def restore(self, state: Arrays) -> None:
        """Go on where `state` was given."""
        self._n_behind = int(state["n_behind"])
        for n, average in enumerate(self._averages):
            average.assign(state[f"{n}"])

    def _move(self) -> None:
        share = 1.0 - self._kept**_EVERY
        for variable, average in zip(self._variables, self._averages, strict=True):
            average.assign_add(share * (variable.value - average))


class NoMovingAverage:
    """The variables as they are."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self._variables = list(variables)

    def is_due(self, number: int) -> bool:  # noqa: ARG002
        return False

    def after_step(self, number: int) -> None:
        """Do nothing."""

    def weights(self) -> Weights:
        return weights_of(self._variables)

    def state(self) -> Arrays:
        """Return nothing: there is none."""
        return {}

    def restore(self, state: Arrays) -> None:
        """Do nothing."""
