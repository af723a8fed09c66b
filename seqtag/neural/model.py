"""The models, one recipe a function: token ids in, a probability for each tag at each token out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from seqtag.neural._tensorflow import keras


def seed_model(n_words: int, n_tags: int) -> Any:
    """Build the recipe `seed`.

    Call arguments:
        token_ids: `<int32>[batch, time]`, right-padded with 0.

    Returns: `<float32>[batch, time, n_tags]`, probabilities that sum to 1. What stands at padding counts for
    nothing, and how much of it there is changes nothing elsewhere.
    """
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")  # [batch, time]
    x = keras.layers.Embedding(n_words, 50, mask_zero=True, name="words")(token_ids)  # [batch, time, 50]
    x = keras.layers.SpatialDropout1D(0.1, name="word_dropout")(x)  # whole features, in all of a sequence
    lstm = keras.layers.LSTM(100, return_sequences=True, recurrent_dropout=0.1, name="lstm")
    x = keras.layers.Bidirectional(lstm, name="bilstm")(x)  # [batch, time, 2 * 100]
    head = keras.layers.Dense(n_tags, activation="softmax", name="tag")
    x = TimeDistributed(head, name="tags")(x)  # [batch, time, n_tags]
    return keras.Model(token_ids, x, name="seed")


class TimeDistributed(keras.layers.TimeDistributed):  # type: ignore[misc]  # keras is untyped
    """`keras.layers.TimeDistributed` for a Dense layer, all time steps in one matrix product.

    Keras 3.15.1 unrolls a static time axis into one product per step, and where time is dynamic it loops
    over the batch size instead of the time steps ("slice index out of bounds").
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: ARG002
        return self.layer.call(inputs)  # Dense acts on the last axis


RECIPES: Mapping[str, Callable[[int, int], Any]] = MappingProxyType({"seed": seed_model})
