"""Reader of split files by row group, with dictionary-encoded strings so that each is processed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.io.row_groups import read_row_groups

T = TypeVar("T")


def row_groups(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the columns of each row group, with tokens and tags as lists of dictionary values."""
    coded = [name for name in (TOKENS, TAGS) if name in columns]
    return (batch for _, batch in read_row_groups([path], columns, coded=coded))


def prefetched(values: Iterator[T]) -> Iterator[T]:
    """Yield the values, and compute the next one in a thread meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, values, None)
        while (value := coming.result()) is not None:
            coming = thread.submit(next, values, None)
            yield value
