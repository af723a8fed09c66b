"""Character CNN: a convolution over the characters of a word type (Ma and Hovy 2016)."""

from __future__ import annotations

import random
from typing import Any

from seqtag.neural import native
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.native import NativeOperations

_WIDTH = 3  # characters per filter


class CharacterCNN(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Character embeddings, filters of width 3, and max-pooling over the word type.

    Args:
        n_characters: number of character ids, <pad> and <unk> included.
        size: size of a character embedding.
        filters: number of filters.
        seed: seed of the initial weights; None for a random seed.

    Call arguments:
        character_ids: `<int32>[n_word_types, time]`, right-padded with 0.
        training: whether gradients are needed.

    Returns: `<float32>[n_word_types, filters]`.
    """

    def __init__(
        self, n_characters: int, size: int, filters: int, *, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n_characters, self.size, self.filters, self.seed = n_characters, size, filters, seed

    def build(self, _shape: Any) -> None:
        bound = (3.0 / self.size) ** 0.5
        seeds = random.Random(self.seed)
        uniform = keras.initializers.RandomUniform(-bound, bound, seeds.getrandbits(31))
        glorot = keras.initializers.GlorotUniform(seeds.getrandbits(31))
        self.vectors = self.add_weight((self.n_characters, self.size), uniform, name="vectors")
        self.kernel = self.add_weight((_WIDTH * self.size, self.filters), glorot, name="kernel")
        self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, character_ids: Any, training: bool = False) -> Any:
        not_padding = tf.cast(tf.range(self.n_characters) > 0, tf.float32)[:, None]  # [n_characters, 1]
        vectors = self.vectors * not_padding  # [n_characters, size]
        # There are few characters: multiplying their vectors is cheaper than multiplying all positions.
        products = [tf.matmul(vectors, part) for part in tf.split(self.kernel, _WIDTH)]
        operations = native.operations() if training else None
        if operations is not None:
            return _pooled_natively(operations, character_ids, tf.stack(products), self.bias)
        if character_ids.shape[0] is None:  # XLA needs fixed sizes
            longest = tf.reduce_max(tf.math.count_nonzero(character_ids, axis=1, dtype=tf.int32))
            character_ids = character_ids[:, : tf.maximum(longest, 1)]
        real = tf.cast(character_ids > 0, tf.float32)[..., None]  # [n_word_types, time, 1]
        x = self.bias  # [filters]
        for offset, product in enumerate(products, start=-(_WIDTH // 2)):
            x += tf.gather(product, _shifted(character_ids, offset))
        return tf.reduce_max(tf.nn.relu(x) * real, axis=1)  # [n_word_types, filters]


def _pooled_natively(operations: NativeOperations, character_ids: Any, products: Any, bias: Any) -> Any:
    """Return the largest value of each filter over a word type, `<float32>[n_word_types, filters]`.

    Equal to the look-ups of `CharacterCNN.call`, which take ten times as long.

    Args:
        operations: the native operations.
        character_ids: `<int32>[n_word_types, time]`, right-padded with 0.
        products: `<float32>[3, n_characters, filters]`, of character vectors and the parts of the filters.
        bias: `<float32>[filters]`.
    """
    n_word_types, filters = character_ids.shape[0], bias.shape[0]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def pooled(products: Any, bias: Any) -> Any:
        output, chosen = operations.character_cnn(character_ids, products, bias)

        def gradient(upstream: Any) -> Any:
            d_products, d_bias = operations.character_cnn_gradient(
                character_ids, products, bias, chosen, upstream
            )
            return tf.ensure_shape(d_products, products.shape), tf.ensure_shape(d_bias, bias.shape)

        return tf.ensure_shape(output, [n_word_types, filters]), gradient

    return pooled(products, tf.convert_to_tensor(bias))


def _shifted(character_ids: Any, offset: int) -> Any:
    """Return at each position the id `offset` positions further, 0 beyond the ends: `<int32>[n, time]`."""
    time = tf.shape(character_ids)[1]
    padded = tf.pad(character_ids, [[0, 0], [_WIDTH // 2, _WIDTH // 2]])
    first = _WIDTH // 2 + offset
    return padded[:, first : first + time]
