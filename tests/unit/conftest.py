"""Predictions files made of blank-separated texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WritePredictions = Callable[..., Path]


@pytest.fixture
def write_predictions(tmp_path: Path) -> WritePredictions:
    """Return a function that writes one sequence per (words, gold tags, predicted tags).

    A word in capitals is unknown to the model. Gold tags may be None. Probabilities are blank-separated too;
    without any the model is sure of every tag, and has no column for spans. Each sequence is a document, and
    numbered ones are all different.
    """

    def write(
        name: str,
        sequences: Sequence[tuple[str, str | None, str]],
        *,
        first_row: int = 0,
        drop: Sequence[str] = (),
        confidence: Sequence[str] | None = None,
        span_confidence: Sequence[str] | None = None,
        seen: Sequence[bool | None] | None = None,
        tested: Sequence[bool | None] | None = None,
        numbered: bool = False,
        documents: Sequence[str] | None = None,
        **columns: Sequence[str | None] | Sequence[list[str | None] | None],
    ) -> Path:
        words = [w.split() for w, _, _ in sequences]
        if numbered:
            words = [[f"{word}{i}" for word in w] for i, w in enumerate(words)]
        sure = [" ".join("1" for _ in w) for w in words] if confidence is None else confidence
        of_spans = {} if span_confidence is None else {"span_confidence": probabilities(span_confidence)}
        table = pa.table(
            {
                "row": pa.array(range(first_row, first_row + len(sequences)), pa.int64()),
                "sequence_id": [f"s{i}" for i in range(len(sequences))],
                "document_id": documents or [f"d{i}" for i in range(len(sequences))],
                "tokens": pa.array(words, pa.list_(pa.string())),
                "tags": pa.array([g and g.split() for _, g, _ in sequences], pa.list_(pa.string())),
                "predicted": pa.array([p.split() for _, _, p in sequences], pa.list_(pa.string())),
                "confidence": probabilities(sure),
                **of_spans,
                "unknown": pa.array([[v.isupper() for v in w] for w in words], pa.list_(pa.bool_())),
                "seen": pa.array(seen or [False] * len(words), pa.bool_()),
                "tested": pa.array(tested or [True] * len(words), pa.bool_()),
                **{column: texts_or_lists(values) for column, values in columns.items()},
            }
        )
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table.drop_columns(list(drop)), path, row_group_size=2)
        return path

    return write


def texts_or_lists(values: Sequence[str | None] | Sequence[list[str | None] | None]) -> pa.Array:
    kind = pa.string()
    return pa.array(values, pa.list_(kind) if any(isinstance(each, list) for each in values) else kind)


def probabilities(texts: Sequence[str]) -> pa.ListArray:
    return pa.array([[float(p) for p in text.split()] for text in texts], pa.list_(pa.float32()))
