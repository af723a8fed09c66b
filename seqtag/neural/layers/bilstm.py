"""A bidirectional LSTM layer with the same weights and results as Keras' own."""

from __future__ import annotations

import random
from typing import Any, Literal

from seqtag.neural import native
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.dropout import keep_mask
from seqtag.neural.layers.native_recurrence import native_bidirectional_lstm
from seqtag.neural.layers.recurrence import bidirectional_lstm, fused_lstm

Masks = Literal["gate", "state"]


class BiLSTM(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """`keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))` on right-padded batches.

    `get_weights` and `set_weights` use the same six arrays as Keras' layer. It runs the native LSTM. Where
    there is none, training (with a seed) runs a loop designed for XLA, and inference TensorFlow's fused
    kernel, as does a SavedModel, which can be loaded everywhere.

    Args:
        units: units per direction.
        recurrent_dropout: share of the state dropped before it is fed back, in [0, 1); the same features at
            every time step of a sequence (Gal and Ghahramani 2016).
        masks: "gate" draws one mask for each of the four gates, as Keras does; "state" draws one mask for all
            four, which is 20 % faster.
        seed: seed of the initial weights; None for a random seed.

    Call arguments:
        x: `<float32>[batch, time, feature]`.
        mask: `<bool>[batch, time]`, True at tokens; padding only on the right. None for no padding.
        seed: as for `keep_mask`, for training; None for inference.

    Returns: `<float32>[batch, time, 2 * units]`, forward then backward, 0 at padding.
    """

    def __init__(
        self,
        units: int,
        *,
        recurrent_dropout: float = 0.0,
        masks: Masks = "gate",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.recurrent_dropout, self.masks, self.seed = units, recurrent_dropout, masks, seed
        self.supports_masking = True

    def build(self, shape: tuple[int | None, ...]) -> None:
        seeds = random.Random(self.seed)
        self._directions = [self._direction(name, shape[-1], seeds) for name in ("forward", "backward")]

    def _direction(self, name: str, n_features: int | None, seeds: random.Random) -> list[Any]:
        glorot = keras.initializers.GlorotUniform(seeds.getrandbits(31))
        orthogonal = keras.initializers.Orthogonal(seed=seeds.getrandbits(31))
        return [
            self.add_weight((n_features, 4 * self.units), glorot, name=f"{name}_kernel"),
            self.add_weight((self.units, 4 * self.units), orthogonal, name=f"{name}_recurrent_kernel"),
            self.add_weight((4 * self.units,), _forget_open, name=f"{name}_bias"),
        ]

    def call(self, x: Any, mask: Any = None, seed: Any = None) -> Any:
        if mask is None:
            mask = tf.ones(tf.shape(x)[:2], tf.bool)
        operations = native.operations()
        if operations is not None:
            weights = [weight.value for direction in self._directions for weight in direction]
            keep = None if seed is None else self._keep(tf.shape(x)[0], seed)
            return native_bidirectional_lstm(operations, x, mask, weights, keep=keep)
        kernel, recurrent, bias = (
            tf.stack([weight.value for weight in both]) for both in zip(*self._directions, strict=True)
        )
        stacked = {"kernel": kernel, "recurrent": recurrent, "bias": bias}
        if seed is None:
            return fused_lstm(x, mask, **stacked)
        return bidirectional_lstm(x, mask, **stacked, keep=self._keep(tf.shape(x)[0], seed))

    def _keep(self, batch: Any, seed: Any) -> Any:
        if not self.recurrent_dropout:
            return None
        n_masks = 4 if self.masks == "gate" else 1
        return keep_mask([2, n_masks, batch, self.units], self.recurrent_dropout, seed, sequences=2)


def _forget_open(shape: Any, dtype: Any = None) -> Any:
    """Return initial biases: 1 for the forget gate (Jozefowicz et al. 2015), 0 for the others."""
    units = shape[0] // 4
    return tf.concat(
        [tf.zeros([units], dtype), tf.ones([units], dtype), tf.zeros([2 * units], dtype)], axis=0
    )
