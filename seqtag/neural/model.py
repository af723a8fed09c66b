"""The models: from what is known of each form to a score for each tag at each token.

A form is a distinct token. Its vector is made once, however often it occurs in a batch, and looked up where
it stands. Whatever is random comes from a seed: with one a model trains, without one it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import ModelConfig
from seqtag.features import UNK_ID
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.bilstm import BiLSTM
from seqtag.neural.characters import CharacterCNN
from seqtag.neural.dropout import SpatialDropout1D, apart, keep_mask
from seqtag.neural.tokens import N_AFFIXES, N_CHARACTERS, Forms

Vectors = npt.NDArray[np.float32]


# What is known of a form (see `tokens`): shape behind the forms' axis, and dtype.
_SPECS: Mapping[str, tuple[tuple[int, ...], Any]] = MappingProxyType(
    {
        "word_ids": ((), tf.int32),
        "rare": ((), tf.bool),
        "affix_ids": ((N_AFFIXES,), tf.int32),
        "character_ids": ((N_CHARACTERS,), tf.int32),
    }
)


@dataclass(frozen=True)
class Sizes:
    """What the corpus decides; ids of padding and of the unknown included."""

    n_words: int
    n_characters: int
    n_tags: int


class SeedModel(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The recipe `seed`: words by their ids alone."""

    inputs_needed = {"word_ids": _SPECS["word_ids"]}

    def __init__(self, sizes: Sizes, _config: ModelConfig, _vectors: Vectors | None = None) -> None:
        super().__init__(name="seed")
        self.words = keras.layers.Embedding(sizes.n_words, 50, name="words")
        self.word_dropout = SpatialDropout1D(0.1, name="word_dropout")
        self.bilstm = BiLSTM(100, recurrent_dropout=0.1, name="bilstm")
        self.tags = keras.layers.Dense(sizes.n_tags, name="tags")  # at every step; its softmax is in the loss

    def form_vectors(self, forms: Forms, seed: Any = None) -> Any:  # noqa: ARG002 - nothing random here
        """Return `<float32>[n_forms, 50]`."""
        return self.words(forms["word_ids"])

    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return `<float32>[batch, time, n_tags]`, scores before the softmax."""
        x = self.word_dropout(x, seed=_apart(seed, 1))  # [batch, time, 50]
        x = self.bilstm(x, mask=mask, seed=_apart(seed, 2))  # [batch, time, 2 * 100]
        return self.tags(x)  # [batch, time, n_tags]


class DefaultModel(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The recipe `default`: words, affixes and characters; dropout that stays the same along a sequence."""

    inputs_needed = _SPECS

    def __init__(self, sizes: Sizes, config: ModelConfig, vectors: Vectors | None = None) -> None:
        super().__init__(name="default")
        self.word_dropout = config.word_dropout
        self.words = keras.layers.Embedding(
            sizes.n_words, config.word_size, embeddings_initializer=_uniform(config.word_size), name="words"
        )
        self.affixes = keras.layers.Embedding(
            config.affix_buckets,
            config.affix_size,
            embeddings_initializer=_uniform(config.affix_size),
            name="affixes",
        ) if config.affix_size else None
        self.characters = CharacterCNN(
            sizes.n_characters, config.character_size, config.character_filters, name="characters"
        ) if config.character_filters else None
        self.dropout_in = SpatialDropout1D(config.dropout, name="dropout_in")
        self.bilstms = [
            BiLSTM(
                config.units, recurrent_dropout=config.recurrent_dropout, masks="state", name=f"bilstm_{n}"
            )
            for n in range(config.layers)
        ]
        self.dropouts = [SpatialDropout1D(config.dropout, name=f"dropout_{n}") for n in range(config.layers)]
        self.tags = keras.layers.Dense(sizes.n_tags, name="tags")

    def form_vectors(self, forms: Forms, seed: Any = None) -> Any:
        """Return `<float32>[n_forms, size]`, the parts one after the other."""
        word_ids = forms["word_ids"]  # [n_forms]
        if seed is not None:
            dropped = forms["rare"] & (keep_mask(tf.shape(word_ids), self.word_dropout, _apart(seed, 1)) == 0)
            word_ids = tf.where(dropped, UNK_ID, word_ids)
        parts = [self.words(word_ids)]  # [n_forms, word_size]
        if self.affixes is not None:
            parts.append(tf.reduce_sum(self.affixes(forms["affix_ids"]), axis=1))  # [n_forms, affix_size]
        if self.characters is not None:
            parts.append(self.characters(forms["character_ids"]))  # [n_forms, character_filters]
        return tf.concat(parts, axis=1)

    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return `<float32>[batch, time, n_tags]`."""
        x = self.dropout_in(x, seed=_apart(seed, 2))  # [batch, time, size]
        for n, (bilstm, dropout) in enumerate(zip(self.bilstms, self.dropouts, strict=True)):
            x = bilstm(x, mask=mask, seed=_apart(seed, 3 + 2 * n))  # [batch, time, 2 * units]
            x = dropout(x, seed=_apart(seed, 4 + 2 * n))
        return self.tags(x)  # [batch, time, n_tags]


Model = SeedModel | DefaultModel
RECIPES: Mapping[str, Callable[..., Model]] = MappingProxyType({"seed": SeedModel, "default": DefaultModel})


def built(recipe: str, sizes: Sizes, config: ModelConfig, vectors: Vectors | None = None) -> Model:
    """Return a model that has all its weights; they are drawn from the global seed, in a fixed order."""
    model = RECIPES[recipe](sizes, config, vectors)
    one = {name: tf.zeros([1, *shape], dtype) for name, (shape, dtype) in _SPECS.items()}
    model.emissions(model.form_vectors(one)[None], tf.ones([1, 1], tf.bool))
    model.built = True
    return model


def _uniform(size: int) -> Any:
    """Vectors of length 1 in the mean, as usual for taggers (He et al. 2015; Ma and Hovy 2016)."""
    bound = (3.0 / size) ** 0.5
    return keras.initializers.RandomUniform(-bound, bound)


def _apart(seed: Any, number: int) -> Any:
    return None if seed is None else apart(seed, number)
