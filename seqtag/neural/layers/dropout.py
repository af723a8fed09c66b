"""Variational dropout: one mask per sequence, drawn from an explicit seed."""

from __future__ import annotations

from typing import Any

from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf

_WHOLE_BATCH = 2  # length of the seed of a process that has the whole batch


def keep_mask(shape: Any, rate: float, seed: Any, *, sequences: int | None = None) -> Any:
    """Return `<float32>` of the given shape: 0 with probability `rate`, else 1 / (1 - rate).

    Args:
        shape: shape of the mask, a sequence or `<int32>[n_dimensions]`.
        rate: share that is dropped, in [0, 1), rounded down to 1 / 65536.
        seed: `<int32>[2]`; equal seeds give equal masks on every device. If this process has a part of the
            batch, `<int32>[5]`, followed by its rank, the number of processes and that of all sequences.
        sequences: axis of the sequences of the batch. Those of a part have the masks that they have in the
            whole batch.
    """
    if sequences is None or seed.shape[0] == _WHOLE_BATCH:
        return _drawn_mask(shape, rate, seed[:_WHOLE_BATCH])
    rank, n_processes, n_sequences = tf.unstack(seed[_WHOLE_BATCH:])
    whole = [n_sequences if axis == sequences else size for axis, size in enumerate(shape)]
    own = tf.range(rank, n_sequences, n_processes)
    return tf.gather(_drawn_mask(whole, rate, seed[:_WHOLE_BATCH]), own, axis=sequences)


def _drawn_mask(shape: Any, rate: float, seed: Any) -> Any:
    n_values = tf.reduce_prod(shape)
    # Philox explicitly: the default of TensorFlow 2.21 is fifteen times slower under XLA on a CPU. Integers,
    # because XLA and TensorFlow convert the same integers to different fractions.
    drawn = tf.random.stateless_uniform([(n_values + 1) // 2], seed, None, None, tf.int32, alg="philox")
    halves = tf.reshape(tf.bitcast(drawn, tf.int16), [-1])[:n_values]  # two values from a draw
    kept = tf.reshape(halves >= int(rate * 2**16) - 2**15, shape)
    return tf.cast(kept, tf.float32) / (1.0 - rate)


def fold_in(seed: Any, number: int) -> Any:
    """Return a different seed for each `number`, so that no two masks of a training step are equal.

    None, the seed of inference, stays None.
    """
    if seed is None:
        return None
    return seed + tf.constant([number * 1_000_003, *[0] * (seed.shape[0] - 1)], tf.int32)


class SpatialDropout1D(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Drops whole features of a sequence, like `keras.layers.SpatialDropout1D`.

    Around a recurrence this is variational dropout (Gal and Ghahramani 2016).

    Args:
        rate: share of the features that is dropped, in [0, 1).

    Call arguments:
        x: `<float32>[batch, time, feature]`.
        seed: as for `keep_mask`, for training; None for inference, which drops nothing.

    Returns: `<float32>[batch, time, feature]`.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.supports_masking = True

    def call(self, x: Any, seed: Any = None) -> Any:
        if seed is None or not self.rate:
            return x
        return x * keep_mask([tf.shape(x)[0], 1, x.shape[2]], self.rate, seed, sequences=0)
