"""Inference with the SavedModel of a bundle, which is loaded without Keras and without building a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.features import PAD_ID, EncodedColumns, Vocabulary
from seqtag.neural._tensorflow import tf
from seqtag.neural.windowed_inference import OUTPUT, WordTypeTable

_TEXT = "text"  # key of the texts in the table of word types, <object>[n_word_types] of str


class SavedModelPredictor:
    """Runs inference with a SavedModel; the vector of a word type is its text.

    Args:
        folder: folder of the SavedModel.
        tags: its output tag for each tag id; of equal ones, the first id is returned.
    """

    def __init__(self, folder: Path, tags: Sequence[str]) -> None:
        self._model = tf.saved_model.load(str(folder))
        self._tags = pa.array(tags, pa.binary())

    def word_type_vectors(self, word_types: WordTypeTable) -> npt.NDArray[np.object_]:
        """Return the texts of a table of word types."""
        return word_types[_TEXT]

    def predict(
        self, vectors: Any, positions: npt.NDArray[np.int32], columns: EncodedColumns
    ) -> npt.NDArray[Any]:
        """Return `OUTPUT[batch, time]`, undefined at padding.

        Args:
            vectors: `<object>[n_word_types]`, texts; row 0 is padding.
            positions: `<int32>[batch, time]`, rows of `vectors`, right-padded with 0.
            columns: `[batch, time, width]` each.
        """
        mask = positions > 0
        if columns:
            given = {name: tf.constant(values) for name, values in columns.items()}
            padded = self._model.tag_encoded(tf.constant(vectors[positions]), tf.constant(mask), given)
            tagged = {name: values.numpy()[mask] for name, values in padded.items()}
        else:
            tokens = tf.RaggedTensor.from_row_lengths(tf.constant(vectors[positions[mask]]), mask.sum(axis=1))
            ragged = self._model.tag_ragged(tokens)
            tagged = {name: values.flat_values.numpy() for name, values in ragged.items()}
        output = np.empty(positions.shape, dtype=OUTPUT)
        tags = pa.array(tagged["tags"], pa.binary())
        output["tag_id"][mask] = pc.index_in(tags, value_set=self._tags).to_numpy()
        for name in ("confidence", "span_confidence"):
            output[name][mask] = tagged[name]
        return output


def word_type_texts(word_types: pa.StringArray, vocabulary: Vocabulary) -> WordTypeTable:
    """Return the texts and the word ids of word types, `[1 + n_word_types]`; row 0 is padding."""
    texts = np.array(["", *word_types.to_pylist()], np.object_)
    return {_TEXT: texts, "word_ids": np.append(np.int32(PAD_ID), vocabulary.ids(word_types))}
