"""The models: from what is known of each form to a score for each tag at each token.

A form is a distinct token. Its vector is made once, however often it occurs in a batch, and looked up where
it stands. Whatever is random comes from a seed: with one a model trains, without one it reads.
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
from seqtag.neural.layers.token_features import N_AFFIXES, N_CHARACTERS, Forms

Tables = Mapping[str, Any]  # <float32>[n_rows, size] by name: whole tables, or the rows of a batch


# What is known of a form (see `tokens`): shape behind the forms' axis, and dtype.
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
    """What the corpus decides; ids of padding and of the unknown included."""

    n_words: int
    n_characters: int
    n_tags: int


class BaseEncoder(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The recipe `seed`: words by their ids alone."""

    inputs_needed = MappingProxyType({"word_ids": _SPECS["word_ids"]})

    def __init__(self, sizes: Sizes, _config: ModelConfig, _vectors: Vectors | None, seed: int) -> None:
        super().__init__(name="seed")
        seeds = random.Random(seed)
        uniform = keras.initializers.RandomUniform(seed=seeds.getrandbits(31))
        self.words = keras.layers.Embedding(sizes.n_words, 50, uniform, name="words")
        self.word_dropout = SpatialDropout1D(0.1, name="word_dropout")
        self.bilstm = BiLSTM(100, recurrent_dropout=0.1, seed=seeds.getrandbits(31), name="bilstm")
        self.tags = _scores(sizes.n_tags, seeds)  # at every step; its softmax is in the loss

    def tables(self) -> dict[str, Any]:
        """Return the variables that forms are looked up in."""
        return {"words": self.words.embeddings}

    def word_type_vectors(self, word_types: Forms, tables: Tables, seed: Any = None) -> Any:  # noqa: ARG002
        """Return `<float32>[n_forms, 50]`."""
        return tf.gather(tables["words"], word_types["word_ids"])

    def row_squares(self, of_rows: Any, of_x: Any, where: Any) -> dict[str, Any]:
        """Return what Adam takes for the square of the gradient at each row of a batch, `<float32>[n, 50]`.

        Keras 3.15 squares the gradients of all tokens before it sums those of a row.
        """
        squares = tf.reshape(tf.square(of_x), [-1, of_x.shape[2]])  # [batch * time, 50]
        n_rows = of_rows["words"].shape[0] or tf.shape(of_rows["words"])[0]
        return {"words": tf.math.unsorted_segment_sum(squares, tf.reshape(where, [-1]), n_rows)}

    def table_gradients(self, _of_rows: Any, rows_of: Any, of_x: Any, where: Any) -> dict[str, Any]:
        """Return the gradient of each table: a slice for each token, as where `Embedding` reads the batch."""
        rows = tf.reshape(tf.gather(rows_of["words"], where), [-1])  # [batch * time]
        slices = tf.reshape(of_x, [-1, of_x.shape[2]])  # [batch * time, 50]
        return {"words": tf.IndexedSlices(slices, rows, tf.shape(self.words.embeddings))}

    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return `<float32>[batch, time, n_tags]`, scores before the softmax."""
        x = self.word_dropout(x, seed=_fold_in(seed, 1))  # [batch, time, 50]
        x = self.bilstm(x, mask=mask, seed=_fold_in(seed, 2))  # [batch, time, 2 * 100]
        return self.tags(x)  # [batch, time, n_tags]


class DefaultEncoder(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The recipe `default`: words, affixes and characters; dropout that stays the same along a sequence."""

    inputs_needed = _SPECS

    def __init__(self, sizes: Sizes, config: ModelConfig, vectors: Vectors | None, seed: int) -> None:
        super().__init__(name="default")
        seeds = random.Random(seed)
        self.rare_dropout = config.word_dropout
        self.static = None
        if vectors is None:
            self.words = _table(sizes.n_words, config.word_size, seeds, name="words")
        else:  # what is learnt corrects the static vectors, and begins with nothing
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
        """Return the variables that forms are looked up in."""
        return {"words": self.words.embeddings, "affixes": self.affixes.embeddings}

    def word_type_vectors(self, word_types: Forms, tables: Tables, seed: Any = None) -> Any:
        """Return `<float32>[n_forms, size]`, the parts one after the other."""
        word_ids = word_types["word_ids"]  # [n_forms]
        if seed is not None:
            dropped = word_types["rare"] & (
                keep_mask(tf.shape(word_ids), self.rare_dropout, _fold_in(seed, 1)) == 0
            )
            word_ids = tf.where(dropped, UNK_ID, word_ids)
        words = tf.gather(tables["words"], word_ids)  # [n_forms, word_size]
        if self.static is not None:
            words += tf.gather(self.static.value, word_types["vector_ids"])
        affixes = tf.gather(tables["affixes"], word_types["affix_ids"])  # [n_forms, N_AFFIXES, affix_size]
        characters = self.characters(word_types["character_ids"])  # [n_forms, character_filters]
        return tf.concat([words, tf.reduce_sum(affixes, axis=1), characters], axis=1)

    def row_squares(self, of_rows: Any, _of_x: Any, _where: Any) -> dict[str, Any]:
        """Return the square of the gradient at each row of a batch."""
        return {name: tf.square(gradient) for name, gradient in of_rows.items()}

    def table_gradients(self, of_rows: Any, rows_of: Any, _of_x: Any, _where: Any) -> dict[str, Any]:
        """Return the gradient of each table, whole: replicas then add up theirs before Adam squares them."""
        return {
            name: tf.math.unsorted_segment_sum(of_rows[name], rows_of[name], table.shape[0])
            for name, table in self.tables().items()
        }

    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return `<float32>[batch, time, n_tags]`."""
        x = self.dropout_in(x, seed=_fold_in(seed, 2))  # [batch, time, size]
        for n, (bilstm, dropout) in enumerate(zip(self.bilstms, self.dropouts, strict=True)):
            x = bilstm(x, mask=mask, seed=_fold_in(seed, 3 + 2 * n))  # [batch, time, 2 * units]
            x = dropout(x, seed=_fold_in(seed, 4 + 2 * n))
        return self.tags(x)  # [batch, time, n_tags]


Model = BaseEncoder | DefaultEncoder
RECIPES: Mapping[str, Callable[..., Model]] = MappingProxyType(
    {"seed": BaseEncoder, "default": DefaultEncoder}
)


def build_encoder(
    recipe: str, sizes: Sizes, config: ModelConfig, vectors: Vectors | None, seed: int
) -> Model:
    """Return a model that has all its weights, a pure function of what is given."""
    model = RECIPES[recipe](sizes, config, vectors, seed)
    one = {name: tf.zeros([1, *shape], dtype) for name, (shape, dtype) in _SPECS.items()}
    for table in (layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)):
        table.build(None)
    model.emissions(model.word_type_vectors(one, model.tables())[None], tf.ones([1, 1], tf.bool))
    model.built = True
    return model


def _table(n: int, size: int, seeds: random.Random, *, name: str) -> Any:
    """A table of vectors of length 1 in the mean, as usual for taggers (He et al. 2015; Ma and Hovy 2016)."""
    bound = (3.0 / size) ** 0.5
    uniform = keras.initializers.RandomUniform(-bound, bound, seeds.getrandbits(31))
    return keras.layers.Embedding(n, size, uniform, name=name)


def _scores(n_tags: int, seeds: random.Random) -> Any:
    glorot = keras.initializers.GlorotUniform(seeds.getrandbits(31))
    return keras.layers.Dense(n_tags, kernel_initializer=glorot, name="tags")


def _fold_in(seed: Any, number: int) -> Any:
    return None if seed is None else fold_in(seed, number)
