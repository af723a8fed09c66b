"""The SavedModel: strings in, tags out, for TensorFlow Serving and anything else that knows no seqtag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from seqtag.neural._tensorflow import saved_model_pb2, tf
from seqtag.neural.layers.token_features import TokenFeatures
from seqtag.neural.network import NetworkPredictor

_CAPTURED = re.compile(r'(key: "_user_specified_name"\s+value {\s+s: ")\d+(?=")')


def export_saved_model(
    reader: NetworkPredictor, features: TokenFeatures, tags: Sequence[str], folder: Path
) -> None:
    """Write the SavedModel into `folder`; `tags` are those of each tag id, as they are given out.

    Its signature `serving_default` takes `tokens: <string>[batch, time]`, right-padded with "", and returns
    `tags: <string>[batch, time]` ("" at padding), `confidence: <float32>[batch, time]` and `span_confidence`
    of the same shape (0 at padding). The loaded object's `tag_ragged` does the same for ragged tokens.
    Sequences are read whole, never in windows.
    """
    serving = _Serving(reader, features, tags)
    tf.saved_model.save(serving, str(folder), signatures={"serving_default": serving.tag_padded})
    (folder / "fingerprint.pb").unlink()  # has a random number in it, and nothing needs it (TensorFlow 2.21)
    _number_functions_from_0(folder / "saved_model.pb")


class _Serving(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    def __init__(self, reader: NetworkPredictor, features: TokenFeatures, tags: Sequence[str]) -> None:
        super().__init__()
        self._reader, self._features = reader, features
        # a Module keeps what it can reach
        network = reader.network
        self._weights = [weight.value for weight in (*network.model.weights, *network.output.weights)]
        self._tags = tf.constant(tags, tf.string)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name="tokens")])  # type: ignore[untyped-decorator]
    def tag_padded(self, tokens: Any) -> dict[str, Any]:
        is_last = tf.cast(tokens != "", tf.int32)
        real = tf.cumsum(is_last, axis=1, reverse=True) > 0  # "" between tokens is an unknown token
        return self._tagged(tokens, real)

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.string)])  # type: ignore[untyped-decorator]
    def tag_ragged(self, tokens: Any) -> dict[str, Any]:
        padded, lengths = tokens.to_tensor(""), tokens.row_lengths()
        tagged = self._tagged(padded, tf.sequence_mask(lengths, tf.shape(padded)[1]))
        return {name: tf.RaggedTensor.from_tensor(values, lengths) for name, values in tagged.items()}

    @tf.function(input_signature=[tf.TensorSpec([None, None], dtype) for dtype in (tf.string, tf.bool)])  # type: ignore[untyped-decorator]
    def _tagged(self, tokens: Any, real: Any) -> dict[str, Any]:
        tokens, real = (tf.pad(values, [[0, 0], [0, 1]]) for values in (tokens, real))  # no LSTM reads [0, 0]
        word_types, positions = tf.unique(tf.reshape(tokens, [-1]))  # each distinct token is looked at once
        vectors = self._reader.network.word_type_vectors(self._features(word_types))
        vectors = tf.concat([tf.zeros_like(vectors[:1]), vectors], axis=0)  # row 0 is padding
        positions = tf.where(real, tf.reshape(positions, tf.shape(tokens)) + 1, 0)  # [batch, time + 1]
        decoded = self._reader.decode(vectors, positions)
        tags = tf.where(real, tf.gather(self._tags, decoded.tag_ids), "")
        served = {"tags": tags}
        served["confidence"] = tf.where(real, decoded.confidence, 0.0)
        served["span_confidence"] = tf.where(real, decoded.span_confidence, 0.0)
        return {name: values[:, :-1] for name, values in served.items()}  # [batch, time]


def _number_functions_from_0(path: Path) -> None:
    """Give the functions of a SavedModel names that do not say how many the process had traced before.

    So equal taggers are equal bytes, also of a training that was cut off. TensorFlow 2.21 ends each name with
    a number of the whole process, and calls what a function captures by such a number.
    """
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    libraries = [graph.graph_def.library for graph in saved.meta_graphs]
    names = {function.signature.name for library in libraries for function in library.function}
    numbers = sorted(int(name.rpartition("_")[2]) for name in names)
    plain = {str(number): str(rank) for rank, number in enumerate(numbers)}
    numbered = re.compile("(?:" + "|".join(map(re.escape, names)) + r")(?!\d)")

    def renamed(match: re.Match[str]) -> str:
        base, _, number = match[0].rpartition("_")
        return f"{base}_{plain[number]}"

    text = numbered.sub(renamed, _CAPTURED.sub(r"\1captured", text_format.MessageToString(saved)))
    saved = text_format.Parse(text, saved_model_pb2.SavedModel())
    for graph in saved.meta_graphs:
        graph.graph_def.library.function.sort(key=lambda function: function.signature.name)
    path.write_bytes(saved.SerializeToString(deterministic=True))
