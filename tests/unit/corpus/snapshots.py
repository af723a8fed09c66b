"""Snapshots of a few sequences, for tests of their readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.corpus.schema import corpus_schema


def batch_of(documents: Sequence[str], **columns: Sequence[Any]) -> pa.RecordBatch:
    """Return one sequence of one token per document, unless `columns` says otherwise."""
    n = len(documents)
    rows: dict[str, Sequence[Any]] = {
        "sequence_id": [f"s{i}" for i in range(n)],
        "document_id": documents,
        "split": [None] * n,
        "tokens": [["a"]] * n,
        "tags": [["O"]] * n,
        "defect": [None] * n,
    }
    return pa.RecordBatch.from_pydict({**rows, **columns}, schema=corpus_schema())


def numbered(n: int) -> list[str]:
    return [f"document {i}" for i in range(n)]


def parts_of(folder: Path, *batches: pa.RecordBatch) -> list[Path]:
    paths = [folder / f"part-{i:05d}.parquet" for i in range(len(batches))]
    for path, batch in zip(paths, batches, strict=True):
        pq.write_table(pa.Table.from_batches([batch]), path)
    return paths
