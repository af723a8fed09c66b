"""The encoder of the recipe `default`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqtag.config import ModelConfig
from seqtag.features import UNK_ID, Vectors
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.encoders import Encoder, Sizes, Tables, embedding_table, tag_scores
from seqtag.neural.layers.bilstm import BiLSTM
from seqtag.neural.layers.char_cnn import CharacterCNN
from seqtag.neural.layers.dropout import SpatialDropout1D, fold_in, keep_mask
from seqtag.neural.layers.look_up import look_up, look_up_sums
from seqtag.neural.layers.token_features import WordTypeFeatures


class DefaultEncoder(Encoder):
    """BiLSTMs over words, affixes and characters, with variational dropout."""

    def __init__(self, sizes: Sizes, config: ModelConfig, vectors: Vectors | None, seed: int) -> None:
        super().__init__(name="default")
        seeds = random.Random(seed)
        self.rare_dropout = config.word_dropout
        self.static = None
        if vectors is None:
            self.words = embedding_table(sizes.n_words, config.word_size, seeds, name="words")
        else:  # trainable corrections to the static vectors, initially zero
            shape = (len(vectors) + 1, vectors.dim)
            self.static = self.add_weight(shape, "zeros", trainable=False, name="static")
            self.static.assign(np.pad(vectors.values, ((1, 0), (0, 0))))
            self.words = keras.layers.Embedding(sizes.n_words, vectors.dim, "zeros", name="words")
        self.affixes = embedding_table(config.affix_buckets, config.affix_size, seeds, name="affixes")
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
        self.tags = tag_scores(sizes.n_tags, seeds)
        self.column_tables = [
            embedding_table(n, size, seeds, name=f"column_{number}")
            for number, (n, size) in enumerate(sizes.columns)
        ]

    def tables(self) -> dict[str, Any]:
        return {"words": self.words.embeddings, "affixes": self.affixes.embeddings}

    def word_type_vectors(self, word_types: WordTypeFeatures, tables: Tables, seed: Any = None) -> Any:
        """Return `<float32>[n_word_types, size]`: word, affix and character parts, concatenated."""
        training, word_ids = seed is not None, word_types["word_ids"]  # [n_word_types]
        if seed is not None:
            kept = keep_mask(tf.shape(word_ids), self.rare_dropout, fold_in(seed, 1))  # [n_word_types]
            word_ids = tf.where(word_types["rare"] & (kept == 0), UNK_ID, word_ids)
        words = look_up(tables["words"], word_ids, training=training)  # [n_word_types, word_size]
        if self.static is not None:
            words += tf.gather(self.static.value, word_types["vector_ids"])
        affix_ids = word_types["affix_ids"]  # [n_word_types, N_AFFIXES]
        affixes = look_up_sums(tables["affixes"], affix_ids, training=training)  # [n_word_types, affix_size]
        # [n_word_types, character_filters]
        characters = self.characters(word_types["character_ids"], training=training)
        return tf.concat([words, affixes, characters], axis=1)  # [n_word_types, size]

    def with_columns(self, x: Any, columns: Mapping[str, Any], *, training: bool) -> Any:
        vectors = [
            look_up(table.embeddings.value, columns["ids"][..., number], training=training)
            for number, table in enumerate(self.column_tables)
        ]
        values = [columns["values"]] if "values" in columns else []
        return tf.concat([x, *vectors, *values], axis=2) if columns else x  # [batch, time, size]

    def states(self, x: Any, mask: Any, seed: Any = None) -> Any:
        x = self.dropout_in(x, seed=fold_in(seed, 2))  # [batch, time, size]
        for n, (bilstm, dropout) in enumerate(zip(self.bilstms, self.dropouts, strict=True)):
            x = bilstm(x, mask=mask, seed=fold_in(seed, 3 + 2 * n))  # [batch, time, 2 * units]
            x = dropout(x, seed=fold_in(seed, 4 + 2 * n))  # [batch, time, 2 * units]
        return x
