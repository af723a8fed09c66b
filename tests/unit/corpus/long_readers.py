"""Readers of single files with one token per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from seqtag.config.source_config import LongParquetSource, TableSource
from seqtag.corpus import SourceReport
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.long import sequences_of_rows
from seqtag.corpus.formats.parquet import ROWS, long_parquet_rows
from seqtag.corpus.formats.table import table_rows
from seqtag.corpus.text_blocks import BLOCK_BYTES


def read_table(
    source: TableSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a table."""
    rows = table_rows(source, file, columns, report, block_bytes=block_bytes)
    return sequences_of_rows(rows, source, columns, report, name=file.name)


def read_long_parquet(
    source: LongParquetSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    batch_rows: int = ROWS,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a Parquet file."""
    rows = long_parquet_rows(source, file, columns, report, batch_rows=batch_rows)
    return sequences_of_rows(rows, source, columns, report, name=file.name)
