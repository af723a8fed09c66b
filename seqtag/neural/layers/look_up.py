"""Look-ups of vectors, with fast gradients in training."""

from __future__ import annotations

from typing import Any

from seqtag.neural import native
from seqtag.neural._tensorflow import tf
from seqtag.neural.native import NativeOperations


def look_up(table: Any, ids: Any, *, training: bool) -> Any:
    """Return rows of a table, as `tf.gather` does; in training, with a gradient that is faster than its own.

    Args:
        table: `<float32>[n_rows, size]`.
        ids: `<int32>`, of any shape.
        training: whether a gradient is needed; it is no part of a SavedModel.

    Returns: `<float32>`, the shape of `ids` and size.
    """
    operations = native.operations() if training else None
    if operations is None:
        return tf.gather(table, ids)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def rows(table: Any) -> Any:
        return tf.gather(table, ids), lambda upstream: _row_sums(operations, upstream, ids, table)

    return rows(table)


def look_up_sums(table: Any, ids: Any, *, training: bool) -> Any:
    """Return sums of rows of a table; in training, with a gradient that is faster than TensorFlow's.

    Args:
        table: `<float32>[n_rows, size]`.
        ids: `<int32>[n, k]`, rows to sum.
        training: whether a gradient is needed.

    Returns: `<float32>[n, size]`.
    """
    operations = native.operations() if training else None
    if operations is None:
        return tf.reduce_sum(tf.gather(table, ids), axis=1)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def sums(table: Any) -> Any:
        rows = tf.gather(table, ids)  # [n, k, size]
        return tf.reduce_sum(rows, axis=1), lambda upstream: _row_sums(operations, upstream, ids, table)

    return sums(table)


def sums_of_squares(values: Any, ids: Any, n_rows: Any) -> Any:
    """Return the sum of the squares of the values of each row, `<float32>[n_rows, size]`.

    Args:
        values: `<float32>[..., size]`.
        ids: `<int32>[...]`, row of each value.
        n_rows: number of rows.
    """
    operations = native.operations()
    if operations is None:
        return tf.math.unsorted_segment_sum(tf.square(values), ids, n_rows)
    return operations.sum_rows(values, ids, n_rows, squared=True)


def _row_sums(operations: NativeOperations, values: Any, ids: Any, table: Any) -> Any:
    return tf.ensure_shape(operations.sum_rows(values, ids, tf.shape(table)[0]), table.shape)
