"""Served tagger: MLflow copies this file next to the bundle and runs it there, without seqtag.

It needs tensorflow, numpy, pandas and mlflow, which requires pyarrow; inputs are lists of tokens, and of the
values of their columns.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import mlflow.models
import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from mlflow.pyfunc.model import PythonModel, PythonModelContext

_ORIGIN_FILE = "registered_model_meta"  # MLflow (3.17) writes it when it resolves a models:/ URI
_CONFIDENCES = ("confidence", "span_confidence")
_TEXTS = ("category", "set")  # kinds of columns whose values are text
# As in seqtag.corpus, which is not there when a model is served; a test compares the values of both.
_WHITE_SPACE = " \t\n\v\f\r\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)
_BATCH_CELLS = 16_384  # tokens per batch, padding included; bounds memory


class ServedTagger(PythonModel):
    """Tagger of data frames with a column `tokens` of lists of strings.

    A tagger that reads further columns of tokens finds them by their names, as lists with a value for each
    token: text, numbers or truth values for categories and sets, numbers, and times as ISO 8601 or as seconds
    since 1970. Null, NaN and empty text are missing values; where a column or a list is left out, all its
    values are missing.
    """

    def load_context(self, context: PythonModelContext) -> None:
        import tensorflow as tf

        bundle = Path(context.artifacts["bundle"])
        self._saved_model = tf.saved_model.load(str(bundle / "saved_model"))
        self._tag = self._saved_model.signatures["serving_default"]
        self._columns = _kinds(bundle / "columns.json")
        self._origin = _origin(bundle.parents[1])

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow passes it by position
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - MLflow looks for it by name
    ) -> pd.DataFrame:
        """Return one row per sequence, with the index of the input.

        Columns: lists `tags`, `confidence` of each tag and `span_confidence` of the span that contains the
        token, and the registered version that this process loaded, `model_name` and `model_version`, which
        are None if it was loaded by its path.
        """
        sequences = [_checked(row, tokens) for row, tokens in enumerate(model_input["tokens"])]
        columns = {
            name: [_values(row, name, kind, given, len(sequences[row])) for row, given in enumerate(lists)]
            for name, kind in self._columns.items()
            for lists in [model_input[name] if name in model_input else [None] * len(sequences)]
        }
        answers: dict[str, list[list[Any]]] = {
            name: [[] for _ in sequences] for name in ("tags", *_CONFIDENCES)
        }
        for batch in _batches([len(tokens) for tokens in sequences]):
            self._tag_batch(batch, sequences, columns, answers)
        # pandas aligns by index: with another one, assigned tags would land on other rows
        return pd.DataFrame({**answers, **self._origin}, index=model_input.index)

    def _tag_batch(
        self,
        batch: list[int],
        sequences: list[list[str]],
        columns: dict[str, list[list[Any]]],
        answers: dict[str, list[list[Any]]],
    ) -> None:
        import tensorflow as tf

        width = max(len(sequences[row]) for row in batch)
        padded = {"tokens": tf.constant(_padded(sequences, batch, width, ""), tf.string)}
        for name, kind in self._columns.items():
            values = _padded(columns[name], batch, width, _missing(kind))
            padded[name] = tf.constant(values, tf.string if kind in _TEXTS else tf.float64)
        found = self._tag(**padded)
        tag_rows = found["tags"].numpy()  # <bytes>[batch, time]
        confidences = {name: found[name].numpy().astype(float) for name in _CONFIDENCES}
        for place, row in enumerate(batch):
            length = len(sequences[row])
            answers["tags"][row] = [tag.decode() for tag in tag_rows[place, :length]]
            for name, rows in confidences.items():  # rows: <float64>[batch, time]
                answers[name][row] = rows[place, :length].tolist()


def _kinds(columns: Path) -> dict[str, str]:
    """Return the kind of each further column of tokens by its name; none if the bundle has no columns."""
    learned = json.loads(columns.read_text("utf-8"))["columns"] if columns.exists() else []
    return {each["column"]["name"]: each["column"]["kind"] for each in learned}


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


def _missing(kind: str) -> Any:
    return "" if kind in _TEXTS else math.nan


def _padded(lists: list[list[Any]], batch: list[int], width: int, padding: Any) -> list[list[Any]]:
    return [lists[row] + [padding] * (width - len(lists[row])) for row in batch]


def _values(row: int, name: str, kind: str, given: Any, n_tokens: int) -> list[Any]:
    """Return the values of a column for one sequence, as text or as floats."""
    if given is None or (isinstance(given, float) and math.isnan(given)):  # left out
        return [_missing(kind)] * n_tokens
    if not isinstance(given, list | tuple | np.ndarray) or len(given) != n_tokens:
        raise ValueError(f"row {row}: column {name!r}: expected a list of {n_tokens} values, got {given!r}")
    return [_value(row, name, kind, value) for value in given]


def _value(row: int, name: str, kind: str, value: Any) -> Any:
    """Return a value as text or as a float, as it is read in training."""
    text = _text(value)
    if text == "" or (text is not None and kind == "number" and _NAN.fullmatch(text)):
        return _missing(kind)
    expected = {"number": "a number", "time": "an ISO 8601 time or seconds since 1970"}.get(kind, "text")
    try:
        if kind in _TEXTS and text is not None:
            return text
        if kind == "time" and isinstance(value, str) and text is not None:
            return pd.to_datetime(text, utc=True, format="ISO8601").timestamp()
        if text is not None and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"row {row}: column {name!r}: expected {expected}, got {value!r}")


def _text(value: Any) -> str | None:
    """Return a value as `seqtag.corpus.column_texts` does, "" if it is missing, None if it cannot be text."""
    if isinstance(value, str):
        return value.strip(_WHITE_SPACE)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # of any size
    if isinstance(value, bool | float | np.bool_ | np.number):
        return pa.scalar(value, from_pandas=True).cast(pa.string()).as_py() or ""
    return "" if pd.api.types.is_scalar(value) and pd.isna(value) else None


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
