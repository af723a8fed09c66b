"""Advice for a source that keeps the order of its rows, although a column of times contradicts it."""

from __future__ import annotations

from seqtag.config.source_columns import LongColumns
from seqtag.config.source_config import LongParquetSource, Source, SqlSource, TableSource, XesSource
from seqtag.corpus.files import contents, list_files
from seqtag.corpus.recognition.order_roles import Columns, disagreement, order_of
from seqtag.corpus.recognition.samples import (
    columns_of_rows,
    head_of,
    parquet_rows,
    sql_columns,
    table_columns,
    xes_columns,
)


def order_advice(source: Source) -> str:
    """Say which keys the first rows of a source suggest, "" if they are in order, or nothing orders them.

    Raises:
        ConfigError, CorpusFormatError, OSError: the source cannot be read.
    """
    if not isinstance(source, LongColumns) or source.order_column or source.sequence_ids == "first_row":
        return ""
    columns = _sample(source)
    if source.sequence_column not in columns:
        return ""
    roles = (source.token_column, source.tag_column)
    order = order_of(columns, source.sequence_column, exclude=roles)
    why = "" if order is None else disagreement(columns, source.sequence_column, order)
    if order is None or not why:
        return ""
    keys = " and ".join(f'{key} = "{value}"' for key, value in order.keys.items())
    return f"{why}, and were read in the order of the source; set {keys} if that is the order of the tokens"


def _sample(source: LongColumns) -> Columns:
    """Return the columns of the first rows of a source, of its first file if it has several."""
    if isinstance(source, SqlSource):
        return sql_columns(source)
    if not isinstance(source, TableSource | LongParquetSource | XesSource):
        return {}
    file = next(contents(list_files(source.path, folder=source.folder).files[0]))
    match source:
        case XesSource():
            return xes_columns(file)
        case LongParquetSource():
            schema, rows = parquet_rows(file)
            return columns_of_rows(rows, schema.names)
        case TableSource():
            found = table_columns(head_of(file, source.encoding).decode())
            return {} if found is None else found[1]
