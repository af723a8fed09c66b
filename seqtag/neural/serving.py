"""The SavedModel: strings in, tags out, for TensorFlow Serving and anything else that knows no seqtag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqtag.features import PAD_ID, UNK_ID, TagIndex, Vocabulary
from seqtag.neural._tensorflow import tf
from seqtag.neural.engine import KerasReader


def export_saved_model(reader: KerasReader, vocabulary: Vocabulary, tags: TagIndex, folder: Path) -> None:
    """Write the SavedModel into `folder`.

    Its signature `serving_default` takes `tokens: <string>[batch, time]`, right-padded with "", and returns
    `tags: <string>[batch, time]` ("" at padding) and `confidence: <float32>[batch, time]` (0 at padding).
    The loaded object's `tag_ragged` does the same for ragged tokens. Sequences are read whole, never in
    windows.
    """
    serving = _Serving(reader, vocabulary, tags)
    tf.saved_model.save(serving, str(folder), signatures={"serving_default": serving.tag_padded})


class _Serving(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    def __init__(self, reader: KerasReader, vocabulary: Vocabulary, tags: TagIndex) -> None:
        super().__init__()
        self._reader = reader
        self._weights = [weight.value for weight in reader.model.weights]  # a Module keeps what it can reach
        words = vocabulary.words.symbols[UNK_ID:].to_pylist()  # with <unk>: a table must not be empty
        known = tf.lookup.KeyValueTensorInitializer(
            tf.constant(words, tf.string), tf.range(UNK_ID, UNK_ID + len(words), dtype=tf.int32)
        )
        self._word_ids = tf.lookup.StaticHashTable(known, default_value=UNK_ID)
        self._tags = tf.constant(tags.tags, tf.string)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name="tokens")])  # type: ignore[untyped-decorator]
    def tag_padded(self, tokens: Any) -> dict[str, Any]:
        padded = tf.pad(tokens, [[0, 0], [0, 1]])  # an LSTM cannot read [0, 0]
        is_last = tf.cast(padded != "", tf.int32)
        real = tf.cumsum(is_last, axis=1, reverse=True) > 0  # "" between tokens is an unknown token
        token_ids = tf.where(real, self._word_ids.lookup(padded), PAD_ID)  # [batch, time + 1]
        tag_ids, confidence = self._reader.most_probable(token_ids)
        tags = tf.where(real, tf.gather(self._tags, tag_ids), "")
        confidence = tf.where(real, confidence, 0.0)
        return {"tags": tags[:, :-1], "confidence": confidence[:, :-1]}  # [batch, time]

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.string)])  # type: ignore[untyped-decorator]
    def tag_ragged(self, tokens: Any) -> dict[str, Any]:
        tagged, lengths = self.tag_padded(tokens.to_tensor("")), tokens.row_lengths()
        return {name: tf.RaggedTensor.from_tensor(values, lengths) for name, values in tagged.items()}
