"""Adam, for tables too: large ones of which a batch touches few rows. And the moving average of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqtag.config import TrainConfig
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.weights import Weights, weights_of

_AVERAGED_EVERY = 8  # steps: a pass over all weights costs as much as a small step


class Optimizer:
    """Takes steps of Adam (Kingma and Ba 2015), as Keras does, after clipping the whole gradient.

    By name: "adam" moves every row of a table at every step. "lazy-adam" moves those that the batch looked
    up; the others keep their moments as they are, and a step costs the same however large a table is.

    Args:
        config: what is said of the optimizer.
        dense: variables.
        tables: variables `<float32>[n_rows, size]`.
    """

    def __init__(self, config: TrainConfig, dense: Sequence[Any], tables: Mapping[str, Any]) -> None:
        self._clip_norm, self.is_lazy = config.clip_norm, config.optimizer == "lazy-adam"
        self._dense, self._tables = list(dense), dict(tables)
        self._adam = keras.optimizers.Adam(config.learning_rate)
        self._adam.build(self._dense if self.is_lazy else [*self._dense, *self._tables.values()])
        self._moments = {
            name: [tf.Variable(tf.zeros_like(table.value)) for _ in range(2)]
            for name, table in self._tables.items()
            if self.is_lazy
        }

    def set_learning_rate(self, rate: float) -> None:
        self._adam.learning_rate.assign(rate)

    def apply(self, of_dense: Sequence[Any], of_tables: Mapping[str, Any]) -> None:
        """Take one step.

        Args:
            of_dense: the gradient at each dense variable.
            of_tables: by table, its gradient, or the slices `<float32>[n, size]` of it and their rows
                `<int32>[n]`; where it is lazy always slices, of different rows, but for row 0.
        """
        names = list(self._tables)
        gradients = [*of_dense, *(of_tables[name] for name in names)]
        if self._clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm)  # Pascanu et al. 2013
        n_dense = len(self._dense)
        if self.is_lazy:
            self._adam.apply(gradients[:n_dense], self._dense)
            for name, slices in zip(names, gradients[n_dense:], strict=True):
                self._move_rows(name, slices.indices, tf.convert_to_tensor(slices.values))
        else:
            self._adam.apply(gradients, [*self._dense, *self._tables.values()])

    def _move_rows(self, name: str, rows: Any, gradient: Any) -> None:
        adam, table = self._adam, self._tables[name].value
        n_steps = tf.cast(adam.iterations, tf.float32)  # counted by the dense variables' step
        beta_1, beta_2 = adam.beta_1, adam.beta_2
        rate = adam.learning_rate * tf.sqrt(1 - beta_2**n_steps) / (1 - beta_1**n_steps)
        first, second = self._moments[name]
        m = beta_1 * tf.gather(first, rows) + (1 - beta_1) * gradient
        v = beta_2 * tf.gather(second, rows) + (1 - beta_2) * tf.square(gradient)
        moved = tf.gather(table, rows) - rate * m / (tf.sqrt(v) + adam.epsilon)
        for variable, values in ((first, m), (second, v), (table, moved)):
            variable.scatter_nd_update(rows[:, None], values)


class Average:
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

    def after_step(self, number: int) -> None:
        """Take notice of a step, numbered from 1."""
        self._n_behind = number % _AVERAGED_EVERY
        if not self._n_behind:
            self._update()

    def weights(self) -> Weights:
        """Return a copy of the averages by the variables' paths."""
        share = 1.0 - self._kept**self._n_behind  # of the steps that the averages do not have yet
        return {
            variable.path: (average + share * (variable.value - average)).numpy()
            for variable, average in zip(self._variables, self._averages, strict=True)
        }

    def _move(self) -> None:
        share = 1.0 - self._kept**_AVERAGED_EVERY
        for variable, average in zip(self._variables, self._averages, strict=True):
            average.assign_add(share * (variable.value - average))


class NoAverage:
    """The variables as they are."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self._variables = list(variables)

    def after_step(self, number: int) -> None:
        """Do nothing."""

    def weights(self) -> Weights:
        return weights_of(self._variables)
