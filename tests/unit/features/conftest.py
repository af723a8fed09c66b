"""Fixture that writes split files like the split step, from the sequences of a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.corpus.schema import corpus_schema
from seqtag.corpus.splits import split_schema

WriteSplit = Callable[..., Path]


@pytest.fixture
def write_split(tmp_path: Path) -> WriteSplit:
    """Return `write(tokens, tags, name="train", rows=None, row_group_size=None)`, which returns the path."""

    def write(
        tokens: Sequence[Sequence[str]],
        tags: Sequence[Sequence[str] | None],
        *,
        name: str = "train",
        rows: Sequence[int] | None = None,
        row_group_size: int | None = None,
    ) -> Path:
        n = len(tokens)
        columns = {
            "row": rows or list(range(n)),
            "sequence_id": [f"s{i}" for i in range(n)],
            "document_id": [f"d{i}" for i in range(n)],
            "split": [name] * n,
            "tokens": tokens,
            "tags": tags,
        }
        path = tmp_path / f"{name}.parquet"
        table = pa.Table.from_pydict(columns, schema=split_schema(corpus_schema()))
        pq.write_table(table, path, row_group_size=row_group_size)
        return path

    return write
