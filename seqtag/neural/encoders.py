"""Encoders: from the features of word types to a score for each tag at each token.

A word type is a distinct token. Its vector is computed once per batch and looked up at each occurrence. All
randomness comes from a seed: calls with a seed train, calls without one run inference.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from seqtag.config import ModelConfig
from seqtag.features import UNK_ID, Vectors
from seqtag.neural._tensorflow import keras, tf
from seqtag.neural.layers.bilstm import BiLSTM
from seqtag.neural.layers.char_cnn import CharacterCNN
from seqtag.neural.layers.dropout import SpatialDropout1D, fold_in, keep_mask
from seqtag.neural.layers.token_features import N_AFFIXES, N_CHARACTERS, WordTypeFeatures

Tables = Mapping[str, Any]  # <float32>[n_rows, size] by name: whole tables, or the rows that a batch uses

# Features of a word type (see `TokenFeatures`): shape without the first axis, and dtype.
_SPECS: Mapping[str, tuple[tuple[int, ...], Any]] = MappingProxyType(
    {
        "word_ids": ((), tf.int32),
        "rare": ((), tf.bool),
        "vector_ids": ((), tf.int32),
        "affix_ids": ((N_AFFIXES,), tf.int32),
        "character_ids": ((N_CHARACTERS,), tf.int32),
    }
)


@dataclass(frozen=True)
class Sizes:
    """Sizes that depend on the corpus; <pad> and <unk> are counted."""

    n_words: int
    n_characters: int
    n_tags: int


class BaseEncoder(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The recipe `base`: a BiLSTM over word embeddings."""

    required_features = MappingProxyType({"word_ids": _SPECS["word_ids"]})

    def __init__(self, sizes: Sizes, _config: ModelConfig, _vectors: Vectors | None, seed: int) -> None:
        super().__init__(name="base")
        seeds = random.Random(seed)
        uniform = keras.initializers.RandomUniform(seed=seeds.getrandbits(31))
        self.words = keras.layers.Embedding(sizes.n_words, 50, uniform, name="words")
        self.word_dropout = SpatialDropout1D(0.1, name="word_dropout")
        self.bilstm = BiLSTM(100, recurrent_dropout=0.1, seed=seeds.getrandbits(31), name="bilstm")
        self.tags = _scores(sizes.n_tags, seeds)  # the softmax is part of the loss

    def tables(self) -> dict[str, Any]:
        """Return the embedding tables of word type features by name."""
        return {"words": self.words.embeddings}

    def word_type_vectors(self, word_types: WordTypeFeatures, tables: Tables, seed: Any = None) -> Any:  # noqa: ARG002
        """Return `<float32>[n_word_types, 50]`."""
        return tf.gather(tables["words"], word_types["word_ids"])

    def row_squares(self, row_gradients: Any, x_gradient: Any, token_rows: Any) -> dict[str, Any]:
        """Return the squared gradient that Adam uses for each row of a batch, `<float32>[n, 50]`.

        Keras 3.15 squares the gradient of each token first and then sums over the tokens of a row.
        """
        squares = tf.reshape(tf.square(x_gradient), [-1, x_gradient.shape[2]])  # [batch * time, 50]
        n_rows = row_gradients["words"].shape[0] or tf.shape(row_gradients["words"])[0]
        return {"words": tf.math.unsorted_segment_sum(squares, tf.reshape(token_rows, [-1]), n_rows)}

    def table_gradients(
        self, _row_gradients: Any, rows_of: Any, x_gradient: Any, token_rows: Any
    ) -> dict[str, Any]:
        """Return the gradient of each table, one slice per token, as `Embedding` computes it."""
        rows = tf.reshape(tf.gather(rows_of["words"], token_rows), [-1])  # [batch * time]
        slices = tf.reshape(x_gradient, [-1, x_gradient.shape[2]])  # [batch * time, 50]
        return {"words": tf.IndexedSlices(slices, rows, tf.shape(self.words.embeddings))}

    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return tag scores before the softmax, `<float32>[batch, time, n_tags]`."""
        x = self.word_dropout(x, seed=_fold_in(seed, 1))  # [batch, time, 50]
        x = self.bilstm(x, mask=mask, seed=_fold_in(seed, 2))  # [batch, time, 2 * 100]
        return self.tags(x)  # [batch, time, n_tags]


class DefaultEncoder(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The recipe `default`: BiLSTMs over words, affixes and characters, with variational dropout."""

    required_features = _SPECS

    def __init__(self, sizes: Sizes, config: ModelConfig, vectors: Vectors | None, seed: int) -> None:
        super().__init__(name="default")
        seeds = random.Random(seed)
        self.rare_dropout = config.word_dropout
        self.static = None
        if vectors is None:
            self.words = _table(sizes.n_words, config.word_size, seeds, name="words")
        else:  # trainable corrections to the static vectors, initially zero
            shape = (len(vectors) + 1, vectors.dim)
            self.static = self.add_weight(shape, "zeros", trainable=False, name="static")
            self.static.assign(np.pad(vectors.values, ((1, 0), (0, 0))))
            self.words = keras.layers.Embedding(sizes.n_words, vectors.dim, "zeros", name="words")
        self.affixes = _table(config.affix_buckets, config.affix_size, seeds, name="affixes")
        self.characters = CharacterCNN(
            sizes.n_characters,
            config.character_size,
            config.character_filters,
            seed=seeds.getrandbits(31),
            name="characters",
        )
        self.dropout_in = SpatialDropout1D(config.dropout, name="dropout_in")
        self.bilstms = [
            BiLSTM(
                config.units,
                recurrent_dropout=config.recurrent_dropout,
                masks="state",
                seed=seeds.getrandbits(31),
                name=f"bilstm_{n}",
            )
            for n in range(config.layers)
        ]
        self.dropouts = [SpatialDropout1D(config.dropout, name=f"dropout_{n}") for n in range(config.layers)]
        self.tags = _scores(sizes.n_tags, seeds)

    def tables(self) -> dict[str, Any]:
        """Return the embedding tables of word type features by name."""
        return {"words": self.words.embeddings, "affixes": self.affixes.embeddings}

    def word_type_vectors(self, word_types: WordTypeFeatures, tables: Tables, seed: Any = None) -> Any:
        """Return `<float32>[n_word_types, size]`: word, affix and character parts, concatenated."""
        word_ids = word_types["word_ids"]  # [n_word_types]
        if seed is not None:
            dropped = word_types["rare"] & (
                keep_mask(tf.shape(word_ids), self.rare_dropout, _fold_in(seed, 1)) == 0
            )
            word_ids = tf.where(dropped, UNK_ID, word_ids)
        words = tf.gather(tables["words"], word_ids)  # [n_word_types, word_size]
        if self.static is not None:
            words += tf.gather(self.static.value, word_types["vector_ids"])
        affix_ids = word_types["affix_ids"]  # [n_word_types, N_AFFIXES]
        affixes = tf.reduce_sum(tf.gather(tables["affixes"], affix_ids), axis=1)  # [n_word_types, affix_size]
        characters = self.characters(word_types["character_ids"])  # [n_word_types, character_filters]
        return tf.concat([words, affixes, characters], axis=1)  # [n_word_types, size]

    def row_squares(self, row_gradients: Any, _x_gradient: Any, _token_rows: Any) -> dict[str, Any]:
        """Return the squared gradient of each row of a batch."""
        return {name: tf.square(gradient) for name, gradient in row_gradients.items()}

    def table_gradients(
        self, row_gradients: Any, rows_of: Any, _x_gradient: Any, _token_rows: Any
    ) -> dict[str, Any]:
        """Return the dense gradient of each table, for replicas to sum before Adam squares it."""
        return {
            name: tf.math.unsorted_segment_sum(row_gradients[name], rows_of[name], table.shape[0])
            for name, table in self.tables().items()
        }

    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return tag scores, `<float32>[batch, time, n_tags]`."""
        x = self.dropout_in(x, seed=_fold_in(seed, 2))  # [batch, time, size]
        for n, (bilstm, dropout) in enumerate(zip(self.bilstms, self.dropouts, strict=True)):
            x = bilstm(x, mask=mask, seed=_fold_in(seed, 3 + 2 * n))  # [batch, time, 2 * units]
            x = dropout(x, seed=_fold_in(seed, 4 + 2 * n))  # [batch, time, 2 * units]
        return self.tags(x)  # [batch, time, n_tags]


Model = BaseEncoder | DefaultEncoder
RECIPES: Mapping[str, Callable[..., Model]] = MappingProxyType(
    {"base": BaseEncoder, "default": DefaultEncoder}
)


def build_encoder(
    recipe: str, sizes: Sizes, config: ModelConfig, vectors: Vectors | None, seed: int
) -> Model:
    """Return an encoder with all its weights built; equal arguments give equal weights."""
    model = RECIPES[recipe](sizes, config, vectors, seed)
    dummy = {name: tf.zeros([1, *shape], dtype) for name, (shape, dtype) in _SPECS.items()}
    for table in (layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)):
        table.build(None)
    model.emissions(model.word_type_vectors(dummy, model.tables())[None], tf.ones([1, 1], tf.bool))
    model.built = True
    return model


def _table(n: int, size: int, seeds: random.Random, *, name: str) -> Any:
    """Return an embedding table with vectors of mean length 1 (He et al. 2015; Ma and Hovy 2016)."""
    bound = (3.0 / size) ** 0.5
    uniform = keras.initializers.RandomUniform(-bound, bound, seeds.getrandbits(31))
    return keras.layers.Embedding(n, size, uniform, name=name)


def _scores(n_tags: int, seeds: random.Random) -> Any:
    glorot = keras.initializers.GlorotUniform(seeds.getrandbits(31))
    return keras.layers.Dense(n_tags, kernel_initializer=glorot, name="tags")


def _fold_in(seed: Any, number: int) -> Any:
    return None if seed is None else fold_in(seed, number)
