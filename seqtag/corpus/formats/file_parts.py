"""Files as parts of one table, whose sequences may continue in the next file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_columns import LongColumns
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.token_rows import FILE, ROW, starts
from seqtag.corpus.partitions import partitions
from seqtag.corpus.remote import network_errors_classified
from seqtag.corpus.source_report import SourceReport
from seqtag.io.arrays import positions_of


@dataclass(frozen=True)
class Part:
    """The token rows of a file."""

    file: InputFile
    rows: Iterator[pa.RecordBatch]
    is_alone: bool = False  # no other file can follow


class Parts:
    """The files of a source, each with its rows and the rows of later files that continue its last sequence.

    A file continues the previous one if it begins with the sequence id that the previous one ends with, as in
    a sorted export that was cut by rows. Partitions, split and document must be equal, and the first order
    value must differ. Without an order column, a file of a single sequence with the first id of the source is
    not continued, since files that each number their sequences from 1 look the same. If rows are interleaved,
    all following files belong to the first one, unless they differ in a partition that the source or the
    corpus names.

    Files without rows are skipped and counted. Rows get FILE and ROW, unless there is only one file.

    Args:
        parts: each is opened when the rows before it have been read.
        columns: additional columns of the corpus.
        are_joined: whether an id denotes the same sequence in all files.
    """

    def __init__(
        self,
        parts: Iterator[Part],
        source: LongColumns,
        report: SourceReport,
        columns: Sequence[str],
        *,
        are_joined: bool,
    ) -> None:
        self._parts = parts
        self._source = source
        self._report = report
        self._are_joined = are_joined
        self._named = {*columns, source.split_column, source.document_column}
        self._ahead: Part | None = None  # the next file, whose first rows have been read
        self._first_id: str | None = None  # of the source

    def __iter__(self) -> Iterator[Part]:
        """Yield each file with its rows, which must be read before the next file is requested."""
        while (part := self._next()) is not None:
            self._ahead = None
            yield Part(part.file, self._continued(part))

    def _next(self) -> Part | None:
        """Return the next file with rows, without consuming it."""
        while self._ahead is None and (part := next(self._parts, None)) is not None:
            rows = _numbered(part)
            first = next(rows, None)
            if first is None:
                self._report.change("empty files skipped", 1)
            else:
                self._ahead = Part(part.file, chain([first], rows))
        return self._ahead

    def _continued(self, part: Part) -> Iterator[pa.RecordBatch]:
        tail = _Tail()
        for batch in part.rows:
            tail = tail.after(batch, self._source)
            self._first_id = str(_ids(batch, self._source)[0]) if self._first_id is None else self._first_id
            yield batch
        if not self._are_joined:
            return
        is_joined = False
        while (following := self._next()) is not None and self._are_siblings(part.file, following.file):
            if self._source.rows == "interleaved":
                self._ahead = None
                yield from following.rows
                continue
            taken, rest = self._split(following, tail)
            yield from taken
            is_joined |= bool(taken)
            if rest is not None:
                self._ahead = Part(following.file, rest)
                break
            self._ahead = None
        self._report.change("sequences joined across files", int(is_joined))

    def _are_siblings(self, one: InputFile, other: InputFile) -> bool:
        ones, others = partitions(one.location), partitions(other.location)
        if self._source.rows == "interleaved":
            return all(ones.get(column) == others.get(column) for column in self._named if column)
        return ones == others

    def _split(self, part: Part, tail: _Tail) -> tuple[list[pa.RecordBatch], Iterator[pa.RecordBatch] | None]:
        """Return the rows of a file that continue a sequence, and the other rows, or None without any."""
        taken: list[pa.RecordBatch] = []
        for batch in part.rows:
            n = tail.n_continuing(batch, self._source, is_first=not taken)
            is_ambiguous = tail.is_alone and tail.id == self._first_id and self._source.order_column is None
            if n and not taken and is_ambiguous and _ids(batch, self._source)[0].as_py():
                self._report.warn(
                    "same_id_in_next_file",
                    f"sequence id {tail.id!r} is also the only one of the previous file; the two were kept "
                    'apart; set order_column to join them, or id_scope = "file" if ids are local to each '
                    "file",
                    place=f"{part.file.name}: row 1",
                )
                n = 0
            if n:
                taken.append(batch.slice(0, n))
            if n < batch.num_rows:
                return taken, chain([batch.slice(n)], part.rows)
        return taken, None


@dataclass(frozen=True)
class _Tail:
    """The last sequence of the rows so far."""

    id: str = ""
    is_alone: bool = True  # in its file
    order: object = None  # first order value
    group: tuple[str | None, ...] = ()  # split and document

    def after(self, batch: pa.RecordBatch, source: LongColumns) -> _Tail:
        """Return the last sequence after more rows."""
        ids = _ids(batch, source)
        if source.sequence_ids == "first_row":
            ids = pc.fill_null(pc.fill_null_forward(pc.if_else(pc.equal(ids, ""), None, ids)), self.id)
        begun = starts(ids, self.id)
        if len(begun) == 0:
            return self
        first = int(begun[-1])
        order = batch[source.order_column][first].as_py() if source.order_column else None
        is_alone = self.id == "" and len(begun) == 1
        return _Tail(ids[first].as_py(), is_alone, order, _group(batch, first, source))

    def n_continuing(self, batch: pa.RecordBatch, source: LongColumns, *, is_first: bool) -> int:
        """Return the number of rows at the beginning of a batch that belong to the sequence."""
        ids = _ids(batch, source)
        belongs = pc.equal(ids, self.id)
        if source.sequence_ids == "first_row":
            belongs = pc.or_(belongs, pc.equal(ids, ""))
        others = positions_of(pc.invert(belongs))
        n = int(others[0]) if len(others) else batch.num_rows
        if n == 0 or self.id == "" or not is_first:
            return n if self.id else 0
        begins_again = source.order_column and batch[source.order_column][0].as_py() == self.order
        return 0 if begins_again or _group(batch, 0, source) != self.group else n


def _ids(batch: pa.RecordBatch, source: LongColumns) -> pa.StringArray:
    return pc.fill_null(pc.utf8_trim_whitespace(batch[source.sequence_column]), "")


def _group(batch: pa.RecordBatch, row: int, source: LongColumns) -> tuple[str | None, ...]:
    columns = [c for c in (source.split_column, source.document_column) if c in batch.schema.names]
    return tuple(batch[column][row].as_py() for column in columns)


def _numbered(part: Part) -> Iterator[pa.RecordBatch]:
    n_rows = 0
    with network_errors_classified(part.file.name):
        for batch in part.rows:
            if batch.num_rows and part.is_alone:
                yield batch
            elif batch.num_rows:
                numbers = pa.array(np.arange(n_rows + 1, n_rows + 1 + batch.num_rows))
                names = pa.repeat(part.file.name, batch.num_rows)
                yield batch.append_column(ROW, numbers).append_column(FILE, names)
            n_rows += batch.num_rows
