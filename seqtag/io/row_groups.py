"""Parquet files, read and written one row group at a time.

Where other modules read batches, `pre_buffer=False` keeps pyarrow 25 from holding the whole file, as it is
stored, in memory at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq


def read_row_groups(
    files: Sequence[Path], columns: Sequence[str] | None = None, *, coded: Sequence[str] = ()
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield each row group (only `columns`, if given) as one batch, with the number of its first row.

    Rows are numbered from 0 over all files. Row groups without rows are skipped.

    Args:
        coded: columns of lists of strings that stay dictionary-encoded as stored, so that each distinct
            string is processed once. pyarrow 25 cannot read such a column across several row groups.
    """
    first_row = 0
    for path in files:
        with pq.ParquetFile(path, read_dictionary=[f"{name}.list.element" for name in coded]) as file:
            for group in range(file.num_row_groups):
                for batch in file.read_row_group(group, columns).combine_chunks().to_batches():
                    yield first_row, batch
                    first_row += len(batch)


def read_rows(
    files: Sequence[Path], rows: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
    """Yield the rows numbered `rows` (sorted) with their numbers; skips row groups without any."""
    first_row = 0
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                stop = first_row + file.metadata.row_group(group).num_rows
                wanted = rows[np.searchsorted(rows, first_row) : np.searchsorted(rows, stop)]
                if len(wanted):
                    table = file.read_row_group(group).take(pa.array(wanted - first_row))
                    yield wanted, table.combine_chunks().to_batches()[0]
                first_row = stop


class RowGroupWriter:
    """Writer of a Parquet file whose row groups depend only on the rows, not on how they arrive.

    A row group ends with the row that fills it to `size`.

    Args:
        weigh: returns `<int64>[n]`, the size of each row of a table; None: each row has size 1.
        options: of `pyarrow.parquet.ParquetWriter`.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        *,
        size: int,
        weigh: Callable[[pa.Table], npt.NDArray[np.int64]] | None = None,
        **options: Any,
    ) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", **options)
        self._size = size
        self._weigh = weigh or (lambda table: np.ones(len(table), np.int64))
        self._waiting: list[pa.Table] = []
        self._filled = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._waiting:
            self._write(pa.concat_tables(self._waiting))
        self._writer.close()

    def append(self, table: pa.Table) -> None:
        """Write the row groups that these rows fill, and keep the rest."""
        if not len(table):
            return
        self._waiting.append(table)
        self._filled += int(self._weigh(table).sum())
        if self._filled < self._size:
            return
        waiting = pa.concat_tables(self._waiting)
        filled = np.cumsum(self._weigh(waiting))
        start = taken = 0
        while self._filled >= self._size:
            stop = int(np.searchsorted(filled, taken + self._size)) + 1
            self._write(waiting.slice(start, stop - start))
            self._filled = int(filled[-1] - filled[stop - 1])
            start, taken = stop, int(filled[stop - 1])
        self._waiting = [waiting.slice(start)] if start < len(waiting) else []

    def _write(self, table: pa.Table) -> None:
        # one chunk per column, so that the bounds of pages do not depend on how the rows arrived
        self._writer.write_table(table.combine_chunks(), row_group_size=len(table))
