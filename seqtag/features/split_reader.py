"""Reader of split files by row group, with dictionary-encoded strings so that each is processed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.corpus.schema import TAGS, TOKENS

T = TypeVar("T")
_DICTIONARIES = [f"{column}.list.element" for column in (TOKENS, TAGS)]


def row_groups(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the columns of each row group, with lists of strings as lists of dictionary values.

    Row groups are read one at a time: pyarrow 25 cannot read such a column across several.
    """
    with pq.ParquetFile(path, read_dictionary=_DICTIONARIES) as file:
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=list(columns)).to_batches()


def prefetched(values: Iterator[T]) -> Iterator[T]:
    """Yield the values, and compute the next one in a thread meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, values, None)
        while (value := coming.result()) is not None:
            coming = thread.submit(next, values, None)
            yield value
