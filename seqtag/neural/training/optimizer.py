"""Adam, for tables too: large ones of which a batch touches few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtag.config import TrainConfig
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.weights import Arrays, below, named

_REMEMBERED = 256  # steps, after which a gradient no longer moves a weight


class TableRows(NamedTuple):
    """Rows of a table as Adam left them."""

    ids: Any  # <int32>[n]; different ones, but for those without a gradient
    values: Any  # <float32>[n, size]
    first: Any  # <float32>[n, size], moments of the gradient
    second: Any


class Optimizer:
    """Takes steps of Adam (Kingma and Ba 2015), as Keras does, after clipping the whole gradient.

    By name: "adam" moves every row of a table at every step. "lazy-adam" moves those that the batch looked
    up; the others keep their moments as they are. Either way a step costs the same however large a table is:
    a row that was not looked up is moved when it is, by all the steps that it missed.

    As one of several replicas, which look up different rows, only "adam", and it passes over whole tables.

    Args:
        config: what is said of the optimizer.
        dense: variables.
        tables: variables `<float32>[n_rows, size]`.
    """

    def __init__(self, config: TrainConfig, dense: Sequence[Any], tables: Mapping[str, Any]) -> None:
        self._clip_norm, self.is_lazy = config.clip_norm, config.optimizer == "lazy-adam"
        self._dense, self._tables = list(dense), dict(tables)
        self._adam = keras.optimizers.Adam(config.learning_rate)
        self.is_replica = tf.distribute.get_strategy().num_replicas_in_sync > 1
        self._adam.build([*self._dense, *self._tables.values()] if self.is_replica else self._dense)
        self._moments = {
            name: [tf.Variable(tf.zeros_like(table.value)) for _ in range(2)]
            for name, table in self._tables.items()
            if not self.is_replica
        }
        sizes = {name: table.shape[0] for name, table in self._tables.items()}
        betas = {"beta_1": self._adam.beta_1, "beta_2": self._adam.beta_2, "epsilon": self._adam.epsilon}
        self._missed = DeferredUpdates(sizes, learning_rate=config.learning_rate, **betas)

    def set_learning_rate(self, rate: float) -> None:
        self._adam.learning_rate.assign(rate)
        self._missed.learning_rate = rate

    def missed(self, rows_of: Mapping[str, npt.NDArray[np.int32]]) -> dict[str, npt.NDArray[np.float32]]:
        """Count a step; return by table, for `looked_up`, what rows missed before it: nothing if lazy."""
        return {} if self.is_lazy else self._missed.before_step(rows_of)

    def looked_up(self, rows_of: Mapping[str, Any], missed: Mapping[str, Any]) -> dict[str, TableRows]:
        """Return the rows of each table as they are after all steps so far."""
        found = {}
        for name, ids in rows_of.items():
            values = tf.gather(self._tables[name].value, ids)
            if self.is_replica:  # the moments are with those of whole tables
                found[name] = TableRows(ids, values, None, None)
                continue
            rows = TableRows(ids, values, *(tf.gather(moment, ids) for moment in self._moments[name]))
            found[name] = rows if self.is_lazy else caught_up(rows, missed[name])
        return found

    def apply(
        self,
        of_dense: Sequence[Any],
        rows: Mapping[str, TableRows],
        of_rows: Mapping[str, Any],
        squares: Mapping[str, Any],
    ) -> None:
        """Take one step.

        Args:
            of_dense: the gradient at each dense variable.
            rows: by table, those that were looked up.
            of_rows: by table, the gradient at them, `<float32>[n, size]`.
            squares: by table, its square, which is a sum of squares where a sum of gradients was squared
                one by one.
        """
        if self._clip_norm:
            norm = tf.linalg.global_norm([*of_dense, *of_rows.values()])  # Pascanu et al. 2013
            scale = self._clip_norm / tf.maximum(norm, self._clip_norm)
            of_dense = [gradient * scale for gradient in of_dense]
            of_rows = {name: gradient * scale for name, gradient in of_rows.items()}
            squares = {name: square * scale**2 for name, square in squares.items()}
        self._adam.apply(of_dense, self._dense)
        adam, n_steps = self._adam, tf.cast(self._adam.iterations, tf.float32)
        rate = adam.learning_rate * tf.sqrt(1 - adam.beta_2**n_steps) / (1 - adam.beta_1**n_steps)
        for name, (ids, values, first, second) in rows.items():
            first += (of_rows[name] - first) * (1 - adam.beta_1)
            second += (squares[name] - second) * (1 - adam.beta_2)
            values -= rate * first / (tf.sqrt(second) + adam.epsilon)
            self._write(name, TableRows(ids, values, first, second))

    def apply_as_replica(self, of_dense: Sequence[Any], of_tables: Mapping[str, Any]) -> None:
        """Take one step with the gradients of all replicas; at a table whole, or in slices of it."""
        gradients = [*of_dense, *(of_tables[name] for name in self._tables)]
        if self._clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm)  # each replica its own
        self._adam.apply(gradients, [*self._dense, *self._tables.values()])

    def catch_up(self) -> None:
        """Move all rows of all tables by the steps that they missed."""
        if self.is_lazy or self.is_replica:
            return
        every = {name: np.arange(table.shape[0], dtype=np.int32) for name, table in self._tables.items()}
        missed = self._missed.until_now(every)
        for name, rows in self.looked_up(every, missed).items():
            self._write(name, rows)

    def state(self) -> Arrays:
        """Return moments and counts, by name."""
        adam = {f"adam {n}": variable.numpy() for n, variable in enumerate(self._adam.variables)}
        moments = {
            f"moment {n} {table}": moment.numpy()
            for table, pair in self._moments.items()
            for n, moment in enumerate(pair)
        }
        return {**adam, **moments, **named("missed", self._missed.state())}

    def restore(self, state: Arrays) -> None:
        """Be as an optimizer of the same variables was when it gave `state`."""
        for n, variable in enumerate(self._adam.variables):
            variable.assign(state[f"adam {n}"])
        for table, pair in self._moments.items():
            for n, moment in enumerate(pair):
                moment.assign(state[f"moment {n} {table}"])
        self._missed.restore(below("missed", state))

    def _write(self, name: str, rows: TableRows) -> None:
        variables = (self._tables[name].value, *self._moments[name])
        for variable, values in zip(variables, rows[1:], strict=True):
            variable.scatter_nd_update(rows.ids[:, None], values)


def caught_up(rows: TableRows, missed: Any) -> TableRows:
    """Return rows as they are after the steps without a gradient that `DeferredUpdates` counted."""
    of_first, of_second, moved, epsilon = tf.split(missed, 4, axis=1)  # [n, 1] each
    values = rows.values - moved * rows.first / (tf.sqrt(rows.second) + epsilon)
    return TableRows(rows.ids, values, rows.first * of_first, rows.second * of_second)


class DeferredUpdates:
    """The steps of Adam that rows of tables have not made yet, because they had no gradient in them.

    k steps without one leave b1^k of the first moment m, b2^k of the second moment v, and move the row by

        sum over j = 1 .. k of rate_j b1^j m / (sqrt(b2^j v) + epsilon)

    where rate_j is the learning rate with its correction for the bias of the moments. That is

        m / (sqrt(v) + e) * sum of rate_j r^j,    r = b1 / sqrt(b2),    e = epsilon * the mean of b2^(-j/2)

    with weights rate_j r^j. What is left out is of second order in epsilon's share of the denominator: 2e-4
    of one step where sqrt(v) is a tenth of epsilon, 2e-6 where it is ten times as large. After 256 steps r^j
    is 1e-12.

    Args:
        sizes: rows by table.
        learning_rate: may be set anew before each step.
        beta_1, beta_2, epsilon: Adam's own.
    """

    def __init__(
        self, sizes: Mapping[str, int], *, learning_rate: float, beta_1: float, beta_2: float, epsilon: float
    ) -> None:
        self.learning_rate = learning_rate
        self._betas, self._epsilon, self._n_steps = np.array([beta_1, beta_2]), epsilon, 0
        self._made = {name: np.zeros(size, np.int64) for name, size in sizes.items()}  # last step made
        # After each step, what came later: the sums of rate_j r^j, and of rate_j r^j b2^(-j/2).
        self._since = np.zeros([2, 1024])
        ages = np.arange(_REMEMBERED, 0, -1)
        r = beta_1 / beta_2**0.5
        self._weights = np.stack([r**ages, r**ages * beta_2 ** (-ages / 2)])

    def before_step(self, rows_of: Mapping[str, npt.NDArray[np.int32]]) -> dict[str, npt.NDArray[np.float32]]:
        """Count a step in which these rows have a gradient; return `<float32>[n, 4]` by table.

        The columns: what is left of each moment, the sum that moves the row, and e.
        """
        missed = self.until_now(rows_of)
        self._n_steps += 1
        for name, rows in rows_of.items():
            self._made[name][rows] = self._n_steps
        left = 1 - self._betas**self._n_steps
        rate = self.learning_rate * left[1] ** 0.5 / left[0]
        if self._n_steps == self._since.shape[1]:
            self._since = np.concatenate([self._since, np.zeros_like(self._since)], axis=1)
        first = max(0, self._n_steps - _REMEMBERED)
        self._since[:, first : self._n_steps] += rate * self._weights[:, first - self._n_steps :]
        return missed

    def until_now(self, rows_of: Mapping[str, npt.NDArray[np.int32]]) -> dict[str, npt.NDArray[np.float32]]:
        """Return the same for rows that make up for it without a step."""
        missed = {}
        for name, rows in rows_of.items():
            made = self._made[name][rows]
            moved, corrected = self._since[:, made]
            mean = np.divide(corrected, moved, out=np.ones_like(moved), where=moved > 0)
            left = self._betas[:, None] ** (self._n_steps - made)
            missed[name] = np.stack([*left, moved, self._epsilon * mean], axis=1).astype(np.float32)
            self._made[name][rows] = self._n_steps
        return missed

    def state(self) -> Arrays:
        """Return the counts, by name."""
        made = {f"made {table}": steps for table, steps in self._made.items()}
        return {"n_steps": np.array(self._n_steps), "since": self._since, **made}

    def restore(self, state: Arrays) -> None:
        """Go on where `state` was given."""
        self._n_steps, self._since = int(state["n_steps"]), state["since"].copy()
        self._made = {table: state[f"made {table}"].copy() for table in self._made}
