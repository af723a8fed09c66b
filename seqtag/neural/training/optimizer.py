"""Adam for dense variables and for large tables of which a batch uses few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtag.config import TrainConfig
from seqtag.neural import native
from seqtag.neural._tensorflow import tf
from seqtag.neural.weights import Arrays, with_prefix, without_prefix

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7  # Keras' defaults
_REMEMBERED = 256  # steps after which a gradient no longer moves a weight


class TableRows(NamedTuple):
    """Rows of a table with their Adam moments."""

    ids: Any  # <int32>[n]; only rows without a gradient may repeat
    values: Any  # <float32>[n, size]
    first: Any  # <float32>[n, size], first moment of the gradient
    second: Any  # <float32>[n, size], second moment of the gradient


class WithMoments(NamedTuple):
    """An array with its Adam moments: variables or tensors `<float32>` of one shape."""

    values: Any
    first: Any  # first moment of the gradient
    second: Any  # second moment of the gradient


class StepInputs(NamedTuple):
    """Inputs of a step besides its batch."""

    rate: Any  # <float32>[], learning rate with Adam's bias correction
    missed: Mapping[str, Any]  # <float32>[n, 4] by table, deferred updates of the batch's rows; empty if lazy


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
        self._learning_rate, self._n_steps = config.learning_rate, 0
        self._dense, self._tables = [variable.value for variable in dense], dict(tables)
        self._dense_moments = [_moments(variable) for variable in self._dense]
        self._moments = {name: _moments(table.value) for name, table in self._tables.items()}
        self._missed = DeferredUpdates({name: table.shape[0] for name, table in self._tables.items()})

    def set_learning_rate(self, rate: float) -> None:
        self._learning_rate = rate

    def start_step(self, rows_of: Mapping[str, npt.NDArray[np.int32]]) -> StepInputs:
        """Count a step, and return its inputs.

        Args:
            rows_of: `[n]`, the rows of the batch by table.
        """
        self._n_steps += 1
        correction = (1 - _BETA_2**self._n_steps) ** 0.5 / (1 - _BETA_1**self._n_steps)
        rate = self._learning_rate * correction
        missed = {} if self.is_lazy else self._missed.before_step(rows_of, rate)
        return StepInputs(np.float32(rate), missed)

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
        rate: Any,
    ) -> None:
        """Apply one update.

        Args:
            dense_gradients: gradient of each dense variable.
            rows: rows used by the batch, by table.
            row_gradients: gradients of these rows, `<float32>[n, size]`, by table.
            squares: squared gradients for the second moment, `<float32>[n, size]`, by table. They may differ
                from the squares of `row_gradients`, for example if squared per token and then summed.
            rate: `<float32>[]`, from `start_step`.
        """
        scale = tf.constant(1.0)
        if self._clip_norm:
            norm = tf.linalg.global_norm([*dense_gradients, *row_gradients.values()])  # Pascanu et al. 2013
            scale = self._clip_norm / tf.maximum(norm, self._clip_norm)
        dense = [
            WithMoments(v, *moments) for v, moments in zip(self._dense, self._dense_moments, strict=True)
        ]
        for of, new in zip(dense, adam(dense, dense_gradients, rate=rate, scale=scale), strict=True):
            for variable, value in zip(of, new, strict=True):
                variable.assign(value)
        tables = [WithMoments(*of_table[1:]) for of_table in rows.values()]
        gradients, of_squares = ([by_table[name] for name in rows] for by_table in (row_gradients, squares))
        moved = adam(tables, gradients, of_squares, rate=rate, scale=scale)
        for (name, of_table), new in zip(rows.items(), moved, strict=True):
            self._write(name, TableRows(of_table.ids, *new))

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
        moments = {name: moment.numpy() for name, moment in self._named_moments().items()}
        missed = with_prefix("missed", self._missed.state())
        return {"n_steps": np.array(self._n_steps), **moments, **missed}

    def restore(self, state: Arrays) -> None:
        """Restore the state of an optimizer for the same variables."""
        self._n_steps = int(state["n_steps"])
        for name, moment in self._named_moments().items():
            moment.assign(state[name])
        self._missed.restore(without_prefix("missed", state))

    def _named_moments(self) -> dict[str, Any]:
        dense = {f"dense {n}": pair for n, pair in enumerate(self._dense_moments)}
        return {
            f"moment {n} {name}": moment
            for name, pair in (dense | self._moments).items()
            for n, moment in enumerate(pair)
        }

    def _write(self, name: str, rows: TableRows) -> None:
        variables = (self._tables[name].value, *self._moments[name])
        for variable, values in zip(variables, rows[1:], strict=True):
            variable.scatter_update(tf.IndexedSlices(values, rows.ids))


def _moments(variable: Any) -> tuple[Any, Any]:
    """Return variables for the first and second moment of a variable's gradient, 0 at first."""
    return tf.Variable(tf.zeros_like(variable)), tf.Variable(tf.zeros_like(variable))


def adam(
    arrays: Sequence[WithMoments],
    gradients: Sequence[Any],
    squares: Sequence[Any] = (),
    *,
    rate: Any,
    scale: Any,
) -> list[WithMoments]:
    """Return arrays after a step of Adam.

    Args:
        arrays: arrays before the step.
        gradients: gradient of each array.
        squares: squared gradient of each array; empty to square `gradients`.
        rate: `<float32>[]`, learning rate with the bias correction.
        scale: `<float32>[]`, factor on the gradients.
    """
    operations = native.operations()
    if operations is not None:
        columns = [list(column) for column in zip(*arrays, strict=True)]
        new = operations.adam(rate, scale, *columns, list(gradients), list(squares))
        return [WithMoments(*of_array) for of_array in zip(*new, strict=True)]
    moved = []
    squares = squares or [tf.square(gradient) for gradient in gradients]
    for (values, first, second), gradient, square in zip(arrays, gradients, squares, strict=True):
        new_first = first + (scale * gradient - first) * (1 - _BETA_1)
        new_second = second + (scale**2 * square - second) * (1 - _BETA_2)
        new_values = values - rate * new_first / (tf.sqrt(new_second) + _EPSILON)
        moved.append(WithMoments(new_values, new_first, new_second))
    return moved


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
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._betas, self._n_steps = np.array([_BETA_1, _BETA_2]), 0
        self._made = {name: np.zeros(size, np.int64) for name, size in sizes.items()}  # last step applied
        # By step, the sums over all later steps of rate_j r^j and of rate_j r^j b2^(-j/2).
        self._since = np.zeros([2, 1024])
        ages = np.arange(_REMEMBERED, 0, -1)
        r = _BETA_1 / _BETA_2**0.5
        self._weights = np.stack([r**ages, r**ages * _BETA_2 ** (-ages / 2)])

    def before_step(
        self, rows_of: Mapping[str, npt.NDArray[np.int32]], rate: float
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Count a step in which these rows have a gradient; return `<float32>[n, 4]` by table.

        Columns: decay of the first moment, decay of the second moment, sum of rate_j r^j, and e.

        Args:
            rows_of: `[n]`, rows by table.
            rate: learning rate of the step, with bias correction.
        """
        missed = self.until_now(rows_of)
        self._n_steps += 1
        for name, rows in rows_of.items():
            self._made[name][rows] = self._n_steps
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
            missed[name] = np.stack([*left, moved, _EPSILON * mean], axis=1).astype(np.float32)
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
