"""Adam for dense variables and for large tables of which a batch uses few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtag.config import TrainConfig
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.weights import Arrays, with_prefix, without_prefix

_REMEMBERED = 256  # steps after which a gradient no longer moves a weight


class TableRows(NamedTuple):
    """Rows of a table with their Adam moments."""

    ids: Any  # <int32>[n]; only rows without a gradient may repeat
    values: Any  # <float32>[n, size]
    first: Any  # <float32>[n, size], first moment of the gradient
    second: Any  # <float32>[n, size], second moment of the gradient


class Optimizer:
    """Adam (Kingma and Ba 2015) as in Keras, with clipping by the global norm.

    "adam" updates every row of a table at every step. "lazy-adam" updates only the rows that a batch uses and
    leaves the moments of the others unchanged. With both, the cost of a step does not depend on the size of
    the tables: "adam" defers the updates of unused rows until the rows are next used.

    Args:
        config: optimizer settings.
        dense: dense variables.
        tables: variables `<float32>[n_rows, size]` by name.
    """

    def __init__(self, config: TrainConfig, dense: Sequence[Any], tables: Mapping[str, Any]) -> None:
        self._clip_norm, self.is_lazy = config.clip_norm, config.optimizer == "lazy-adam"
        self._dense, self._tables = list(dense), dict(tables)
        self._adam = keras.optimizers.Adam(config.learning_rate)
        self._adam.build(self._dense)
        self._moments = {
            name: [tf.Variable(tf.zeros_like(table.value)) for _ in range(2)]
            for name, table in self._tables.items()
        }
        sizes = {name: table.shape[0] for name, table in self._tables.items()}
        betas = {"beta_1": self._adam.beta_1, "beta_2": self._adam.beta_2, "epsilon": self._adam.epsilon}
        self._missed = DeferredUpdates(sizes, learning_rate=config.learning_rate, **betas)

    def set_learning_rate(self, rate: float) -> None:
        self._adam.learning_rate.assign(rate)
        self._missed.learning_rate = rate

    def missed(self, rows_of: Mapping[str, npt.NDArray[np.int32]]) -> dict[str, npt.NDArray[np.float32]]:
        """Count a step; return the deferred updates of its rows by table, for `looked_up`; empty if lazy."""
        return {} if self.is_lazy else self._missed.before_step(rows_of)

    def looked_up(self, rows_of: Mapping[str, Any], missed: Mapping[str, Any]) -> dict[str, TableRows]:
        """Return the rows of each table with all deferred updates applied."""
        found = {}
        for name, ids in rows_of.items():
            columns = (self._tables[name].value, *self._moments[name])
            rows = TableRows(ids, *(tf.gather(column, ids) for column in columns))
            found[name] = rows if self.is_lazy else caught_up(rows, missed[name])
        return found

    def apply(
        self,
        dense_gradients: Sequence[Any],
        rows: Mapping[str, TableRows],
        row_gradients: Mapping[str, Any],
        squares: Mapping[str, Any],
    ) -> None:
        """Apply one update.

        Args:
            dense_gradients: gradient of each dense variable.
            rows: rows used by the batch, by table.
            row_gradients: gradients of these rows, `<float32>[n, size]`, by table.
            squares: squared gradients for the second moment, `<float32>[n, size]`, by table. They may differ
                from the squares of `row_gradients`, for example if squared per token and then summed.
        """
        if self._clip_norm:
            norm = tf.linalg.global_norm([*dense_gradients, *row_gradients.values()])  # Pascanu et al. 2013
            scale = self._clip_norm / tf.maximum(norm, self._clip_norm)
            dense_gradients = [gradient * scale for gradient in dense_gradients]
            row_gradients = {name: gradient * scale for name, gradient in row_gradients.items()}
            squares = {name: square * scale**2 for name, square in squares.items()}
        self._adam.apply(dense_gradients, self._dense)
        adam, n_steps = self._adam, tf.cast(self._adam.iterations, tf.float32)
        rate = adam.learning_rate * tf.sqrt(1 - adam.beta_2**n_steps) / (1 - adam.beta_1**n_steps)
        for name, (ids, values, first, second) in rows.items():
            first += (row_gradients[name] - first) * (1 - adam.beta_1)
            second += (squares[name] - second) * (1 - adam.beta_2)
            values -= rate * first / (tf.sqrt(second) + adam.epsilon)
            self._write(name, TableRows(ids, values, first, second))

    def catch_up(self) -> None:
        """Apply the deferred updates to all rows of all tables."""
        if self.is_lazy:
            return
        every = {name: np.arange(table.shape[0], dtype=np.int32) for name, table in self._tables.items()}
        missed = self._missed.until_now(every)
        for name, rows in self.looked_up(every, missed).items():
            self._write(name, rows)

    def state(self) -> Arrays:
        """Return moments and step counts by name."""
        adam = {f"adam {n}": variable.numpy() for n, variable in enumerate(self._adam.variables)}
        moments = {
            f"moment {n} {table}": moment.numpy()
            for table, pair in self._moments.items()
            for n, moment in enumerate(pair)
        }
        return {**adam, **moments, **with_prefix("missed", self._missed.state())}

    def restore(self, state: Arrays) -> None:
        """Restore the state of an optimizer for the same variables."""
        for n, variable in enumerate(self._adam.variables):
            variable.assign(state[f"adam {n}"])
        for table, pair in self._moments.items():
            for n, moment in enumerate(pair):
                moment.assign(state[f"moment {n} {table}"])
        self._missed.restore(without_prefix("missed", state))

    def _write(self, name: str, rows: TableRows) -> None:
        variables = (self._tables[name].value, *self._moments[name])
        for variable, values in zip(variables, rows[1:], strict=True):
            variable.scatter_nd_update(rows.ids[:, None], values)


def caught_up(rows: TableRows, missed: Any) -> TableRows:
    """Return rows with the updates of `DeferredUpdates` applied.

    Args:
        rows: rows before the updates.
        missed: `<float32>[n, 4]`, from `DeferredUpdates`.
    """
    first_decay, second_decay, moved, epsilon = tf.split(missed, 4, axis=1)  # [n, 1] each
    values = rows.values - moved * rows.first / (tf.sqrt(rows.second) + epsilon)  # [n, size]
    return TableRows(rows.ids, values, rows.first * first_decay, rows.second * second_decay)


class DeferredUpdates:
    """Deferred Adam updates of table rows that had no gradient.

    k steps without a gradient scale the first moment m by b1^k and the second moment v by b2^k, and move the
    row by

        sum over j = 1 .. k of rate_j b1^j m / (sqrt(b2^j v) + epsilon)

    where rate_j is the learning rate with bias correction. This is approximately

        m / (sqrt(v) + e) * sum of rate_j r^j,    r = b1 / sqrt(b2),    e = epsilon * mean of b2^(-j/2)

    where the mean has weights rate_j r^j. The error is of second order in epsilon's share of the denominator:
    2e-4 of a step if sqrt(v) is a tenth of epsilon, 2e-6 if it is ten times epsilon. Steps older than 256 are
    ignored, because r^256 is 1e-12.

    Args:
        sizes: number of rows by table.
        learning_rate: learning rate, which may be changed before each step.
        beta_1: Adam's beta_1.
        beta_2: Adam's beta_2.
        epsilon: Adam's epsilon.
    """

    def __init__(
        self, sizes: Mapping[str, int], *, learning_rate: float, beta_1: float, beta_2: float, epsilon: float
    ) -> None:
        self.learning_rate = learning_rate
        self._betas, self._epsilon, self._n_steps = np.array([beta_1, beta_2]), epsilon, 0
        self._made = {name: np.zeros(size, np.int64) for name, size in sizes.items()}  # last step applied
        # By step, the sums over all later steps of rate_j r^j and of rate_j r^j b2^(-j/2).
        self._since = np.zeros([2, 1024])
        ages = np.arange(_REMEMBERED, 0, -1)
        r = beta_1 / beta_2**0.5
        self._weights = np.stack([r**ages, r**ages * beta_2 ** (-ages / 2)])

    def before_step(self, rows_of: Mapping[str, npt.NDArray[np.int32]]) -> dict[str, npt.NDArray[np.float32]]:
        """Count a step in which these rows have a gradient; return `<float32>[n, 4]` by table.

        Columns: decay of the first moment, decay of the second moment, sum of rate_j r^j, and e.
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
        """Return the same updates, up to the last step, without counting a step."""
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
        """Return the step counts and sums by name."""
        made = {f"made {table}": steps for table, steps in self._made.items()}
        return {"n_steps": np.array(self._n_steps), "since": self._since, **made}

    def restore(self, state: Arrays) -> None:
        """Restore what `state` returned."""
        self._n_steps, self._since = int(state["n_steps"]), state["since"].copy()
        self._made = {table: state[f"made {table}"].copy() for table in self._made}
