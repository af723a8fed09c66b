"""CSV and TSV tables with a header, one token a row, read by Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv

from seqtag.config.sources import TableSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.long import check_columns, required_columns, sequences_of_rows
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text import BLOCK_BYTES, utf8_blocks
from seqtag.errors import CorpusFormatError


def read_table(
    source: TableSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file. Every cell is text: "NA" and "null" are tokens like others.

    Raises:
        CorpusFormatError: a column is missing, a row has another number of cells than the header, or the
            encoding is wrong. An empty file, or a header alone, yields nothing.
    """
    report.assume("delimiter", repr(source.delimiter))
    report.assume("quote", repr(source.quote) if source.quote else "none")
    yield from sequences_of_rows(
        _rows(source, file, columns, block_bytes),
        source,
        columns,
        report,
        name=file.name,
        first_row_only=source.sequence_ids == "first_row",
    )


def _rows(
    source: TableSource, file: InputFile, columns: Sequence[str], block_bytes: int
) -> Iterator[pa.RecordBatch]:
    header = _header(source, file)
    if header is None:
        return
    required = required_columns(source)
    check_columns(required, header, place=f"{file.name}:1")
    wanted = list(dict.fromkeys([*required, *(c for c in columns if header.count(c) == 1)]))
    try:
        yield from pyarrow.csv.open_csv(
            pa.PythonFile(_text(source, file, block_bytes), mode="r"),
            read_options=pyarrow.csv.ReadOptions(block_size=block_bytes, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=source.delimiter, quote_char=source.quote or False, newlines_in_values=True
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                null_values=[],
                strings_can_be_null=False,
                check_utf8=False,  # it was decoded already
            ),
        )
    except pa.ArrowInvalid as error:
        raise _ragged_row(source, file, len(header), error) from error


class _Text(io.RawIOBase):
    """A file's text as the stream of UTF-8 bytes that Arrow reads."""

    def __init__(self, source: TableSource, file: InputFile, block_bytes: int) -> None:
        super().__init__()
        self._blocks = utf8_blocks(file, source.encoding, block_bytes)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # typeshed hides the buffer behind object
        self._rest = self._rest or next(self._blocks, b"")
        given, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(given)] = given
        return len(given)


def _text(source: TableSource, file: InputFile, block_bytes: int) -> io.BufferedReader:
    # Arrow needs all that it asks for: from shorter reads, version 25 loses or refuses rows.
    return io.BufferedReader(_Text(source, file, block_bytes))


def _cells(source: TableSource, file: InputFile) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows slowly, each with the number of the line it ends on; blank lines are no rows."""
    text = io.TextIOWrapper(_text(source, file, 1 << 16), "utf-8", newline="")
    rows = csv.reader(
        text,
        delimiter=source.delimiter,
        quotechar=source.quote or None,
        quoting=csv.QUOTE_MINIMAL if source.quote else csv.QUOTE_NONE,
    )
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise CorpusFormatError(
                f"{file.name}:{rows.line_num}: a row was required. Received: {error}"
            ) from error
        if cells is None:
            return
        if cells:
            yield rows.line_num, cells


def _header(source: TableSource, file: InputFile) -> list[str] | None:
    """Return the cells of the first line that has any, None in an empty file."""
    return next((cells for _, cells in _cells(source, file)), None)


def _ragged_row(source: TableSource, file: InputFile, n_columns: int, found: Exception) -> CorpusFormatError:
    """Find the line that Arrow, which counts rows and not lines, stumbled over."""
    required = f"rows of {n_columns} cells between {source.delimiter!r} were required"
    for line, cells in _cells(source, file):
        if len(cells) != n_columns:
            return CorpusFormatError(f"{file.name}:{line}: {required}. Received: {len(cells)} {cells!r:.80}")
    return CorpusFormatError(f"{file.name}: {required}. Received: {str(found).splitlines()[0]}")
