"""Networks that share an encoder: one for each column of tags, trained together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqtag.config import RECIPES, ModelConfig
from seqtag.features import TagIndex
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.encoders import Encoder, Sizes
from seqtag.neural.heads import build_head
from seqtag.neural.network import TaggerNetwork
from seqtag.neural.weights import Weights

_TAGS_LAYER = "tags/"  # paths of the first network's output layer; that of the third is called `tags_2`


@dataclass(frozen=True, eq=False)
class JointNetwork:
    """Networks with the same encoder, each with an output layer and an output head.

    It has the interface of `TaggerNetwork` in training. Tags have a last axis, with one element for each
    network.
    """

    networks: tuple[TaggerNetwork, ...]

    @classmethod
    def of(
        cls, first: TaggerNetwork, others: Sequence[TagIndex], *, recipe: str, config: ModelConfig, seed: int
    ) -> JointNetwork:
        """Return the first network with others for further tags, whose initial weights `seed` determines."""
        kind = "softmax" if RECIPES[recipe].always_softmax else config.output
        networks = [first]
        for number, tags in enumerate(others, start=1):
            glorot = keras.initializers.GlorotUniform(seed + number)
            layer = keras.layers.Dense(len(tags), kernel_initializer=glorot, name=f"tags_{number}")
            layer.build([None, None, first.tags.kernel.shape[0]])
            head = build_head(kind, tags.tags, tags.scheme)
            networks.append(TaggerNetwork(first.model, layer, head, first.sizes))
        return cls(tuple(networks))

    @property
    def model(self) -> Encoder:
        return self.networks[0].model

    @property
    def sizes(self) -> Sizes:
        return self.networks[0].sizes

    @property
    def variables(self) -> list[Any]:
        """All trainable variables, those of the encoder once."""
        further = [v for network in self.networks[1:] for v in network.tags.trainable_variables]
        return [*self.networks[0].variables, *further]

    @property
    def tags_shape(self) -> tuple[int, ...]:
        """Shape of the tags of a token."""
        return (len(self.networks),)

    def loss(self, x: Any, mask: Any, tag_ids: Any, weights: Any, seed: Any) -> Any:
        """Return the sum of the losses of all networks, as `TaggerNetwork.loss` does for one.

        Args:
            x, mask, seed: as there.
            tag_ids: `<int32>[batch, time, n_networks]`.
            weights: `<float32>[batch, time, n_networks]`.
        """
        states = self.model.states(x, mask, seed)  # [batch, time, n_features]
        return tf.add_n(
            [
                network.loss_of_states(states, mask, tag_ids[..., number], weights[..., number])
                for number, network in enumerate(self.networks)
            ]
        )


def weights_alone(weights: Weights, number: int) -> Weights:
    """Return the weights of one of the networks under the paths of a network that is trained alone.

    Args:
        weights: those of a `JointNetwork` by path.
        number: of the network, from 0.
    """
    own = _TAGS_LAYER if number == 0 else f"tags_{number}/"
    encoder = {path: values for path, values in weights.items() if not path.startswith("tags")}
    layer = {path.replace(own, _TAGS_LAYER): v for path, v in weights.items() if path.startswith(own)}
    return {**encoder, **layer}
