"""A model with its output: what is trained, read, saved and loaded as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import ModelConfig
from seqtag.features import TagIndex, Vectors
from seqtag.neural._tensorflow import tf
from seqtag.neural.encoders import Model, Sizes, build_encoder
from seqtag.neural.heads import Decoded, SoftmaxHead, build_head
from seqtag.neural.layers.token_features import Forms
from seqtag.neural.weights import Weights, weights_of
from seqtag.neural.windowed_inference import OUTPUT, WordTypeTable

_FORMS_AT_A_TIME = 2**14  # bounds the memory that spelling takes
_PAIRS_AT_ONCE = 2**24  # of neighbouring tags that a decoding weighs at one step, in all of its rows


@dataclass(frozen=True, eq=False)
class TaggerNetwork:
    """Layers and their weights."""

    model: Model
    output: SoftmaxHead

    @classmethod
    def of(
        cls,
        recipe: str,
        sizes: Sizes,
        config: ModelConfig,
        tags: TagIndex,
        vectors: Vectors | None = None,
        *,
        seed: int = 0,
    ) -> TaggerNetwork:
        """Build one, with the initial weights of a seed; the recipe `seed` is always a softmax."""
        kind = "softmax" if recipe == "seed" else config.output
        return cls(
            build_encoder(recipe, sizes, config, vectors, seed), build_head(kind, tags.tags, tags.scheme)
        )

    @property
    def variables(self) -> list[Any]:
        """All that is learnt."""
        return [*self.model.trainable_variables, *self.output.trainable_variables]

    def word_type_vectors(self, word_types: Forms) -> Any:
        """Return `<float32>[n_forms, size]`, for reading."""
        return self.model.word_type_vectors(
            word_types, {name: table.value for name, table in self.model.tables().items()}
        )

    def emissions(self, vectors: Any, positions: Any) -> tuple[Any, Any]:
        """Return `<float32>[batch, time, n_tags]` and `<bool>[batch, time]`, True at tokens, for reading.

        Args:
            vectors: `<float32>[n_forms, size]`, row 0 is padding.
            positions: `<int32>[batch, time]`, rows of `vectors`, right-padded with 0.
        """
        mask = positions > 0
        return self.model.emissions(tf.gather(vectors, positions), mask), mask

    def weights(self) -> Weights:
        """Return a copy of all weights by layer path."""
        return weights_of(self.variables)


class NetworkPredictor:
    """Tags with a network; one trace serves batches of every shape."""

    def __init__(self, network: TaggerNetwork, *, temperature: float = 1.0) -> None:
        self.network, self._temperature = network, temperature
        self._rows_at_once = max(1, _PAIRS_AT_ONCE // network.output.n_tags**2)
        any_batch = tf.TensorSpec([None, None], tf.int32)
        any_vectors = tf.TensorSpec([None, None], tf.float32)
        self._decode = tf.function(self.decode, input_signature=[any_vectors, any_batch])
        self._form_vectors = tf.function(network.word_type_vectors, reduce_retracing=True)

    def word_type_vectors(self, word_types: WordTypeTable) -> Any:
        """Return `<float32>[n_forms, size]` of a table of forms."""
        needed, n_word_types = self.network.model.inputs_needed, len(word_types["word_ids"])
        parts = [
            self._form_vectors(
                {name: tf.constant(word_types[name][first : first + _FORMS_AT_A_TIME]) for name in needed}
            )
            for first in range(0, n_word_types, _FORMS_AT_A_TIME)
        ]
        return tf.concat(parts, axis=0)

    def predict(self, vectors: Any, positions: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]` for right-padded sequences of rows of `vectors`."""
        output = np.empty(positions.shape, dtype=OUTPUT)
        for first in range(0, len(positions), self._rows_at_once):
            rows = slice(first, first + self._rows_at_once)
            for name, values in zip(OUTPUT.names or (), self._decode(vectors, positions[rows]), strict=True):
                output[name][rows] = values
        return output

    def decode(self, vectors: Any, positions: Any) -> Decoded:
        emissions, mask = self.network.emissions(vectors, positions)
        return self.network.output.decode(emissions, mask, self._temperature)
