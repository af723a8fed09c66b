"""Quotes in tables: detection of quotes that swallow rows, and of undeclared quoting."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import TableSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.escapes import BACKSLASH, HINT, Escapes
from seqtag.corpus.formats.stray_quotes import StrayQuotes
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import NEWLINE, utf8_blocks
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import mask_of

CARRIAGE_RETURN = 13
_LINE_BREAK = r"\r\n|\n|\r"
_MOST_DELIMITERS = 200  # of a row, in a regular expression
_CSV_QUOTED = r'^"([^"]|"")*(""|\t)([^"]|"")*"$'  # a quoted cell that CSV has to quote
_QUOTED = r'^"(?s:.*)[^"](?s:.*)"$'  # not only quotes


class TextStream(io.RawIOBase):
    """Stream of a file's text in UTF-8, which counts the non-empty lines read so far."""

    def __init__(
        self, source: TableSource, file: InputFile, block_bytes: int, *, report: SourceReport | None = None
    ) -> None:
        super().__init__()
        self.escapes = Escapes(source)
        blocks = utf8_blocks(file, source.encoding, block_bytes, report=report)
        self._blocks = self.escapes.rewritten(blocks)
        self._rest = b""
        self._before = b"\n"  # the last byte of the previous block
        self._n_ends = 0
        self._quotes = (
            StrayQuotes(source.quoting, source.delimiter, escape=source.escape or "", name=file.name)
            if source.quoting
            else None
        )

    @property
    def n_lines(self) -> int:
        return self._n_ends + (self._before not in b"\r\n")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # typeshed hides the buffer behind object
        if not self._rest:
            self._rest = next(self._blocks, b"")
            self._count(self._rest)
            if self._quotes is not None:
                self._quotes.look(self._rest)
        given, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(given)] = given
        return len(given)

    def _count(self, block: bytes) -> None:
        if not block:
            return
        if b"\r" not in block and b"\n\n" not in block and self._before not in b"\r\n":
            self._n_ends += block.count(b"\n")
        else:
            data = np.frombuffer(self._before + block, np.uint8)
            is_end = (data == NEWLINE) | (data == CARRIAGE_RETURN)
            self._n_ends += int((is_end[1:] & ~is_end[:-1]).sum())  # once for \r\n and for empty lines
        self._before = block[-1:]


def line_breaks(cells: pa.StringArray) -> npt.NDArray[np.int64]:
    """Return the positions of the cells with a line break."""
    data = _bytes(cells)
    if not (data == NEWLINE).any() and not (data == CARRIAGE_RETURN).any():
        return np.empty(0, np.int64)
    return np.flatnonzero(pc.match_substring_regex(cells, _LINE_BREAK))


def blanks_before_quotes(cells: pa.StringArray, quote: str) -> npt.NDArray[np.int64]:
    """Return the positions of the cells whose quotes were read literally because of blanks before them."""
    if not quote or not (_bytes(cells) == ord(quote)).any():
        return np.empty(0, np.int64)
    mark = re.escape(quote)
    return np.flatnonzero(pc.match_substring_regex(cells, f"^[ \t]+{mark}[^{mark}]*{mark}[ \t]*$"))


def _bytes(cells: pa.StringArray) -> npt.NDArray[np.uint8]:
    buffer = cells.buffers()[2]
    return np.frombuffer(b"" if buffer is None else buffer, np.uint8)


def check_quoting(
    batches: Iterable[pa.RecordBatch],
    header: Sequence[str],
    source: TableSource,
    report: SourceReport,
    file: InputFile,
) -> None:
    """Check cells with line breaks in all columns of a table that has fewer rows than lines.

    If a cell contains as many delimiters as whole rows would, it was probably opened by a bare quote, meant
    as a token, and closed by the next quote or the end of the file. The same is true of a cell that contains
    only whole rows between its first and last line, one of which completes a row.

    Raises:
        CorpusFormatError: there is such a cell.
    """
    n_rows = 0
    last: pa.RecordBatch | None = None
    for batch in batches:
        for place, (column, cells) in enumerate(zip(header, batch.columns, strict=True)):
            where = line_breaks(cells)
            if len(where) == 0:
                continue
            _check_cells(cells, where, place, header, source, f"{file.name}: row {{}}", n_rows + 1)
            if column not in (source.token_column, source.tag_column):  # in these it is a defect
                report.warn(
                    "line_breaks",
                    f"cell {cells[int(where[0])].as_py()!r:.80} in column '{column}' holds a line break; "
                    'where quotes are ordinary tokens, set quote = ""',
                    place=f"{file.name}: row {n_rows + 1 + where[0]}",
                    count=len(where),
                )
        n_rows += batch.num_rows
        last = batch
    if last is not None:
        for column, cells in zip(header, last.columns, strict=True):
            counts = _delimiters(cells[-1].as_py(), source.delimiter)
            if len(counts) > 2 and counts[-1] == 0 and set(counts[1:-1]) == {len(header) - 1}:
                raise _swallowed_rows(f"{file.name}: row {n_rows}", cells[-1].as_py(), column)


def warn_of_quotes(
    rows: pa.RecordBatch, columns: Sequence[str], rows_before: int, report: SourceReport, file: InputFile
) -> None:
    """Warn of cells that look quoted as in CSV, if quotes are read as tokens by default."""
    for column in columns:
        found = np.flatnonzero(pc.match_substring_regex(rows[column], _CSV_QUOTED))
        if len(found):
            cell = rows[column][int(found[0])].as_py()
            report.warn(
                "quotes",
                f"cell {cell!r:.80} in column '{column}' looks quoted as in CSV, and was read as it is "
                'written; set quote = \'"\' if quotes are no part of the cells, or quote = "" to confirm '
                "that they are",
                place=f"{file.name}: row {rows_before + 1 + int(found[0])}",
                count=len(found),
            )


class QuotedCells:
    """Counts of cells between quotes, by column, for tables whose quotes are read as tokens."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._n_quoted = dict.fromkeys(columns, 0)
        self._n_rows = 0
        self._first = dict.fromkeys(columns, "")

    def count(self, rows: pa.RecordBatch) -> None:
        """Count the cells of more rows."""
        self._n_rows += rows.num_rows
        for column in self._n_quoted:
            if not (_bytes(rows[column]) == ord('"')).any():
                continue
            cells = rows[column].filter(pc.starts_with(rows[column], '"'))
            cells = cells.filter(pc.match_substring_regex(cells, _QUOTED))
            self._n_quoted[column] += len(cells)
            if len(cells) and not self._first[column]:
                self._first[column] = cells[0].as_py()

    def warn(self, report: SourceReport, file: InputFile) -> None:
        """Warn of the first column in which most cells are between quotes."""
        for column, n in self._n_quoted.items():
            if 2 * n > self._n_rows:
                report.warn(
                    "quoted_cells",
                    f"{n:,} of {self._n_rows:,} cells in column '{column}' are in quotes, such as "
                    f"{self._first[column]!r:.80}, and were read with them; set quote = '\"' if quotes are "
                    'no part of the cells, or quote = "" to confirm that they are',
                    place=file.name,
                )
                return


def _check_cells(
    cells: pa.StringArray,
    where: npt.NDArray[np.int64],
    place: int,
    header: Sequence[str],
    source: TableSource,
    row: str,
    first_row: int,
) -> None:
    broken = cells.take(pa.array(where))
    breaks = pc.count_substring_regex(broken, _LINE_BREAK)
    delimiters = pc.count_substring(broken, source.delimiter)
    between = len(header) - 1  # delimiters of a row
    fits = mask_of(pc.equal(delimiters, pc.multiply(breaks, between)))
    if between <= _MOST_DELIMITERS:
        fits |= mask_of(pc.match_substring_regex(broken, _whole_rows_between(source.delimiter, between)))
    is_read = header[place] in (source.token_column, source.tag_column)
    for number in np.flatnonzero(fits):
        cell = broken[int(number)].as_py()
        counts = _delimiters(cell, source.delimiter)
        before, after = between - place, place
        ends = (counts[0] == before, counts[-1] == after)
        # 0 is weak evidence
        signs = (
            ends[0] and (before > 0 or is_read),
            ends[1] and (after > 0 or is_read),
        )
        if all(ends) or (set(counts[1:-1]) == {between} and any(signs)):
            raise _swallowed_rows(row.format(first_row + where[number]), cell, header[place])


def _whole_rows_between(delimiter: str, between: int) -> str:
    """Return the regular expression of cells whose lines, except the first and the last, are whole rows."""
    mark = re.escape(delimiter)
    cell = rf"[^{mark}\r\n]*"
    return rf"^[^\r\n]*(({_LINE_BREAK}){cell}({mark}{cell}){{{between}}})+({_LINE_BREAK})[^\r\n]*$"


def _delimiters(cell: str, delimiter: str) -> list[int]:
    """Return the number of delimiters in each line of a cell."""
    return [line.count(delimiter) for line in re.split(_LINE_BREAK, cell)]


def _swallowed_rows(place: str, cell: str, column: str) -> CorpusFormatError:
    return CorpusFormatError(
        f"{place}: a quote took in rows: {len(re.findall(_LINE_BREAK, cell)):,} more lines are in one cell "
        f"of column '{column}' ({cell!r:.80}); where quotes are ordinary tokens, set quote = \"\"; else "
        "write quotes within a cell twice, as in RFC 4180" + escape_hint([cell])
    )


def escape_hint(cells: Sequence[str]) -> str:
    """Return advice to set `escape` if a misread cell has a backslash before a quote, else ""."""
    return f"; {HINT}" if any(BACKSLASH + '"' in cell for cell in cells) else ""
