"""The models, one recipe a function: token ids in, a probability for each tag at each token out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

from seqtag.neural._tensorflow import keras

Mode = Literal["training", "reading"]


class Recipe(Protocol):
    """Builds a model; both modes have the same weights under the same paths."""

    def __call__(self, n_words: int, n_tags: int, *, mode: Mode) -> Any: ...


def seed_model(n_words: int, n_tags: int, *, mode: Mode) -> Any:
    """Build the recipe `seed`.

    Args:
        n_words: word ids, `<pad>` and `<unk>` included.
        n_tags: tag ids.
        mode: "reading" has no dropout: even where it is inactive Keras 3.15 draws recurrent masks, and takes
            the slower of its two LSTM cells.

    Call arguments:
        token_ids: `<int32>[batch, time]`, right-padded with 0.

    Returns: `<float32>[batch, time, n_tags]`, probabilities that sum to 1. What stands at padding means
    nothing, and how much of it there is changes nothing elsewhere.
    """
    dropout = 0.1 if mode == "training" else 0.0
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")  # [batch, time]
    x = keras.layers.Embedding(n_words, 50, mask_zero=True, name="words")(token_ids)  # [batch, time, 50]
    x = keras.layers.SpatialDropout1D(dropout, name="word_dropout")(x)  # a feature, in all of a sequence
    lstm = keras.layers.LSTM(
        100,
        return_sequences=True,
        recurrent_dropout=dropout,
        use_cudnn=False,  # what a GPU exports must run without one
        name="lstm",
    )
    x = keras.layers.Bidirectional(lstm, name="bilstm")(x)  # [batch, time, 2 * 100]
    head = keras.layers.Dense(n_tags, activation="softmax", name="tag")
    x = TimeDistributed(head, name="tags")(x)  # [batch, time, n_tags]
    return keras.Model(token_ids, x, name="seed")


class TimeDistributed(keras.layers.TimeDistributed):  # type: ignore[misc]  # keras is untyped
    """`keras.layers.TimeDistributed` for a Dense layer, all time steps in one matrix product.

    Keras 3.15.1 makes one product per time step where time is static, and where it is dynamic it loops over
    the batch instead of the time steps ("slice index out of bounds").
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: ARG002
        with warnings.catch_warnings():  # Keras 3.15 warns of a softmax over one class
            warnings.filterwarnings("ignore", "You are using a softmax over axis", UserWarning)
            return self.layer.call(inputs)  # Dense acts on the last axis


RECIPES: Mapping[str, Recipe] = MappingProxyType({"seed": seed_model})
