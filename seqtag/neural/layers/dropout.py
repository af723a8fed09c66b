"""Dropout that keeps its mask over a whole sequence, drawn from a seed that is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqtag.neural._tensorflow import keras, tf


def keep_mask(shape: Sequence[Any], rate: float, seed: Any) -> Any:
    """Return `<float32>` of `shape`: 0 with probability `rate`, else 1 / (1 - rate).

    Args:
        seed: `<int32>[2]`; equal seeds give equal masks, on every device.
    """
    # By name: what TensorFlow 2.21 chooses itself takes XLA on a CPU fifteen times as long. Whole numbers: of
    # the same ones, XLA makes other fractions than TensorFlow.
    drawn = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")  # all of int32
    return tf.cast(drawn >= round(rate * 2**32) - 2**31, tf.float32) / (1.0 - rate)


def fold_in(seed: Any, number: int) -> Any:
    """Return a seed of its own for each `number`, so that no two masks of a step are the same."""
    return seed + tf.constant([number * 1_000_003, 0], tf.int32)


class SpatialDropout1D(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Drop whole features of a sequence, as `keras.layers.SpatialDropout1D` does.

    Known as variational dropout around a recurrence (Gal and Ghahramani 2016).

    Args:
        rate: share of the features that is dropped, in [0, 1).

    Call arguments:
        x: `<float32>[batch, time, feature]`.
        seed: `<int32>[2]` when training; None drops nothing.

    Returns: `<float32>[batch, time, feature]`.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.supports_masking = True

    def call(self, x: Any, seed: Any = None) -> Any:
        if seed is None or not self.rate:
            return x
        return x * keep_mask([tf.shape(x)[0], 1, x.shape[2]], self.rate, seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
