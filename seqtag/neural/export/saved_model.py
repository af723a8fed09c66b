"""SavedModel export: strings in, tags out, for TensorFlow Serving and other programs without seqtag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from seqtag.features import ColumnIndex
from seqtag.neural import native
from seqtag.neural._tensorflow import graph_function, saved_model_pb2, tf
from seqtag.neural.encoders import column_specs
from seqtag.neural.layers.column_features import ColumnFeatures
from seqtag.neural.layers.token_features import TokenFeatures
from seqtag.neural.network import NetworkPredictor

_CAPTURED = re.compile(r'(key: "_user_specified_name"\s+value {\s+s: ")\d+(?=")')


def export_saved_model(
    predictor: NetworkPredictor,
    features: TokenFeatures,
    columns: ColumnIndex,
    tags: Sequence[str],
    folder: Path,
) -> None:
    """Write a SavedModel to `folder`.

    Its signature `serving_default` takes `tokens: <string>[batch, time]`, right-padded with "", and each
    column of the tokens by its name, in the types of `ColumnFeatures`. It returns
    `tags: <string>[batch, time]`, "" at padding, and `confidence` and `span_confidence`, both
    `<float32>[batch, time]`, 0 at padding. `tag_ragged` of the loaded object does the same for ragged tokens
    and, if there are columns, a dict of ragged columns. Sequences are tagged in one piece, never in windows.

    Args:
        predictor: the network.
        features: the token features.
        columns: further columns of tokens that the network reads.
        tags: the output tag of each tag id.
        folder: folder of the SavedModel.
    """
    serving = _Serving(predictor, features, columns, tags)
    with native.left_out():
        signature = serving.tag_padded.get_concrete_function(
            tokens=tf.TensorSpec([None, None], tf.string, name="tokens"), **serving.columns.specs()
        )
        tf.saved_model.save(serving, str(folder), signatures={"serving_default": signature})
    (folder / "fingerprint.pb").unlink()  # contains a random number; not needed (TensorFlow 2.21)
    _number_functions_from_0(folder / "saved_model.pb")


class _Serving(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    def __init__(
        self, predictor: NetworkPredictor, features: TokenFeatures, columns: ColumnIndex, tags: Sequence[str]
    ) -> None:
        super().__init__()
        self._predictor, self._features, self.columns = (
            predictor,
            features,
            ColumnFeatures(columns, features.folded),
        )
        # A Module saves only the variables that it can reach through its attributes.
        network = predictor.network
        self._weights = [weight.value for weight in (*network.model.weights, *network.output.weights)]
        self._tags = tf.constant(tags, tf.string)
        padded = (tf.TensorSpec([None, None], dtype) for dtype in (tf.string, tf.bool))
        self.tag_encoded = graph_function(
            self._tag_encoded, input_signature=[*padded, column_specs(network.sizes)]
        )
        ragged = {
            name: tf.RaggedTensorSpec([None, None], spec.dtype) for name, spec in self.columns.specs().items()
        }
        self.tag_ragged = graph_function(
            self._tag_ragged,
            input_signature=[tf.RaggedTensorSpec([None, None], tf.string), *([ragged] if ragged else [])],
        )

    @graph_function
    def tag_padded(self, tokens: Any, **columns: Any) -> dict[str, Any]:
        is_last = tf.cast(tokens != "", tf.int32)
        real = tf.cumsum(is_last, axis=1, reverse=True) > 0  # "" between tokens is an unknown token
        return self.tag_encoded(tokens, real, self.columns(tokens, columns, real))

    def _tag_ragged(self, tokens: Any, columns: Any = None) -> dict[str, Any]:
        padded, lengths = tokens.to_tensor(""), tokens.row_lengths()
        real = tf.sequence_mask(lengths, tf.shape(padded)[1])
        of_tokens = {name: ragged.to_tensor() for name, ragged in (columns or {}).items()}
        tagged = self.tag_encoded(padded, real, self.columns(padded, of_tokens, real))
        return {name: tf.RaggedTensor.from_tensor(values, lengths) for name, values in tagged.items()}

    def _tag_encoded(self, tokens: Any, real: Any, columns: Any) -> dict[str, Any]:
        tokens, real = (tf.pad(values, [[0, 0], [0, 1]]) for values in (tokens, real))  # LSTMs reject [0, 0]
        columns = {name: tf.pad(values, [[0, 0], [0, 1], [0, 0]]) for name, values in columns.items()}
        word_types, positions = tf.unique(tf.reshape(tokens, [-1]))  # features once per distinct token
        vectors = self._predictor.network.word_type_vectors(self._features(word_types))
        vectors = tf.concat([tf.zeros_like(vectors[:1]), vectors], axis=0)  # row 0 is padding
        positions = tf.where(real, tf.reshape(positions, tf.shape(tokens)) + 1, 0)  # [batch, time + 1]
        decoded = self._predictor.decode(vectors, positions, columns)
        tags = tf.where(real, tf.gather(self._tags, decoded.tag_ids), "")
        outputs = {"tags": tags}
        outputs["confidence"] = tf.where(real, decoded.confidence, 0.0)
        outputs["span_confidence"] = tf.where(real, decoded.span_confidence, 0.0)
        return {name: values[:, :-1] for name, values in outputs.items()}  # [batch, time]


def _number_functions_from_0(path: Path) -> None:
    """Renumber the functions of a SavedModel, so that equal taggers have equal bytes.

    TensorFlow 2.21 ends the name of each function, and of what it captures, with a counter of the process.
    Without renumbering, the bytes would depend on what the process traced before, for example if a training
    was resumed.
    """
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    libraries = [graph.graph_def.library for graph in saved.meta_graphs]
    names = {function.signature.name for library in libraries for function in library.function}
    numbers = sorted(int(name.rpartition("_")[2]) for name in names)
    new_numbers = {str(number): str(rank) for rank, number in enumerate(numbers)}
    numbered = re.compile("(?:" + "|".join(map(re.escape, names)) + r")(?!\d)")

    def renamed(match: re.Match[str]) -> str:
        base, _, number = match[0].rpartition("_")
        return f"{base}_{new_numbers[number]}"

    text = numbered.sub(renamed, _CAPTURED.sub(r"\1captured", text_format.MessageToString(saved)))
    saved = text_format.Parse(text, saved_model_pb2.SavedModel())
    for graph in saved.meta_graphs:
        graph.graph_def.library.function.sort(key=lambda function: function.signature.name)
    path.write_bytes(saved.SerializeToString(deterministic=True))
