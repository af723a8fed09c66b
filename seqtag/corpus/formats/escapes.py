"""Escape characters in tables, such as the backslashes of MySQL, Hive, PostgreSQL and Spark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import TableSource
from seqtag.corpus.source_report import SourceReport
from seqtag.io.arrays import with_column

BACKSLASH = "\\"
_NO_VALUE = "N"  # after the escape, alone in a cell
HINT = r"set escape = '\' where a backslash escapes the next character, as MySQL, Hive and Spark write"


class Escapes:
    """Rewriter of the escapes in a table's text, for CSV parsers that remove every escape.

    Before a quote, a delimiter, a line break or another escape, an escape is removed. Before any other
    character it is kept. A cell of an escape and `N` has no value.
    """

    def __init__(self, source: TableSource) -> None:
        characters = dict.fromkeys(f'{source.escape or ""}{source.delimiter}{source.quoting}"\r\n')
        self._escape = (source.escape or "").encode()
        self._special_pairs = [self._escape + character.encode() for character in characters]
        escape, special = re.escape(self._escape), re.escape("".join(characters).encode())
        self._pairs = re.compile(b"(%b[%b])|(%b)" % (escape, special, escape))
        self._other = re.compile(
            b"(?<!%b)(?:%b[%bN])*(%b)(?![%bN])" % (escape, escape, special, escape, special)
        )
        self._line = 1
        self.first_other: int | None = None  # the first line in which an escape is kept

    def rewritten(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the text, in which escapes that must be kept are doubled."""
        if not self._escape:
            yield from blocks
            return
        rest = b""
        for block in blocks:
            text = rest + block
            n_last = len(text) - len(text.rstrip(self._escape))
            cut = len(text) - n_last % 2  # without an escape whose character is in the next block
            rest = text[cut:]
            yield self._doubled(text[:cut])
        if rest:
            yield self._doubled(rest)

    def _doubled(self, text: bytes) -> bytes:
        doubled = text
        if self._has_others(text):
            other = self._other.search(text) if self.first_other is None else None
            if other is not None:
                self.first_other = self._line + text.count(b"\n", 0, other.start(1))
            doubled = self._pairs.sub(rb"\1\2\2", text)
        self._line += text.count(b"\n")
        return doubled

    def _has_others(self, text: bytes) -> bool:
        """Return whether any escape comes before another character; faster than a regular expression."""
        for pair in self._special_pairs:  # pairs of escapes first, since their second is none
            text = text.replace(pair, b"")
        return self._escape in text


def without_missing(batch: pa.RecordBatch, source: TableSource, report: SourceReport) -> pa.RecordBatch:
    """Return the rows with null in place of cells that are an escape and N."""
    if not source.escape:
        return batch
    for name in batch.schema.names:
        missing = pc.equal(batch.column(name), source.escape + _NO_VALUE)
        n = pc.sum(missing).as_py() or 0
        if n:
            report.change(f"cells {source.escape}{_NO_VALUE} read as no value", n)
            batch = with_column(batch, name, pc.if_else(missing, None, batch.column(name)))
    return batch


def warn_of_missing(
    batch: pa.RecordBatch, columns: Sequence[str], rows_before: int, report: SourceReport, *, name: str
) -> None:
    r"""Warn of cells `\N`, the missing value in database exports, if no escape is declared."""
    for column in columns:
        found = pc.equal(batch[column], BACKSLASH + _NO_VALUE)
        n = pc.sum(found).as_py() or 0
        if n:
            first = int(pc.index(found, True).as_py())
            report.warn(
                "escapes",
                rf"cell '\N' in column '{column}' was read as text, but is a missing value in exports of "
                r"MySQL and Hive; set escape = '\' to read it so, or escape = '' to confirm that it is text",
                place=f"{name}: row {rows_before + 1 + first}",
                count=n,
            )
