"""A bidirectional LSTM for training, computed by the native operations."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

from seqtag.neural._tensorflow import tf
from seqtag.neural.native import NativeOperations

_MOST_PARTS = 8  # each part packs the weights


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
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)  # [batch]
    if keep is None:
        keep = tf.zeros([2, 0, tf.shape(x)[0], weights[1].shape[0]])
    n_parts = min(n_processors() // 2, _MOST_PARTS)
    if n_parts < 2:
        return _both_directions(operations, x, lengths, weights, keep)
    batch = tf.shape(x)[0]
    ends = [batch * part // n_parts for part in range(n_parts + 1)]
    parts = [
        _both_directions(operations, x[a:b], lengths[a:b], weights, keep[:, :, a:b])
        for a, b in itertools.pairwise(ends)
    ]
    return tf.ensure_shape(tf.concat(parts, axis=0), [*x.shape[:2], parts[0].shape[2]])


def n_processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def _both_directions(
    operations: NativeOperations, x: Any, lengths: Any, weights: Sequence[Any], keep: Any
) -> Any:
    shape = [x.shape[0], x.shape[1], 2 * weights[1].shape[0]]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def outputs(x: Any, *weights: Any) -> Any:
        directions = [(weights[:3], False), (weights[3:], True)]
        both = [operations.lstm(x, lengths, keep, *of, backward=backward) for of, backward in directions]
        y = tf.ensure_shape(tf.concat([output for output, _ in both], axis=2), shape)

        def gradient(upstream: Any) -> tuple[Any, ...]:
            (d_x, *d_forward), (d_x_backward, *d_backward) = (
                operations.lstm_gradient(x, lengths, keep, *of, *computed, upstream, backward=backward)
                for (of, backward), computed in zip(directions, both, strict=True)
            )
            return tf.ensure_shape(d_x + d_x_backward, x.shape), *d_forward, *d_backward

        return y, gradient

    return outputs(x, *weights)
