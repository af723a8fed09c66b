"""Encoders: from the features of word types to a score for each tag at each token.

A word type is a distinct token. Its vector is computed once per batch and looked up at each occurrence. All
randomness comes from a seed: calls with a seed train, calls without one run inference.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, Self, final

from seqtag.config import RECIPES, ModelConfig
from seqtag.features import ColumnIndex, TagIndex, Vectors, Vocabulary
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.token_features import FEATURE_SPECS, WordTypeFeatures

Tables = Mapping[str, Any]  # <float32>[n_rows, size] by name: whole tables, or the rows that a batch uses


@dataclass(frozen=True)
class Sizes:
    """Sizes that depend on the corpus; <pad> and <unk> are counted."""

    n_words: int
    n_characters: int
    n_tags: int
    columns: tuple[tuple[int, int], ...] = ()  # number and size of the vectors of each column with ids
    n_values: int = 0  # numbers of a token from its columns

    @classmethod
    def of(cls, vocabulary: Vocabulary, tags: TagIndex, columns: ColumnIndex) -> Self:
        """Return the sizes of a network for these words, characters, tags and columns."""
        return cls(
            vocabulary.n_words,
            vocabulary.n_characters,
            len(tags),
            columns.vectors,
            columns.widths.get("values", 0),
        )


class Encoder(keras.Model, ABC):  # type: ignore[misc]  # keras is untyped
    """Base class of the encoders in `seqtag.neural.recipes`.

    `Encoder(sizes, config, vectors, seed)` draws the initial weights from `seed`.
    """

    required_features = FEATURE_SPECS  # the token features that it reads
    tags: Any  # the output layer, from `tag_scores`

    @abstractmethod
    def tables(self) -> dict[str, Any]:
        """Return the embedding tables by name; a training step touches only the rows of its batch."""

    @abstractmethod
    def word_type_vectors(self, word_types: WordTypeFeatures, tables: Tables, seed: Any = None) -> Any:
        """Return `<float32>[n_word_types, size]`."""

    @abstractmethod
    def states(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return the input of the output layer, `<float32>[batch, time, n_features]`.

        Args:
            x: `<float32>[batch, time, size]`, the vector of each token.
            mask: `<bool>[batch, time]`, True at tokens; padding only on the right.
            seed: as for `keep_mask`, for training; None for inference.
        """

    @final
    def emissions(self, x: Any, mask: Any, seed: Any = None) -> Any:
        """Return tag scores before the softmax, `<float32>[batch, time, n_tags]`, of the `states`."""
        return self.tags(self.states(x, mask, seed))

    def with_columns(self, x: Any, columns: Mapping[str, Any], *, training: bool) -> Any:  # noqa: ARG002
        """Return the vectors of tokens with those of their columns; a recipe may read none.

        Args:
            x: `<float32>[batch, time, size]`, vectors of words.
            columns: `EncodedColumns`, `[batch, time, width]` each.
            training: whether a gradient is needed.
        """
        return x

    def sums_of_squares(self, x_gradient: Any, token_rows: Any, n_rows: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return sums of squares that Adam uses instead of a row's squared gradient; none by default.

        Gradients are squared for each token of a row, then summed.

        Args:
            x_gradient: `<float32>[batch, time, size]`, gradient of `x` in `states`.
            token_rows: `<int32>[batch, time]`, the row of each token's word.
            n_rows: number of rows of the batch by table.

        Returns: `<float32>[n, size]` by table.
        """
        return {}


def build_encoder(
    recipe: str, sizes: Sizes, config: ModelConfig, vectors: Vectors | None, seed: int
) -> Encoder:
    """Return the encoder of a recipe with all weights built; equal arguments give equal weights."""
    model: Encoder = resolve_name(f"seqtag.neural.recipes.{RECIPES[recipe].encoder}")(
        sizes, config, vectors, seed
    )
    dummy = {name: tf.zeros([1, *shape], dtype) for name, (shape, dtype) in FEATURE_SPECS.items()}
    for table in (layer for layer in model.layers if isinstance(layer, keras.layers.Embedding)):
        table.build(None)
    columns = {name: tf.zeros(spec.shape, spec.dtype) for name, spec in column_specs(sizes, 1, 1).items()}
    x = model.with_columns(model.word_type_vectors(dummy, model.tables())[None], columns, training=False)
    model.emissions(x, tf.ones([1, 1], tf.bool))
    model.built = True
    return model


def column_specs(sizes: Sizes, *shape: int | None) -> dict[str, Any]:
    """Return the specifications of `EncodedColumns` of a batch.

    Args:
        shape: batch and time; none: any.
    """
    widths = {"ids": (len(sizes.columns), tf.int32), "values": (sizes.n_values, tf.float32)}
    batch, time = shape or (None, None)
    return {name: tf.TensorSpec([batch, time, n], dtype) for name, (n, dtype) in widths.items() if n}


def embedding_table(n: int, size: int, seeds: random.Random, *, name: str) -> Any:
    """Return an embedding table with vectors of mean length 1 (He et al. 2015; Ma and Hovy 2016)."""
    bound = (3.0 / size) ** 0.5
    uniform = keras.initializers.RandomUniform(-bound, bound, seeds.getrandbits(31))
    return keras.layers.Embedding(n, size, uniform, name=name)


def tag_scores(n_tags: int, seeds: random.Random) -> Any:
    """Return the output layer, from `[batch, time, feature]` to `[batch, time, n_tags]`."""
    glorot = keras.initializers.GlorotUniform(seeds.getrandbits(31))
    return keras.layers.Dense(n_tags, kernel_initializer=glorot, name="tags")
