"""The network: an encoder and an output head, trained, saved and loaded together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import RECIPES, ModelConfig
from seqtag.features import EncodedColumns, TagIndex, Vectors
from seqtag.neural import native
from seqtag.neural._tensorflow import graph_function, tf
from seqtag.neural.encoders import Encoder, Sizes, build_encoder, column_specs
from seqtag.neural.heads import Decoded, SoftmaxHead, build_head
from seqtag.neural.layers.native_cross_entropy import native_cross_entropy
from seqtag.neural.layers.token_features import WordTypeFeatures
from seqtag.neural.weights import Weights, weights_of
from seqtag.neural.windowed_inference import NO_VALUES, OUTPUT, WordTypeTable

_WORD_TYPES_AT_ONCE = 2**14  # bounds the memory of the character CNN
_TAG_PAIRS_AT_ONCE = 2**24  # transitions scored per time step of decoding, over all rows of a batch


@dataclass(frozen=True, eq=False)
class TaggerNetwork:
    """An encoder, an output layer and an output head, with their weights."""

    model: Encoder
    tags: Any  # the output layer; that of the encoder, unless several networks share it
    output: SoftmaxHead
    sizes: Sizes

    @classmethod
    def build(
        cls,
        recipe: str,
        sizes: Sizes,
        config: ModelConfig,
        tags: TagIndex,
        vectors: Vectors | None = None,
        *,
        seed: int = 0,
    ) -> TaggerNetwork:
        """Build a network with initial weights drawn from `seed`."""
        kind = "softmax" if RECIPES[recipe].always_softmax else config.output
        model = build_encoder(recipe, sizes, config, vectors, seed)
        return cls(model, model.tags, build_head(kind, tags.tags, tags.scheme), sizes)

    @property
    def variables(self) -> list[Any]:
        """All trainable variables."""
        return [*self.model.trainable_variables, *self.output.trainable_variables]

    @property
    def networks(self) -> tuple[TaggerNetwork, ...]:
        """Itself; see `seqtag.neural.joint_network`."""
        return (self,)

    @property
    def tags_shape(self) -> tuple[int, ...]:
        """Shape of the tags of a token: one."""
        return ()

    def word_type_vectors(self, word_types: WordTypeFeatures) -> Any:
        """Return `<float32>[n_word_types, size]`, for inference."""
        return self.model.word_type_vectors(
            word_types, {name: table.value for name, table in self.model.tables().items()}
        )

    def emissions(
        self, vectors: Any, positions: Any, columns: Mapping[str, Any] = NO_VALUES
    ) -> tuple[Any, Any]:
        """Return tag scores for inference, and the mask.

        Args:
            vectors: `<float32>[n_word_types, size]`; row 0 is padding.
            positions: `<int32>[batch, time]`, rows of `vectors`, right-padded with 0.
            columns: `EncodedColumns`, `[batch, time, width]` each.

        Returns: `<float32>[batch, time, n_tags]` and `<bool>[batch, time]`, True at tokens.
        """
        mask = positions > 0
        x = self.model.with_columns(tf.gather(vectors, positions), columns, training=False)
        return self.tags(self.model.states(x, mask)), mask

    def loss(self, x: Any, mask: Any, tag_ids: Any, weights: Any, seed: Any) -> Any:
        """Return the training loss in nats, summed over tokens.

        Args:
            x: `<float32>[batch, time, size]`, the vector of each token.
            mask: `<bool>[batch, time]`, True at tokens; padding only on the right.
            tag_ids: `<int32>[batch, time]`.
            weights: `<float32>[batch, time]`, weight of each token; 0 where the gold tag is unknown.
            seed: seed of the dropout, as for `keep_mask`.
        """
        return self.loss_of_states(self.model.states(x, mask, seed), mask, tag_ids, weights)

    def loss_of_states(self, states: Any, mask: Any, tag_ids: Any, weights: Any) -> Any:
        """Return the training loss of the encoder's output, `<float32>[batch, time, n_features]`."""
        operations = native.operations() if self.output.is_trained_by_token else None
        if operations is None:
            return self.output.loss(self.tags(states), tag_ids, weights, mask)
        layer = self.tags.kernel.value, self.tags.bias.value
        return native_cross_entropy(operations, states, *layer, tag_ids, weights)

    def weights(self) -> Weights:
        """Return copies of all weights by layer path."""
        return weights_of(self.variables)


class NetworkPredictor:
    """Runs inference with a network; one trace serves batches of every shape."""

    def __init__(self, network: TaggerNetwork, *, temperature: float = 1.0) -> None:
        self.network, self._temperature = network, temperature
        self._rows_at_once = max(1, _TAG_PAIRS_AT_ONCE // network.output.n_tags**2)
        any_batch = tf.TensorSpec([None, None], tf.int32)
        any_vectors = tf.TensorSpec([None, None], tf.float32)
        self._decode = graph_function(
            self.decode, input_signature=[any_vectors, any_batch, column_specs(network.sizes)]
        )
        self._word_type_vectors = graph_function(network.word_type_vectors, reduce_retracing=True)

    def word_type_vectors(self, word_types: WordTypeTable) -> Any:
        """Return `<float32>[n_word_types, size]`, the vectors of a table of word types."""
        needed, n_word_types = self.network.model.required_features, len(word_types["word_ids"])
        parts = [
            self._word_type_vectors(
                {name: tf.constant(word_types[name][first : first + _WORD_TYPES_AT_ONCE]) for name in needed}
            )
            for first in range(0, n_word_types, _WORD_TYPES_AT_ONCE)
        ]
        return tf.concat(parts, axis=0)

    def predict(
        self, vectors: Any, positions: npt.NDArray[np.int32], columns: EncodedColumns = NO_VALUES
    ) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]`, undefined at padding.

        Args:
            vectors: `<float32>[n_word_types, size]`; row 0 is padding.
            positions: `<int32>[batch, time]`, rows of `vectors`, right-padded with 0.
            columns: `[batch, time, width]` each.
        """
        output = np.empty(positions.shape, dtype=OUTPUT)
        for first in range(0, len(positions), self._rows_at_once):
            rows = slice(first, first + self._rows_at_once)
            of_rows = {name: values[rows] for name, values in columns.items()}
            decoded = self._decode(vectors, positions[rows], of_rows)
            for name, values in zip(OUTPUT.names or (), decoded, strict=True):
                output[name][rows] = values
        return output

    def decode(self, vectors: Any, positions: Any, columns: Mapping[str, Any]) -> Decoded:
        emissions, mask = self.network.emissions(vectors, positions, columns)
        return self.network.output.decode(emissions, mask, self._temperature)
