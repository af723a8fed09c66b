"""The SavedModel: strings in, tags out, for TensorFlow Serving and anything else that knows no seqtag."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqtag.neural._tensorflow import tf
from seqtag.neural.network import NetworkReader
from seqtag.neural.tokens import TokenFeatures


def export_saved_model(
    reader: NetworkReader, features: TokenFeatures, tags: Sequence[str], folder: Path
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


class _Serving(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    def __init__(self, reader: NetworkReader, features: TokenFeatures, tags: Sequence[str]) -> None:
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
        forms, positions = tf.unique(tf.reshape(tokens, [-1]))  # each distinct token is looked at once
        vectors = self._reader.network.form_vectors(self._features(forms))
        vectors = tf.concat([tf.zeros_like(vectors[:1]), vectors], axis=0)  # row 0 is padding
        positions = tf.where(real, tf.reshape(positions, tf.shape(tokens)) + 1, 0)  # [batch, time + 1]
        decoded = self._reader.decode(vectors, positions)
        tags = tf.where(real, tf.gather(self._tags, decoded.tag_ids), "")
        served = {"tags": tags}
        served["confidence"] = tf.where(real, decoded.confidence, 0.0)
        served["span_confidence"] = tf.where(real, decoded.span_confidence, 0.0)
        return {name: values[:, :-1] for name, values in served.items()}  # [batch, time]
