"""Samples of files: the encoding of a text, and the first cells of each column in every format."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config.source_config import ConllSource, SqlSource
from seqtag.corpus.files import InputFile, opened, opened_seekable
from seqtag.corpus.formats.column_layout import ColumnLayout, layout_of
from seqtag.corpus.formats.json_objects import parsed
from seqtag.corpus.formats.json_stream import array_objects
from seqtag.corpus.formats.line_kinds import kinds_of
from seqtag.corpus.formats.sql import first_rows
from seqtag.corpus.formats.xes import traces
from seqtag.corpus.recognition.order_roles import Columns
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import line_blocks, lines_of, with_head
from seqtag.errors import CorpusFormatError
from seqtag.formatting import first_line

HEAD_BYTES = 1 << 20  # of text
_ROWS = 20_000  # of a table, and objects with lists
_XML_BYTES = 1 << 14
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe \t\r\n"  # byte order marks and whitespace
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_ELEMENT = re.compile(rb"<(?:\w+:)?([A-Za-z]\w*)")
_DELIMITERS = (",", "\t", ";", "|")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_FALLBACKS = ("cp1252", "latin-1")  # the second decodes anything


def is_parquet(file: InputFile) -> bool:
    with opened(file) as content:
        return content.read(4) == b"PAR1"


def is_xes(file: InputFile) -> bool:
    """Return whether a file begins with XML whose first element is a log."""
    with opened(file) as content:
        head = content.read(_XML_BYTES).replace(b"\0", b"")  # of UTF-16
    first = _ELEMENT.search(_COMMENT.sub(b"", head))
    return head.lstrip(_BEFORE_XML)[:1] == b"<" and first is not None and first[1] == b"log"


def xes_columns(file: InputFile) -> Columns:
    """Return the attributes of the first events of a log; missing ones are empty.

    Raises:
        CorpusFormatError: the file is damaged or no log.
    """
    rows = list(islice(chain.from_iterable(trace.rows() for trace in traces(file, SourceReport())), _ROWS))
    return columns_of_rows(rows, list(dict.fromkeys(key for row in rows for key in row)))


def encoding_of(file: InputFile) -> str:
    """Return the encoding in which the beginning of a text can be decoded: UTF-8 if it can."""
    with opened(file) as content:
        head = content.read(HEAD_BYTES)
    if head[:2] in _MARKS:
        return _MARKS[head[:2]]
    for name in ("utf-8", *_FALLBACKS):
        try:
            head.decode(name)
        except UnicodeDecodeError as error:
            if name == "utf-8" and error.start > len(head) - 4 >= 0:  # a character that the end cuts
                return name
            continue
        return name
    return "utf-8"


def head_of(file: InputFile, encoding: str) -> bytes:
    """Return the first whole lines of a text, as UTF-8."""
    return with_head(line_blocks(file, encoding, HEAD_BYTES), HEAD_BYTES)[0]


def layout_and_columns(head: bytes, *, name: str) -> tuple[ColumnLayout, Columns]:
    """Return the layout of a file in columns, and its columns by number, or by the header's names.

    Raises:
        CorpusFormatError: most lines have one column.
    """
    layout = layout_of(ConllSource(format="conll", path="-"), head, name=name)
    lines = lines_of(head)
    fields = layout.fields(lines)
    tokens = kinds_of(lines, fields, layout, first_line=1).tokens
    tokens = tokens[fields.counts[tokens] >= layout.usual]
    names = [str(number) for number in range(layout.usual)]
    if layout.header is not None:
        row = np.array([layout.header[0] - 1])
        cells = [fields.column(number, row)[0].as_py() or "" for number in range(layout.usual)]
        names = cells if len({*cells, ""}) > len(cells) else names
        tokens = tokens[tokens != row[0]]
    columns = {
        name: pc.utf8_trim_whitespace(fields.column(number, tokens)).to_pylist()
        for number, name in enumerate(names)
    }
    return layout, columns


def table_columns(text: str) -> tuple[str, Columns] | None:
    """Return the delimiter and the columns of a table with a header; None if the text is no table."""
    lines = text.splitlines()[:_ROWS]
    for delimiter in sorted(_DELIMITERS, key=lambda each: -(lines[0].count(each) if lines else 0)):
        cells = (
            (line.split(delimiter) for line in lines)
            if delimiter == "\t"  # quotes are ordinary tokens there
            else csv.reader(lines, delimiter=delimiter)
        )
        rows = [row for row in cells if any(row)]
        header = [cell.strip() for cell in rows[0]] if rows else []
        if len(header) > 2 and len(set(header)) == len(header) and all(map(len, header)) and len(rows) > 1:
            body = [[cell.strip() for cell in row] for row in rows[1:] if len(row) == len(header)]
            if len(body) >= 0.9 * (len(rows) - 1):
                return delimiter, dict(zip(header, map(list, zip(*body, strict=True)), strict=True))
    return None


def json_objects(head: bytes) -> list[dict[str, Any]]:
    """Return the objects of the first lines of JSON Lines; other lines are left out."""
    return list(_objects(head.decode().split("\n")[:_ROWS]))


def array_sample(head: bytes) -> list[dict[str, Any]]:
    """Return the first objects of a JSON array, none if the text is none."""
    found: list[dict[str, Any]] = []
    try:
        for _, row in islice(array_objects(head.decode().partition("[")[2]), _ROWS):
            found.append(row)
    except (ValueError, RecursionError):  # the reader reports it
        return found
    return found


def _objects(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            value = parsed(line)
        except (ValueError, RecursionError):  # the reader reports it
            continue
        if isinstance(value, dict):
            yield value


def parquet_rows(file: InputFile) -> tuple[pa.Schema, list[dict[str, Any]]]:
    """Return the schema and the first rows of a Parquet file.

    Raises:
        CorpusFormatError: the file is damaged.
    """
    with opened_seekable(file) as stream:
        try:
            parquet = pq.ParquetFile(stream, pre_buffer=False)
            rows = next(parquet.iter_batches(_ROWS, use_threads=False), None)
            return parquet.schema_arrow, [] if rows is None else rows.to_pylist()
        except (pa.ArrowException, ValueError) as error:
            raise CorpusFormatError(f"{file.name}: file is damaged: {first_line(error)}") from error


def sql_columns(source: SqlSource) -> Columns:
    """Return the columns of the first rows of a query.

    Raises:
        ConfigError, ConnectionError: as for `read_sql`.
    """
    names, rows = first_rows(source, _ROWS)
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    return {name: [row[number] for row in cells] for number, name in enumerate(names)}


def columns_of_rows(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Columns:
    """Return cells as text; a value that is missing is empty."""
    return {name: ["" if row.get(name) is None else str(row[name]) for row in rows] for name in names}
