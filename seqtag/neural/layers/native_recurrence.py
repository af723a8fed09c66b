"""A bidirectional LSTM for training, computed by the native operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqtag.neural._tensorflow import tf
from seqtag.neural.native import NativeOperations, n_parts


def native_bidirectional_lstm(
    operations: NativeOperations, x: Any, mask: Any, weights: Sequence[Any], *, keep: Any = None
) -> Any:
    """Return the outputs of both directions, for training.

    Needs no compilation and computes nothing at padding. The directions run in parallel; with more than three
    processors, so do parts of the batch. Equal inputs give equal bytes on a machine with as many processors.
    XLA cannot compile it.

    Args:
        operations: the native operations.
        x: `<float32>[batch, time, feature]`.
        mask: `<bool>[batch, time]`, padding only on the right.
        weights: kernel `<float32>[feature, 4 * units]`, recurrent kernel `<float32>[units, 4 * units]` and
            bias `<float32>[4 * units]`, forward and then backward; gates in Keras' order.
        keep: `<float32>[2, 4 or 1, batch, units]`, dropout mask on the state before each gate, or one for all
            gates; None for no dropout.

    Returns: `<float32>[batch, time, 2 * units]`, 0 at padding.
    """
    units, lengths = weights[1].shape[0], tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)  # [batch]
    if keep is None:
        keep = tf.zeros([2, 0, tf.shape(x)[0], units])
    parts = n_parts()

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def outputs(x: Any, *weights: Any) -> Any:
        inputs = [(x, lengths, keep, *of_direction) for of_direction in (weights[:3], weights[3:])]
        array = operations.array(x, size=2 * units)
        saved = [
            [operations.lstm(*of, array, backward=backward, part=part, parts=parts) for part in range(parts)]
            for backward, of in enumerate(inputs)
        ]
        y = operations.filled(array, [*saved[0], *saved[1]])  # [batch, time, 2 * units]

        def gradient(upstream: Any) -> tuple[Any, ...]:
            d_x, d_weights = zip(
                *(
                    _direction_gradient(operations, of, y, saved[backward], upstream, backward)
                    for backward, of in enumerate(inputs)
                ),
                strict=True,
            )
            return tf.ensure_shape(d_x[0] + d_x[1], x.shape), *d_weights[0], *d_weights[1]

        return tf.ensure_shape(y, [*x.shape[:2], 2 * units]), gradient

    return outputs(x, *weights)


def _direction_gradient(
    operations: NativeOperations, inputs: Sequence[Any], y: Any, saved: Sequence[Any], d_y: Any, backward: int
) -> tuple[Any, list[Any]]:
    """Return the gradients of a direction at x and at its weights."""
    x, parts = inputs[0], len(saved)
    array = operations.array(x, size=x.shape[2])
    d_weights = [
        operations.lstm_gradient(*inputs, y, of_part, d_y, array, backward=backward, part=part, parts=parts)
        for part, of_part in enumerate(saved)
    ]
    d_x = operations.filled(array, [d_kernel for d_kernel, *_ in d_weights])  # [batch, time, feature]
    return d_x, [tf.add_n(of_parts) for of_parts in zip(*d_weights, strict=True)]
