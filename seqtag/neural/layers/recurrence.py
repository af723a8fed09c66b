"""The recurrence of a bidirectional LSTM: one loop for both directions, its gradient written out.

Inside, arrays are `[time, direction, feature, batch]`: gates are then slices of whole rows, and each step is
one matrix product and a few passes over memory that is in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtag.neural._tensorflow import tf

# Added to every gate at padding: input, forget and output gates are then 0, and with them state and output.
_CLOSED = -1e4

# Gates in Keras' order: input, forget, candidate, output. A sigmoid is a tanh of half its argument, and one
# tanh over all four is cheaper (XLA's logistic takes twice the time of its tanh; TensorFlow 2.21).
_SCALE = np.array([0.5, 0.5, 1.0, 0.5], np.float32)[:, None, None]  # [4, 1, 1]
_SHIFT = np.array([0.5, 0.5, 0.0, 0.5], np.float32)[:, None, None]
_THROUGH_CELL = np.array([1.0, 1.0, 1.0, 0.0], np.float32)[:, None, None]  # the output gate stands behind it


def bidirectional_lstm(x: Any, mask: Any, *, kernel: Any, recurrent: Any, bias: Any, keep: Any = None) -> Any:
    """Return the outputs of both directions, for training.

    Works eagerly, in a graph, and in one that XLA compiles, where it is fast.

    Args:
        x: `<float32>[batch, time, feature]`.
        mask: `<bool>[batch, time]`, padding only on the right.
        kernel: `<float32>[2, feature, 4 * units]`, forward and backward, gates as Keras orders them.
        recurrent: `<float32>[2, units, 4 * units]`.
        bias: `<float32>[2, 4 * units]`.
        keep: `<float32>[2, 4 or 1, units, batch]`, what the state is multiplied with before it enters each
            gate, or all of them; None for nothing.

    Returns: `<float32>[batch, time, 2 * units]`, 0 at padding.
    """
    n_steps = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)))
    behind = tf.shape(mask)[1] - n_steps  # padding of all sequences: the loop does not run there
    x = tf.transpose(x, [1, 2, 0])  # [time, feature, batch]
    both = tf.stack([x, tf.roll(tf.reverse(x, [0]), -behind, 0)], axis=1)  # [time, 2, feature, batch]
    projected = tf.matmul(kernel, both, transpose_a=True) + bias[:, :, None]  # [time, 2, 4 * units, batch]
    closed = tf.cast(~tf.transpose(mask), tf.float32) * _CLOSED  # [time, batch]
    projected += tf.stack([closed, tf.roll(tf.reverse(closed, [0]), -behind, 0)], axis=1)[:, :, None, :]
    states = _states(projected, recurrent, keep, n_steps)  # [time, 2, units, batch]
    y = tf.concat([states[:, 0], tf.reverse(tf.roll(states[:, 1], behind, 0), [0])], axis=1)
    return tf.transpose(y, [2, 0, 1])  # [batch, time, 2 * units]


def fused_lstm(x: Any, mask: Any, *, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """Return what `bidirectional_lstm` returns, for reading: TensorFlow's fused kernel, in any shape at once.

    It needs no compiling, but knows no recurrent dropout, and XLA cannot compile it.
    """
    closed = tf.cast(~tf.transpose(mask), tf.float32)[:, :, None]  # [time, batch, 1], one more feature
    x = tf.concat([tf.transpose(x, [1, 0, 2]), closed], axis=2)  # [time, batch, feature + 1]
    forward = _fused_direction(x, kernel[0], recurrent[0], bias[0])  # [time, batch, units]
    backward = _fused_direction(tf.reverse(x, [0]), kernel[1], recurrent[1], bias[1])
    y = tf.concat([forward, tf.reverse(backward, [0])], axis=2)  # [time, batch, 2 * units]
    return tf.transpose(y, [1, 0, 2])  # [batch, time, 2 * units]


def _fused_direction(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    n_steps, batch, units = tf.shape(x, tf.int64)[0], tf.shape(x)[1], recurrent.shape[0]
    nothing, peephole = tf.zeros([batch, units]), tf.zeros([units])
    closing = tf.fill([1, 4 * units], _CLOSED)
    return tf.raw_ops.BlockLSTMV2(
        seq_len_max=n_steps,
        x=x,
        cs_prev=nothing,
        h_prev=nothing,
        w=tf.concat([kernel, closing, recurrent], axis=0),
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=bias,
        cell_clip=0.0,
    ).h


def _states(projected: Any, recurrent: Any, keep: Any, n_steps: Any) -> Any:
    """Return the states `<float32>[time, 2, units, batch]`, 0 after the first `n_steps`."""
    units = recurrent.shape[1]
    if keep is None:
        keep = tf.ones([2, 1, units, tf.shape(projected)[3]])
    n_masks = keep.shape[1]
    per_gate = tf.reshape(recurrent, [2, units, n_masks, 4 * units // n_masks])
    weights = tf.transpose(per_gate, [0, 2, 1, 3])  # [2, n_masks, units, 4 * units / n_masks]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def states(projected: Any, weights: Any) -> Any:
        gates, cells, outputs = _forward(projected, weights, keep, n_steps)

        def gradient(upstream: Any) -> tuple[Any, Any]:
            at_gates = _backward(upstream, weights, keep, n_steps, gates, cells)  # [time, 2, 4, units, batch]
            at_weights = _weight_gradient(outputs, keep, at_gates)
            return tf.reshape(at_gates, tf.shape(projected)), at_weights

        return outputs, gradient

    return states(projected, weights)


def _forward(projected: Any, weights: Any, keep: Any, n_steps: Any) -> tuple[Any, Any, Any]:
    """Return gates `[time, 2, 4, units, batch]`, cells and outputs `[time, 2, units, batch]`."""
    units, batch = weights.shape[2], projected.shape[3]
    in_gates = [2, 4, units, -1]

    def step(t: Any, output: Any, cell: Any, *written: Any) -> tuple[Any, ...]:
        fed_back = tf.matmul(weights, output[:, None] * keep, transpose_a=True)  # [2, n_masks, ..., batch]
        z = tf.reshape(projected[t], in_gates) + tf.reshape(fed_back, in_gates)
        gates = tf.tanh(z * _SCALE) * _SCALE + _SHIFT  # [2, 4, units, batch]
        cell = gates[:, 1] * cell + gates[:, 0] * gates[:, 2]  # [2, units, batch]
        output = gates[:, 3] * tf.tanh(cell)
        now = (gates, cell, output)
        return (
            t + 1,
            output,
            cell,
            *(array.write(t, value) for array, value in zip(written, now, strict=True)),
        )

    state, in_time = [2, units, batch], [[2, 4, units, batch], [2, units, batch], [2, units, batch]]
    nothing = tf.zeros([2, units, tf.shape(projected)[3]])
    nothing.set_shape(state)
    arrays = [
        tf.TensorArray(tf.float32, size=tf.shape(projected)[0], element_shape=shape) for shape in in_time
    ]
    loop = tf.while_loop(lambda t, *_: t < n_steps, step, (0, nothing, nothing, *arrays))
    gates, cells, outputs = (array.stack() for array in loop[3:])
    return gates, cells, outputs


def _backward(upstream: Any, weights: Any, keep: Any, n_steps: Any, gates: Any, cells: Any) -> Any:
    """Return the gradient at the gates' arguments, `[time, 2, 4, units, batch]`.

    All that depends on no later step is computed beforehand, for all steps together.
    """
    _, n_masks, _, n_fed = weights.shape
    before = tf.concat([tf.zeros_like(cells[:1]), cells[:-1]], axis=0)  # [time, 2, units, batch]
    i, f, g, o = (gates[:, :, k] for k in range(4))
    squashed = tf.tanh(cells)
    slopes = tf.stack(
        [g * i * (1 - i), before * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)], axis=2
    )  # [time, 2, 4, units, batch]: of the cell, and last of the output, by each gate's argument
    into_cell = o * (1 - squashed * squashed)  # [time, 2, units, batch]

    def step(t: Any, at_output: Any, at_cell: Any, written: Any) -> tuple[Any, ...]:
        at_output += upstream[t]  # [2, units, batch]
        at_cell += at_output * into_cell[t]
        behind = at_cell[:, None] * _THROUGH_CELL + at_output[:, None] * (1 - _THROUGH_CELL)
        at_gates = slopes[t] * behind  # [2, 4, units, batch]
        fed_back = tf.matmul(weights, tf.reshape(at_gates, [2, n_masks, n_fed, -1]))
        at_output = tf.reduce_sum(fed_back * keep, axis=1)  # [2, units, batch]
        return t - 1, at_output, at_cell * gates[t][:, 1], written.write(t, at_gates)

    nothing = tf.zeros_like(upstream[0])
    array = tf.TensorArray(tf.float32, size=tf.shape(upstream)[0], element_shape=slopes.shape[1:])
    return tf.while_loop(lambda t, *_: t >= 0, step, (n_steps - 1, nothing, nothing, array))[3].stack()


def _weight_gradient(outputs: Any, keep: Any, at_gates: Any) -> Any:
    """Return `[2, n_masks, units, 4 * units / n_masks]`, all steps in one matrix product."""
    units, n_masks = keep.shape[2], keep.shape[1]
    before = tf.concat([tf.zeros_like(outputs[:1]), outputs[:-1]], axis=0)  # [time, 2, units, batch]
    fed = tf.transpose(before[:, :, None] * keep, [1, 2, 3, 0, 4])  # [2, n_masks, units, time, batch]
    at_gates = tf.transpose(at_gates, [1, 2, 3, 0, 4])  # [2, 4, units, time, batch]
    fed = tf.reshape(fed, [2, n_masks, units, -1])
    return tf.matmul(
        fed, tf.reshape(at_gates, [2, n_masks, 4 * units // n_masks, tf.shape(fed)[3]]), transpose_b=True
    )
