"""Character CNN: a convolution over the characters of a word type (Ma and Hovy 2016)."""

from __future__ import annotations

import random
from typing import Any

from seqtag.neural._tensorflow import keras, tf

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

    def call(self, character_ids: Any) -> Any:
        real = tf.cast(character_ids > 0, tf.float32)[..., None]  # [n_word_types, time, 1]
        x = tf.gather(self.vectors, character_ids) * real  # [n_word_types, time, size]
        # Zeros on both sides, so that filters see where a word type ends.
        x = tf.pad(x, [[0, 0], [_WIDTH // 2, _WIDTH // 2], [0, 0]])  # [n_word_types, time + 2, size]
        time = character_ids.shape[1]
        x = tf.concat([x[:, k : k + time] for k in range(_WIDTH)], axis=2)  # [n_word_types, time, 3 * size]
        x = tf.nn.relu(tf.matmul(x, self.kernel) + self.bias) * real  # [n_word_types, time, filters]
        return tf.reduce_max(x, axis=1)  # [n_word_types, filters]
