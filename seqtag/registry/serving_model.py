"""Served tagger: MLflow copies this file next to the bundle and runs it there, without seqtag.

It needs tensorflow, numpy, pandas and mlflow; inputs are lists of strings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
import yaml
from mlflow.pyfunc.model import PythonModel, PythonModelContext

_ORIGIN_FILE = "registered_model_meta"  # MLflow (3.17) writes it when it resolves a models:/ URI
_BATCH_CELLS = 16_384  # tokens per batch, padding included; bounds memory


class ServedTagger(PythonModel):
    """Tagger of data frames with one column `tokens` of lists of strings."""

    def load_context(self, context: PythonModelContext) -> None:
        import tensorflow as tf

        self._saved_model = tf.saved_model.load(f"{context.artifacts['bundle']}/saved_model")
        self._tag = self._saved_model.signatures["serving_default"]
        self._origin = _origin(Path(context.artifacts["bundle"]).parents[1])

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it by position
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow looks for it by name
    ) -> pd.DataFrame:
        """Return one row per sequence, with the index of the input.

        Columns: lists `tags` and `confidence`, and the registered version that this process loaded,
        `model_name` and `model_version`, which are None if it was loaded by its path.
        """
        sequences = [_checked(row, tokens) for row, tokens in enumerate(model_input["tokens"])]
        tags: list[list[str]] = [[] for _ in sequences]
        confidences: list[list[float]] = [[] for _ in sequences]
        for batch in _batches([len(tokens) for tokens in sequences]):
            self._tag_batch(batch, sequences, tags, confidences)
        # pandas aligns by index: with another one, assigned tags would land on other rows
        answers = {"tags": tags, "confidence": confidences, **self._origin}
        return pd.DataFrame(answers, index=model_input.index)

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


def _origin(model: Path) -> dict[str, str | None]:
    """Return name and version of the registered model in a folder, both None if MLflow noted none."""
    file = model / _ORIGIN_FILE
    noted = yaml.safe_load(file.read_text("utf-8")) if file.exists() else {}
    return {key: str(noted[key]) if key in noted else None for key in ("model_name", "model_version")}


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
