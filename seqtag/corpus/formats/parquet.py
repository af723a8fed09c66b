"""Readers of Parquet, with one sequence per row or one token per row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config.source_columns import ListColumns, LongColumns, token_columns_of
from seqtag.config.source_config import LongParquetSource, ParquetSource
from seqtag.corpus.class_names import (
    is_number,
    named_lists,
    named_tags,
    names_in_metadata,
    unnamed_numbers,
)
from seqtag.corpus.column_texts import without_nan
from seqtag.corpus.files import InputFile, opened_seekable
from seqtag.corpus.formats.long import wanted_columns
from seqtag.corpus.record_batches import corpus_batch, labelled
from seqtag.corpus.remote import is_storage_error
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from seqtag.formatting import first_line
from seqtag.io.arrays import with_column
from seqtag.tagging.ragged import is_list, without_views

SEQUENCES = 8192  # read at a time
ROWS = 1 << 18  # of one token each, read at a time
# of a column without lists, and of one with lists
_OTHER_SHAPE = (
    ("holds no lists", 'set format = "parquet-long" if a row is one token'),
    ("holds lists", 'set format = "parquet" if a row is one sequence'),
)


def read_parquet(
    source: ParquetSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    batch_rows: int = SEQUENCES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file with a list of tokens and a list of tags in each row.

    Other types, such as numbers and dates, are converted to text. A file without rows yields nothing.

    Raises:
        CorpusFormatError: the file is not Parquet, or a column is missing or holds no lists.
    """
    report.assume("rows", "one sequence each")
    n_sequences = 0
    for rows in _rows(source, file, columns, report, batch_rows):
        batch = batch_of_lists(source, file.name, columns, report, rows, n_sequences)
        n_sequences += batch.num_rows
        yield batch


def long_parquet_rows(
    source: LongParquetSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    batch_rows: int = ROWS,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, one token each, as text, except for the order column.

    Raises:
        CorpusFormatError: the file is not Parquet, or a column is missing or holds lists.
    """
    rows = _rows(source, file, columns, report, batch_rows)
    typed = source.order_column if source.order_column != source.sequence_column else None
    n_rows = 0
    for batch in rows:
        yield _as_text(batch, typed, file.name, n_rows)
        n_rows += batch.num_rows


def _rows(
    source: ParquetSource | LongParquetSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file; class numbers that are named in its metadata become names."""
    with opened_seekable(file) as stream:
        try:
            parquet = pq.ParquetFile(stream, page_checksum_verification=True, pre_buffer=False)
            present = parquet.schema_arrow.names
            wanted = wanted_columns(source, columns, present, report, place=file.name)
            noted = names_in_metadata(parquet.schema_arrow, tags_of(source))
            read = parquet.iter_batches(batch_rows, columns=wanted, use_threads=False)
            yield from rows_with_names(source, read, parquet.schema_arrow, noted, report, name=file.name)
        except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a name that is not UTF-8
            if is_storage_error(error):
                raise
            raise CorpusFormatError(
                f"{file.name}: file is damaged or not Parquet: expected Parquet, got "
                f"{first_line(error)}; write it again, or set format to that of the file"
            ) from error


def tags_of(source: LongColumns | ListColumns) -> str:
    """Return the name of the column of tags."""
    return source.tags_column if isinstance(source, ListColumns) else source.tag_column


def rows_with_names(
    source: LongColumns | ListColumns,
    rows: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    noted: tuple[str, ...] | None,
    report: SourceReport,
    *,
    name: str,
) -> Iterator[pa.RecordBatch]:
    """Yield rows with names in place of class numbers; empty batches are left out.

    List views become lists, and NaN in columns of tokens becomes null.

    Args:
        schema: of the file.
        noted: names of the classes that the file notes; None if it notes none.

    Raises:
        CorpusFormatError: the tags are numbers without names.
    """
    column = tags_of(source)
    names = None
    if source.has_tags and source.tag_names is None and is_number(schema.field(column).type):
        if noted is None:
            raise unnamed_numbers(column, schema.field(column).type, place=name)
        names = noted
        report.assume("tag names", f"{len(names)} of the file's metadata")
    elif source.tag_names is not None and noted not in (None, source.tag_names):
        report.warn(
            "tag_names against class names",
            f"tag_names contradict the file's class names: [{', '.join(source.tag_names)}] was used, the "
            f"file says [{', '.join(noted or ())}]; leave tag_names out to use those of the file",
            place=name,
        )
    n_rows = 0
    for read in rows:
        columns = dict(zip(read.schema.names, map(without_views, read.columns), strict=True))
        columns |= {key: without_nan(columns[key]) for key in token_columns_of(source).values()}
        batch = pa.record_batch(columns)
        if batch.num_rows:
            yield batch if names is None else _named(batch, column, names, name, n_rows, report)
        n_rows += batch.num_rows


def _named(
    rows: pa.RecordBatch, column: str, names: Sequence[str], name: str, rows_before: int, report: SourceReport
) -> pa.RecordBatch:
    """Return the rows with names in place of the class numbers, or lists of them, in a column."""
    has_lists = is_list(rows[column].type)
    texts = _cast(
        rows[column], pa.list_(pa.string()) if has_lists else pa.string(), column, name, rows_before
    )

    def place(row: int) -> str:
        return f"{name}: row {rows_before + 1 + row}"

    named = (named_lists if has_lists else named_tags)(texts, names, place, report)
    return with_column(rows, column, named)


def batch_of_lists(
    source: ListColumns,
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    rows: pa.RecordBatch,
    sequences_before: int,
) -> pa.RecordBatch:
    """Return the sequences of rows, one each; columns become text.

    Raises:
        CorpusFormatError: a column cannot be text, or lists of text.
    """

    def column(wanted: str | None) -> pa.StringArray | None:
        return None if wanted is None else _cast(rows[wanted], pa.string(), wanted, name, sequences_before)

    def list_column(wanted: str) -> pa.ListArray:
        return _cast(rows[wanted], pa.list_(pa.string()), wanted, name, sequences_before)

    number = sequences_before + 1 + np.arange(rows.num_rows)
    numbered = labelled(name, number, mark="#")
    return corpus_batch(
        columns,
        report,
        ids=column(source.id_column),
        numbered=numbered,
        documents=column(source.document_column),
        splits=column(source.split_column),
        tokens=list_column(source.tokens_column),
        tags=list_column(source.tags_column),
        places=labelled(name, number, mark=": row "),
        further={key: column(key) for key in columns if key in rows.schema.names},
        token_columns={name: list_column(wanted) for name, wanted in source.token_columns.items()},
        spaced_tokens=True,
    )


def _as_text(rows: pa.RecordBatch, order_column: str | None, name: str, rows_before: int) -> pa.RecordBatch:
    """Return the rows as text, except for the order column, which is sorted by its own type."""
    texts = {
        key: value if key == order_column else _cast(value, pa.string(), key, name, rows_before)
        for key, value in zip(rows.schema.names, rows.columns, strict=True)
    }
    return pa.record_batch(texts)


def _cast(values: pa.Array, wanted: pa.DataType, column: str, name: str, rows_before: int) -> pa.Array:
    expected = "lists of strings" if pa.types.is_list(wanted) else "text"
    if pa.types.is_list(wanted) != is_list(values.type):
        holds, fix = _OTHER_SHAPE[is_list(values.type)]
        raise CorpusFormatError(
            f"{name}: column '{column}' {holds}: expected {expected}, got {values.type}; {fix}, or "
            "name another column"
        )
    try:
        return _as_strings(values, wanted)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        row = rows_before + 1 + _first_row_that_fails(values, wanted)
        raise CorpusFormatError(
            f"{name}: row {row}: column '{column}' holds no {expected}: expected UTF-8, got "
            f"{values.type} ({first_line(error)}); write it as {expected}, or name another column"
        ) from error


def _as_strings(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    texts = pc.cast(values, wanted)
    texts.validate(full=True)  # Parquet does not promise that strings are UTF-8
    return texts


def _first_row_that_fails(values: pa.Array, wanted: pa.DataType) -> int:
    start, stop = 0, len(values)
    while stop - start > 1:
        middle = (start + stop) // 2
        try:
            # Copy: the cast of a slice reads the values of all lists.
            _as_strings(values.take(pa.array(np.arange(start, middle))), wanted)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            stop = middle
        else:
            start = middle
    return start
