"""Ids of documents that a CoNLL or CoNLL-U file marks without naming them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.schema import DOCUMENT_ID, TOKENS
from seqtag.corpus.text_blocks import Positions
from seqtag.io.arrays import with_column
from seqtag.io.hashing import hash_sequences, hex_hashes
from seqtag.tagging.ragged import relist

MOST_TOKENS = 1 << 16  # of a document, from which its id is derived and which are held in memory until then


@dataclass(frozen=True)
class Piece:
    """Sequences in the order of the file.

    Attributes:
        batch: sequences with the `document_id` of the file, or else the hash of their tokens.
        numbers: `<int64>[n]`, ascending numbers of the documents whose ids are to be derived; 0 for sequences
            that keep their id, as the file gives it or they are in no document.
    """

    batch: pa.RecordBatch
    numbers: Positions


def with_document_ids(pieces: Iterable[Piece], *, most_tokens: int = MOST_TOKENS) -> Iterator[pa.RecordBatch]:
    """Yield the sequences with the ids of their documents, which are digests of the documents' tokens.

    The split of a document depends on its id, so the id must not change when the corpus grows. Positions
    change when a document is inserted above, file names change when files are merged, and the first sequence
    is often a heading that many documents share. A digest of all tokens survives all of this, and corrected
    tags as well. The drawback: a document whose tokens change gets another id and may move to another split.
    A format that names documents is better.

    Equal documents share an id, so they are in the same split. A document of one sequence has the same id as
    the sequence would have without a document.

    The digest ends with the sequence that reaches `most_tokens`, and no more than that is held in memory.
    Documents that differ only later share an id.
    """
    open_ = _Open()
    for piece in pieces:
        known, piece = open_.continued(piece)
        if len(known):
            yield known
        finished, open_ = _finished(piece, open_, most_tokens)
        if len(finished):
            yield finished
    if open_.held is not None:
        yield _identified(Piece(open_.held, np.full(len(open_.held), open_.number)), most_tokens)


@dataclass(frozen=True)
class _Open:
    """The last document so far, which may continue: its id if it is known, otherwise its sequences."""

    number: int = 0
    id: str | None = None
    held: pa.RecordBatch | None = None

    def continued(self, piece: Piece) -> tuple[pa.RecordBatch, Piece]:
        """Return the sequences that continue the open document, if its id is known, and all others.

        Sequences that were held come first among the others.
        """
        if self.held is not None:
            numbers = np.concatenate([np.full(len(self.held), self.number), piece.numbers])
            return piece.batch.slice(0, 0), Piece(pa.concat_batches([self.held, piece.batch]), numbers)
        end = int((piece.numbers == self.number).sum()) if self.id is not None else 0
        known = piece.batch.slice(0, end)
        if end:
            known = with_column(known, DOCUMENT_ID, pa.repeat(pa.scalar(self.id, pa.string()), end))
        return known, Piece(piece.batch.slice(end), piece.numbers[end:])


def _finished(piece: Piece, open_: _Open, most_tokens: int) -> tuple[pa.RecordBatch, _Open]:
    """Return the sequences whose document id can be derived, and the document that may continue."""
    if not len(piece.numbers):
        return piece.batch, replace(open_, held=None)
    number = int(piece.numbers[-1])
    if number == 0:
        return _identified(piece, most_tokens), _Open()
    begin = len(piece.numbers) - int((piece.numbers == number).sum())
    last = piece.batch.slice(begin)
    if pc.sum(pc.list_value_length(last.column(TOKENS))).as_py() < most_tokens:
        before = Piece(piece.batch.slice(0, begin), piece.numbers[:begin])
        return _identified(before, most_tokens), _Open(number, held=last)
    finished = _identified(piece, most_tokens)
    return finished, _Open(number, id=finished.column(DOCUMENT_ID)[-1].as_py())


def _identified(piece: Piece, most_tokens: int) -> pa.RecordBatch:
    """Return the sequences with the ids of their documents, each of which must begin in `piece`."""
    rows = np.flatnonzero(piece.numbers)
    if not len(rows):
        return piece.batch
    ids = piece.batch.column(DOCUMENT_ID)
    of_sequences = ids.take(pa.array(rows))
    first = np.flatnonzero(np.diff(piece.numbers[rows], prepend=0))
    document = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows))))
    n_tokens = pc.list_value_length(piece.batch.column(TOKENS)).to_numpy()[rows].astype(np.int64)
    before = np.cumsum(n_tokens) - n_tokens
    counts = before - before[first][document] < most_tokens
    offsets = np.concatenate([[0], np.cumsum(np.bincount(document[counts], minlength=len(first)))])
    counted = of_sequences.filter(pa.array(counts))
    digests = hex_hashes(hash_sequences(relist(counted, offsets)))
    alone = np.diff(offsets) == 1
    derived = pc.if_else(pa.array(alone), counted.take(pa.array(offsets[:-1])), digests)
    ids = pc.replace_with_mask(ids, pa.array(piece.numbers > 0), derived.take(pa.array(document)))
    return with_column(piece.batch, DOCUMENT_ID, ids)
