"""The recurrence of a bidirectional LSTM: one loop for both directions, with an explicit gradient.

Internally, arrays are `[time, direction, feature, batch]`: gates are then contiguous slices, and each time
step is one matrix product and a few passes over memory in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtag.neural._tensorflow import tf

# Added to every gate at padding, which sets input, forget and output gates, and so state and output, to 0.
_CLOSED = -1e4

# Gates in Keras' order: input, forget, candidate, output. A sigmoid is a scaled tanh of half its argument.
# One tanh over all four gates is cheaper (XLA's logistic takes twice as long as its tanh; TensorFlow 2.21).
_SCALE = np.array([0.5, 0.5, 1.0, 0.5], np.float32)[:, None, None]  # [4, 1, 1]
_SHIFT = np.array([0.5, 0.5, 0.0, 0.5], np.float32)[:, None, None]
# Gates that act through the cell; the output gate acts after it.
_THROUGH_CELL = np.array([1.0, 1.0, 1.0, 0.0], np.float32)[:, None, None]


def bidirectional_lstm(x: Any, mask: Any, *, kernel: Any, recurrent: Any, bias: Any, keep: Any = None) -> Any:
    """Return the outputs of both directions, for training where there is no native LSTM.

    Works eagerly, in graphs and under XLA, where it is fast.

    Args:
        x: `<float32>[batch, time, feature]`.
        mask: `<bool>[batch, time]`, padding only on the right.
        kernel: `<float32>[2, feature, 4 * units]`, forward and backward, gates in Keras' order.
        recurrent: `<float32>[2, units, 4 * units]`.
        bias: `<float32>[2, 4 * units]`.
        keep: `<float32>[2, 4 or 1, batch, units]`, dropout mask on the state before each gate, or one for all
            gates; None for no dropout.

    Returns: `<float32>[batch, time, 2 * units]`, 0 at padding.
    """
    n_steps = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)))
    n_padding = tf.shape(mask)[1] - n_steps  # steps at which all sequences are padded; the loop skips them
    x = tf.transpose(x, [1, 2, 0])  # [time, feature, batch]
    both = tf.stack([x, tf.roll(tf.reverse(x, [0]), -n_padding, 0)], axis=1)  # [time, 2, feature, batch]
    projected = tf.matmul(kernel, both, transpose_a=True) + bias[:, :, None]  # [time, 2, 4 * units, batch]
    closed = tf.cast(~tf.transpose(mask), tf.float32) * _CLOSED  # [time, batch]
    projected += tf.stack([closed, tf.roll(tf.reverse(closed, [0]), -n_padding, 0)], axis=1)[:, :, None, :]
    if keep is not None:
        keep = tf.transpose(keep, [0, 1, 3, 2])  # [2, 4 or 1, units, batch]
    states = _states(projected, recurrent, keep, n_steps)  # [time, 2, units, batch]
    y = tf.concat([states[:, 0], tf.reverse(tf.roll(states[:, 1], n_padding, 0), [0])], axis=1)
    return tf.transpose(y, [2, 0, 1])  # [batch, time, 2 * units]


def fused_lstm(x: Any, mask: Any, *, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """Return the outputs of both directions, for inference, with TensorFlow's fused kernel.

    Takes and returns the same shapes as `bidirectional_lstm`. New shapes need no compilation, but there is no
    recurrent dropout, and XLA cannot compile it.
    """
    closed = tf.cast(~tf.transpose(mask), tf.float32)[:, :, None]  # [time, batch, 1]
    x = tf.concat([tf.transpose(x, [1, 0, 2]), closed], axis=2)  # [time, batch, feature + 1]
    forward = _fused_direction(x, kernel[0], recurrent[0], bias[0])  # [time, batch, units]
    backward = _fused_direction(tf.reverse(x, [0]), kernel[1], recurrent[1], bias[1])
    y = tf.concat([forward, tf.reverse(backward, [0])], axis=2)  # [time, batch, 2 * units]
    return tf.transpose(y, [1, 0, 2])  # [batch, time, 2 * units]


def _fused_direction(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    n_steps, batch, units = tf.shape(x, tf.int64)[0], tf.shape(x)[1], recurrent.shape[0]
    initial, peephole = tf.zeros([batch, units]), tf.zeros([units])
    closing = tf.fill([1, 4 * units], _CLOSED)
    return tf.raw_ops.BlockLSTMV2(
        seq_len_max=n_steps,
        x=x,
        cs_prev=initial,
        h_prev=initial,
        w=tf.concat([kernel, closing, recurrent], axis=0),
        wci=peephole,
        wcf=peephole,
        wco=peephole,
        b=bias,
        cell_clip=0.0,
    ).h


def _states(projected: Any, recurrent: Any, keep: Any, n_steps: Any) -> Any:
    """Return the hidden states `<float32>[time, 2, units, batch]`, 0 after the first `n_steps`."""
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
    """Return gates `[time, 2, 4, units, batch]`, and cells and outputs `[time, 2, units, batch]`."""
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
    initial = tf.zeros([2, units, tf.shape(projected)[3]])
    initial.set_shape(state)
    arrays = [
        tf.TensorArray(tf.float32, size=tf.shape(projected)[0], element_shape=shape) for shape in in_time
    ]
    loop = tf.while_loop(lambda t, *_: t < n_steps, step, (0, initial, initial, *arrays))
    gates, cells, outputs = (array.stack() for array in loop[3:])
    return gates, cells, outputs


def _backward(upstream: Any, weights: Any, keep: Any, n_steps: Any, gates: Any, cells: Any) -> Any:
    """Return the gradient at the gates' arguments, `[time, 2, 4, units, batch]`.

    Everything that does not depend on later steps is computed beforehand, for all steps at once.
    """
    _, n_masks, _, n_fed = weights.shape
    before = tf.concat([tf.zeros_like(cells[:1]), cells[:-1]], axis=0)  # [time, 2, units, batch]
    i, f, g, o = (gates[:, :, k] for k in range(4))
    squashed = tf.tanh(cells)
    # [time, 2, 4, units, batch]; slopes of the cell (first three gates) and of the output (last gate)
    slopes = tf.stack(
        [g * i * (1 - i), before * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)], axis=2
    )
    into_cell = o * (1 - squashed * squashed)  # [time, 2, units, batch]

    def step(t: Any, at_output: Any, at_cell: Any, written: Any) -> tuple[Any, ...]:
        at_output += upstream[t]  # [2, units, batch]
        at_cell += at_output * into_cell[t]
        downstream = at_cell[:, None] * _THROUGH_CELL + at_output[:, None] * (1 - _THROUGH_CELL)
        at_gates = slopes[t] * downstream  # [2, 4, units, batch]
        fed_back = tf.matmul(weights, tf.reshape(at_gates, [2, n_masks, n_fed, -1]))
        at_output = tf.reduce_sum(fed_back * keep, axis=1)  # [2, units, batch]
        return t - 1, at_output, at_cell * gates[t][:, 1], written.write(t, at_gates)

    initial = tf.zeros_like(upstream[0])
    array = tf.TensorArray(tf.float32, size=tf.shape(upstream)[0], element_shape=slopes.shape[1:])
    return tf.while_loop(lambda t, *_: t >= 0, step, (n_steps - 1, initial, initial, array))[3].stack()


def _weight_gradient(outputs: Any, keep: Any, at_gates: Any) -> Any:
    """Return the gradient at the weights, `[2, n_masks, units, 4 * units / n_masks]`."""
    units, n_masks = keep.shape[2], keep.shape[1]
    before = tf.concat([tf.zeros_like(outputs[:1]), outputs[:-1]], axis=0)  # [time, 2, units, batch]
    fed = tf.transpose(before[:, :, None] * keep, [1, 2, 3, 0, 4])  # [2, n_masks, units, time, batch]
    at_gates = tf.transpose(at_gates, [1, 2, 3, 0, 4])  # [2, 4, units, time, batch]
    fed = tf.reshape(fed, [2, n_masks, units, -1])
    return tf.matmul(
        fed, tf.reshape(at_gates, [2, n_masks, 4 * units // n_masks, tf.shape(fed)[3]]), transpose_b=True
    )
