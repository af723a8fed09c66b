"""Cut the long sequences of a source into pieces, and name the pieces, their documents and places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import CutConfig, Source
from seqtag.config.source_columns import LongColumns
from seqtag.corpus.cut_points import cut_points
from seqtag.corpus.record_batches import content_ids, has_content_id
from seqtag.corpus.schema import DEFECT, DOCUMENT_ID, PLACE, SEQUENCE_ID, TAGS, TOKENS
from seqtag.corpus.source_report import SourceReport
from seqtag.io.arrays import mask_of, with_column
from seqtag.io.hashing import string_list_columns
from seqtag.tagging.ragged import flatten, relist

Positions = npt.NDArray[np.int64]


def in_pieces(
    batches: Iterable[pa.RecordBatch],
    source: Source,
    rule: CutConfig,
    report: SourceReport,
    *,
    has_spans: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a source, of which those that are too long are cut."""
    by_document = (
        isinstance(source, LongColumns)
        and source.session_gap_minutes is not None
        and source.document_column is None
    )
    cutter = Cutter(rule, report, by_document=by_document, has_spans=has_spans)
    for batch in batches:
        if PLACE not in batch.schema.names:  # sequences of the sample corpus have no place
            batch = batch.append_column(PLACE, pa.nulls(batch.num_rows, pa.string()))
        yield from cutter.cut(batch)
    yield from cutter.finish()


@dataclass(frozen=True)
class _Open:
    """The last sequence so far, which may continue: a row with the tokens that are in no piece yet."""

    row: pa.RecordBatch
    n_pieces: int  # that have been cut off
    is_document: bool  # in no document with others
    document: str  # of its pieces


class Cutter:
    """Cuts the sequences of a source, batch by batch, in the order of reading.

    A row without a place that has the id of the row before continues its sequence, so that a reader need not
    hold a sequence of any length. The last sequence of a batch is held back until the next one; of one that
    is being cut, that is no more than a piece.

    A broken row is not cut, and neither is one with more or fewer tags than tokens.

    Args:
        rule: the rule.
        report: receives the numbers of sequences that were cut, and of their pieces.
        by_document: count pieces over all sessions of a document, not for each sequence.
        has_spans: False if the tags have no scheme, so that no tag spells a span.
    """

    def __init__(
        self, rule: CutConfig, report: SourceReport, *, by_document: bool = False, has_spans: bool = True
    ) -> None:
        self._rule = rule
        self._report = report
        self._by_document = by_document
        self._has_spans = has_spans
        self._open: _Open | None = None
        self._run: tuple[str, int] = ("", 0)  # the last document, and its sequences and pieces so far
        report.assume("cut", rule.sentence)

    def cut(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield pieces, and sequences that need no cut, in a batch with the same columns."""
        for rows in _at_parts(batch):
            open_, self._open = self._open, None
            joined, is_parted = _continued(open_, rows)
            yield from self._pieces(joined, open_, is_parted=is_parted, is_end=False)

    def finish(self) -> Iterator[pa.RecordBatch]:
        """Yield what is left of the last sequence."""
        if self._open is not None:
            yield from self._pieces(self._open.row, self._open, is_parted=False, is_end=True)

    def _pieces(
        self, batch: pa.RecordBatch, open_: _Open | None, *, is_parted: bool, is_end: bool
    ) -> Iterator[pa.RecordBatch]:
        tags = batch[TAGS] if self._has_spans else None
        found = cut_points(batch[TOKENS], self._rule, tags=tags, is_cut=_is_sound(batch))
        n_before = 0 if open_ is None else open_.n_pieces
        rows = _Rows.of(batch, found.positions, n_before, is_parted=is_parted)
        pieces, is_document = rows.pieces(open_)
        n_out = pieces.num_rows - (not is_end)
        if not is_end:
            row = batch.slice(batch.num_rows - 1)
            for name in _list_names(batch):
                row = with_column(row, name, pieces[name].slice(n_out))
            document = pieces[DOCUMENT_ID][n_out].as_py()
            self._open = _Open(row, int(rows.number[n_out]) - 1, bool(is_document[n_out]), document)
        pieces, number, is_piece = pieces.slice(0, n_out), rows.number[:n_out], rows.is_piece[:n_out]
        self._report.change("long sequences cut", int((is_piece & (number == 1)).sum()))
        self._report.change("pieces of long sequences", int(is_piece.sum()))
        if self._rule.after:
            self._report.change("cuts after another token", found.n_elsewhere)
        if n_out:
            pieces = _named(pieces, is_piece, number)
            index = np.where(is_document[:n_out], number - 1, 0)
            yield self._in_blocks(pieces, self._running(pieces) if self._by_document else index)

    def _running(self, pieces: pa.RecordBatch) -> Positions:
        """Return `<int64>[n]`, the number of pieces of the same document directly before each."""
        documents = pieces[DOCUMENT_ID]
        is_first = np.ones(len(documents), np.bool_)
        is_first[1:] = mask_of(pc.not_equal(documents.slice(1), documents.slice(0, len(documents) - 1)))
        is_first[0] = documents[0].as_py() != self._run[0]
        n_before = 0 if is_first[0] else self._run[1]
        place = np.arange(len(documents))
        index = place - np.maximum.accumulate(np.where(is_first, place, -n_before))
        self._run = (documents[-1].as_py(), int(index[-1]) + 1)
        return index

    def _in_blocks(self, pieces: pa.RecordBatch, index: Positions) -> pa.RecordBatch:
        """Return the pieces in documents of so many consecutive pieces: `id`, `id#2`, `id#3`."""
        if self._rule.document_pieces == "all":
            return pieces
        block = pa.array(index // self._rule.document_pieces + 1)
        labels = pc.binary_join_element_wise(pieces[DOCUMENT_ID], block.cast(pa.string()), "#")
        return with_column(pieces, DOCUMENT_ID, pc.if_else(pc.equal(block, 1), pieces[DOCUMENT_ID], labels))


@dataclass(frozen=True)
class _Rows:
    """Rows of a batch, and the pieces that they are cut into, in order.

    cuts: flat positions of the tokens that begin a piece, without the first of each row
    owner, number: `<int64>[n_pieces]`, the row of each piece, and its number in the sequence from 1
    is_piece: `<bool>[n_pieces]`, False for a row that is not cut
    is_parted: whether the second row continues the first, and they are apart because one of them is broken
    """

    batch: pa.RecordBatch
    cuts: Positions
    owner: Positions
    number: Positions
    is_piece: npt.NDArray[np.bool_]
    is_parted: bool

    @classmethod
    def of(cls, batch: pa.RecordBatch, cuts: Positions, n_before: int, *, is_parted: bool) -> _Rows:
        """Number the pieces; `n_before` is the number of earlier pieces of the first row's sequence."""
        counts = np.diff(np.searchsorted(cuts, flatten(batch[TOKENS])[1])) + 1
        owner = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
        number[owner == 0] += n_before
        if is_parted:
            number[owner == 1] += n_before + counts[0]
        is_piece = (counts[owner] > 1) | (number > 1) | (is_parted & (owner == 0))
        return cls(batch, cuts, owner, number, is_piece, is_parted)

    def pieces(self, open_: _Open | None) -> tuple[pa.RecordBatch, npt.NDArray[np.bool_]]:
        """Return the pieces with the ids and places of their sequences, and with their documents.

        The second value is `<bool>[n_pieces]`, True if the sequence is a document by itself. Its pieces have
        the id that its first piece would have alone, which stays the same as the sequence grows.
        """
        is_document = self._is_document(open_)
        lists, owner = self._lists(), pa.array(self.owner)
        # The lists of a row must not be taken for each of its pieces: that would be quadratic.
        columns = {
            name: lists[name] if name in lists else self.batch[name].take(owner)
            for name in self.batch.schema.names
        }
        columns[DOCUMENT_ID] = self._documents(lists, is_document, open_)
        pieces = pa.RecordBatch.from_arrays(list(columns.values()), schema=self.batch.schema)
        return pieces, is_document[self.owner]

    def _lists(self) -> dict[str, pa.ListArray]:
        """Return the tokens, the tags and the further columns of the pieces; a null list stays null."""
        offsets = flatten(self.batch[TOKENS])[1]
        row = np.searchsorted(offsets, self.cuts, side="right") - 1
        lists = {}
        for name in _list_names(self.batch):
            values, starts = flatten(self.batch[name])
            has_values = np.diff(starts)[row] > 0
            cuts = starts[row] + np.where(has_values, self.cuts - offsets[row], 0)
            bounds = pa.array(np.sort(np.concatenate([starts, cuts])), pa.int32())
            is_null = self.batch[name].is_null().take(pa.array(self.owner))
            mask = is_null if self.batch[name].null_count else None
            lists[name] = pa.ListArray.from_arrays(bounds, values, mask=mask)
        return lists

    def _documents(
        self, lists: Mapping[str, pa.ListArray], is_document: npt.NDArray[np.bool_], open_: _Open | None
    ) -> pa.StringArray:
        """Return the document of each piece, before documents of many pieces are divided."""
        named = self.batch[DOCUMENT_ID].take(pa.array(self.owner))
        first = pa.array(np.searchsorted(self.owner, np.flatnonzero(is_document)))  # pieces
        columns = {name: lists[name].take(first) for name in lists if name not in (TOKENS, TAGS)}
        ids = content_ids(lists[TOKENS].take(first), columns)
        number = np.cumsum(is_document)[self.owner] - 1
        own = pa.array(number, mask=~is_document[self.owner])
        documents = pc.coalesce(ids.take(own), named)
        if open_ is not None and open_.n_pieces:
            documents = pc.if_else(pa.array(self.owner == 0), open_.document, documents)
        if self.is_parted:
            documents = pc.if_else(pa.array(self.owner == 1), documents[0], documents)
        return documents

    def _is_document(self, open_: _Open | None) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_rows]`: is a row that is cut, or the last one, a document by itself?"""
        wanted = np.union1d(self.owner[self.is_piece], [self.batch.num_rows - 1])
        some = self.batch.take(pa.array(wanted))
        is_document = np.zeros(self.batch.num_rows, np.bool_)
        is_document[wanted] = has_content_id(some)
        if open_ is not None:
            is_document[: 1 + self.is_parted] = open_.is_document
        return is_document


def _at_parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the rows from each one that continues a sequence up to the next such row."""
    ids, n_rows = batch[SEQUENCE_ID], batch.num_rows
    continues = mask_of(batch[PLACE].is_null())
    continues[1:] &= mask_of(pc.equal(ids.slice(1), ids.slice(0, max(n_rows - 1, 0))))
    bounds = np.unique([0, *np.flatnonzero(continues), n_rows])
    yield from (batch.slice(start, stop - start) for start, stop in pairwise(bounds.tolist()))


def _continued(open_: _Open | None, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, bool]:
    """Return the batch after the open sequence, whose tokens and tags its first row may continue.

    If one of the two is broken, they stay apart, and the second value is True.
    """
    if open_ is None:
        return batch, False
    joined = pa.concat_batches([open_.row, batch])
    if joined[PLACE][1].is_valid or joined[SEQUENCE_ID][0] != joined[SEQUENCE_ID][1]:
        return joined, False
    if not _is_sound(joined.slice(0, 2)).all():
        return joined, True
    merged = joined.filter(pa.array(np.arange(joined.num_rows) != 1))
    for name in _list_names(joined):
        values, offsets = flatten(joined[name])
        merged = with_column(merged, name, relist(values, np.delete(offsets, 1), like=merged[name]))
    return merged, False


def _list_names(batch: pa.RecordBatch) -> list[str]:
    """Return the names of the columns with a value for each token."""
    return string_list_columns(batch.schema, without=())


def _is_sound(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`: has a sequence no defect, and as many tags as tokens, or no tags?"""
    n_tokens, n_tags = (pc.list_value_length(batch[name]) for name in (TOKENS, TAGS))
    return mask_of(pc.and_(batch[DEFECT].is_null(), pc.equal(n_tokens, pc.coalesce(n_tags, n_tokens))))


def _named(pieces: pa.RecordBatch, is_piece: npt.NDArray[np.bool_], number: Positions) -> pa.RecordBatch:
    """Return the pieces with their numbers in ids, `id#2`, and in places, `train.conll:1, piece 2`."""
    numbers = pa.array(number).cast(pa.string())
    ids = pc.binary_join_element_wise(pieces[SEQUENCE_ID], numbers, "#")
    places = pc.binary_join_element_wise(pieces[PLACE], numbers, ", piece ")
    pieces = with_column(pieces, SEQUENCE_ID, pc.if_else(pa.array(is_piece), ids, pieces[SEQUENCE_ID]))
    later = pa.array(is_piece & (number > 1))
    return with_column(pieces, PLACE, pc.if_else(later, places, pieces[PLACE]))
