"""The encoder of the recipe `base`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from seqtag.config import ModelConfig
from seqtag.features import Vectors
from seqtag.neural._keras import keras
from seqtag.neural.encoders import Encoder, Sizes, Tables, tag_scores
from seqtag.neural.layers.bilstm import BiLSTM
from seqtag.neural.layers.dropout import SpatialDropout1D, fold_in
from seqtag.neural.layers.look_up import look_up, sums_of_squares
from seqtag.neural.layers.token_features import FEATURE_SPECS, WordTypeFeatures


class BaseEncoder(Encoder):
    """A BiLSTM over word embeddings."""

    required_features = MappingProxyType({"word_ids": FEATURE_SPECS["word_ids"]})

    def __init__(self, sizes: Sizes, _config: ModelConfig, _vectors: Vectors | None, seed: int) -> None:
        super().__init__(name="base")
        seeds = random.Random(seed)
        uniform = keras.initializers.RandomUniform(seed=seeds.getrandbits(31))
        self.words = keras.layers.Embedding(sizes.n_words, 50, uniform, name="words")
        self.word_dropout = SpatialDropout1D(0.1, name="word_dropout")
        self.bilstm = BiLSTM(100, recurrent_dropout=0.1, seed=seeds.getrandbits(31), name="bilstm")
        self.tags = tag_scores(sizes.n_tags, seeds)  # the softmax is part of the loss

    def tables(self) -> dict[str, Any]:
        return {"words": self.words.embeddings}

    def word_type_vectors(self, word_types: WordTypeFeatures, tables: Tables, seed: Any = None) -> Any:
        # [n_word_types, 50]
        return look_up(tables["words"], word_types["word_ids"], training=seed is not None)

    def states(self, x: Any, mask: Any, seed: Any = None) -> Any:
        x = self.word_dropout(x, seed=fold_in(seed, 1))  # [batch, time, 50]
        return self.bilstm(x, mask=mask, seed=fold_in(seed, 2))  # [batch, time, 2 * 100]

    def sums_of_squares(self, x_gradient: Any, token_rows: Any, n_rows: Mapping[str, Any]) -> dict[str, Any]:
        """Return the squared gradients as Keras 3.15 sums them: squared for each token of a row first."""
        return {"words": sums_of_squares(x_gradient, token_rows, n_rows["words"])}
