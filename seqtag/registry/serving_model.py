"""Served tagger: MLflow copies this file next to the bundle and runs it there, without seqtag.

It needs tensorflow, numpy, pandas and mlflow; inputs and outputs are lists of strings.
"""

from __future__ import annotations

from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext

_BATCH_CELLS = 16_384  # tokens per batch, padding included; bounds memory


class ServedTagger(PythonModel):
    """Tagger of data frames with one column `tokens` of lists of strings."""

    def load_context(self, context: PythonModelContext) -> None:
        import tensorflow as tf

        self._saved_model = tf.saved_model.load(f"{context.artifacts['bundle']}/saved_model")
        self._tag = self._saved_model.signatures["serving_default"]

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it by position
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow looks for it by name
    ) -> pd.DataFrame:
        """Return columns `tags` and `confidence`, one list per sequence, with the index of the input."""
        sequences = [_checked(row, tokens) for row, tokens in enumerate(model_input["tokens"])]
        tags: list[list[str]] = [[] for _ in sequences]
        confidences: list[list[float]] = [[] for _ in sequences]
        for batch in _batches([len(tokens) for tokens in sequences]):
            self._tag_batch(batch, sequences, tags, confidences)
        # pandas aligns by index: with another one, assigned tags would land on other rows
        return pd.DataFrame({"tags": tags, "confidence": confidences}, index=model_input.index)

    def _tag_batch(
        self,
        batch: list[int],
        sequences: list[list[str]],
        tags: list[list[str]],
        confidences: list[list[float]],
    ) -> None:
        import tensorflow as tf

        width = max(len(sequences[row]) for row in batch)
        padded = [sequences[row] + [""] * (width - len(sequences[row])) for row in batch]
        found = self._tag(tokens=tf.constant(padded, tf.string))
        tag_rows = found["tags"].numpy()  # <bytes>[batch, time]
        confidence_rows = found["confidence"].numpy().astype(float)  # <float64>[batch, time]
        for place, row in enumerate(batch):
            length = len(sequences[row])
            tags[row] = [tag.decode() for tag in tag_rows[place, :length]]
            confidences[row] = confidence_rows[place, :length].tolist()


def _checked(row: int, tokens: Any) -> list[str]:
    if not isinstance(tokens, list | tuple | np.ndarray):
        raise ValueError(f"row {row}: not a list of tokens: got {tokens!r}")
    if not all(isinstance(token, str) and token for token in tokens):  # "" is padding to the saved model
        raise ValueError(f"row {row}: invalid token: expected non-empty strings, got {list(tokens)}")
    return [str(token) for token in tokens]  # NumPy's strings become str


def _batches(lengths: list[int]) -> list[list[int]]:
    """Group the rows of non-empty sequences by length to keep padding small."""
    batches: list[list[int]] = []
    for row in sorted((row for row, length in enumerate(lengths) if length), key=lengths.__getitem__):
        # Rows come in order of length, so this row's length would be the width of its batch.
        if batches and (len(batches[-1]) + 1) * lengths[row] <= _BATCH_CELLS:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


mlflow.models.set_model(ServedTagger())
