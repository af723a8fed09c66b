"""Reader of CSV and TSV tables with a header and one token per row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from seqtag.config.source_config import TableSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.escapes import warn_of_missing, without_missing
from seqtag.corpus.formats.long import required_columns, wanted_columns
from seqtag.corpus.formats.quoting import QuotedCells, TextStream, check_quoting, escape_hint, warn_of_quotes
from seqtag.corpus.source_report import SourceReport, listed
from seqtag.corpus.text_blocks import BLOCK_BYTES
from seqtag.errors import CorpusFormatError
from seqtag.formatting import first_line
from seqtag.io.arrays import mask_of

_DELIMITERS = {",": ",", ";": ";", "\t": "\\t", "|": "|"}  # and their spellings in TOML
_SHOWN_COLUMNS = 20


def table_rows(
    source: TableSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, one token each. Every cell is text: "NA" and "null" are ordinary tokens.

    Cells are quoted according to RFC 4180. In tab-separated files, quotes are ordinary tokens unless `quote`
    is set. A file without rows yields nothing.

    Raises:
        CorpusFormatError: a column is missing, the number of cells in a row differs from the header, a quote
            took in whole rows, or the encoding is wrong.
    """
    header_lines, header = next(_cells(source, file), (0, None))
    if header is None:
        return
    _check_delimiter(source, required_columns(source), header, file)
    wanted = wanted_columns(source, columns, header, report, place=f"{file.name}:1")
    report.assume("delimiter", repr(source.delimiter))
    report.assume("quote", repr(source.quoting) if source.quoting else "none")
    report.assume("escape", source.escape or "none")
    report.assume("columns", listed(header, _SHOWN_COLUMNS))
    text = TextStream(source, file, block_bytes, report=report)
    quoted = QuotedCells(wanted)
    n_rows = 0
    try:
        for batch in _arrow_rows(source, text, wanted, wanted, block_bytes):
            _warn_of_headers(batch, source, n_rows, report, file)
            if source.quote is None and not source.quoting:
                warn_of_quotes(batch, (source.token_column, source.tag_column), n_rows, report, file)
                quoted.count(batch)
            if source.escape is None:
                warn_of_missing(batch, wanted, n_rows, report, name=file.name)
            n_rows += batch.num_rows
            yield without_missing(batch, source, report)
        quoted.warn(report, file)
        if text.escapes.first_other is not None:
            report.warn(
                "escapes",
                f"{source.escape!r} comes before a character that it does not escape, and was kept; expected "
                "it before quotes, delimiters, line breaks and itself",
                place=f"{file.name}:{text.escapes.first_other}",
            )
        if source.quoting and n_rows + header_lines < text.n_lines:
            again = _arrow_rows(source, TextStream(source, file, block_bytes), [], header, block_bytes)
            check_quoting(again, header, source, report, file)
    except pa.ArrowInvalid as error:
        raise _ragged_row(source, file, len(header), error) from error


def _warn_of_headers(
    rows: pa.RecordBatch, source: TableSource, rows_before: int, report: SourceReport, file: InputFile
) -> None:
    """Warn of rows that repeat the header, as in concatenated files."""
    found = np.arange(rows.num_rows)
    for column in (source.tag_column, source.token_column, source.sequence_column):
        cells = rows[column].take(pa.array(found)) if len(found) < rows.num_rows else rows[column]
        found = found[mask_of(pc.equal(cells, column))]
    if len(found):
        report.warn(
            "repeated header",
            "a row repeats the header and is read as a token; remove all but the first",
            place=f"{file.name}: row {rows_before + 1 + int(found[0])}",
            count=len(found),
        )


def _arrow_rows(
    source: TableSource, text: TextStream, wanted: list[str], present: list[str], block_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of the rows as text; if none is wanted, all columns."""
    # Arrow 25 loses or refuses rows after short reads, so the stream is buffered.
    stream = pa.PythonFile(io.BufferedReader(text), mode="r")
    yield from pyarrow.csv.open_csv(
        stream,
        read_options=pyarrow.csv.ReadOptions(block_size=block_bytes, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=source.delimiter,
            quote_char=source.quoting or False,
            escape_char=source.escape or False,
            newlines_in_values=True,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(present, pa.string()),
            null_values=[],
            strings_can_be_null=False,
            check_utf8=False,  # the text has been decoded already
        ),
    )


def _cells(source: TableSource, file: InputFile) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows, slowly, each with the number of its last line; blank lines are skipped."""
    text = io.TextIOWrapper(io.BufferedReader(TextStream(source, file, 1 << 16)), "utf-8", newline="")
    rows = csv.reader(
        text,
        delimiter=source.delimiter,
        quotechar=source.quoting or None,
        escapechar=source.escape or None,
        quoting=csv.QUOTE_MINIMAL if source.quoting else csv.QUOTE_NONE,
    )
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise CorpusFormatError(
                f"{file.name}:{rows.line_num}: row cannot be read: expected cells between "
                f'{source.delimiter!r}, got {error}; set quote = "" where quotes are tokens'
            ) from error
        if cells is None:
            return
        if cells:
            yield rows.line_num, cells


def _check_delimiter(
    source: TableSource, required: Sequence[str], header: list[str], file: InputFile
) -> None:
    """Refuse a header below a line `sep=` for Excel, in quotes, or with another delimiter."""
    if set(required) <= set(header):
        return
    if header[0].startswith("sep="):
        raise CorpusFormatError(
            f"{file.name}:1: a line for Excel precedes the header: {source.delimiter.join(header)!r:.80}; "
            "expected the names of the columns; remove the line"
        )
    if not source.quoting and set(required) <= {name.strip('"') for name in header}:
        raise CorpusFormatError(
            f"{file.name}:1: the header is in quotes: {source.delimiter.join(header)!r:.80}; set "
            "quote = '\"' to read quotes as in CSV"
        )
    for delimiter, written in _DELIMITERS.items():
        other = [name.strip('"') for name in source.delimiter.join(header).split(delimiter)]
        if (
            delimiter != source.delimiter
            and len(other) > 1
            and (len(header) == 1 or set(required) <= set(other))
        ):
            raise CorpusFormatError(
                f"{file.name}:1: the delimiter seems to be {delimiter!r}, not {source.delimiter!r}: the "
                f'header is {source.delimiter.join(header)!r:.80}; set delimiter = "{written}"'
            )


def _ragged_row(source: TableSource, file: InputFile, n_columns: int, found: Exception) -> CorpusFormatError:
    """Return the error for a row of another length, with its line, which Arrow does not know."""
    expected = f"expected {n_columns} cells between {source.delimiter!r}, as in the header"
    for line, cells in _cells(source, file):
        if len(cells) != n_columns:
            wrong, fix = "row has another length", "correct the row, or quote cells that hold the delimiter"
            if source.quoting and "\n" in cells[-1]:
                wrong = "a quote took in rows"
                fix = f'set quote = "" where quotes are tokens{escape_hint(cells)}'
            got = f"{len(cells)}: {cells!r:.80}"
            return CorpusFormatError(f"{file.name}:{line}: {wrong}: {expected}, got {got}; {fix}")
    why = first_line(found)
    return CorpusFormatError(f"{file.name}: a row has another length: {expected}, got {why}; correct the row")
