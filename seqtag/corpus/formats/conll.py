"""Reader of CoNLL-style columns: a token per line, blank lines between sequences, -DOCSTART- lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import ConllSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.column_layout import HEAD_BYTES, ColumnLayout, are_enough, hashed, layout_of
from seqtag.corpus.formats.documents import Piece, with_document_ids
from seqtag.corpus.formats.layout_checks import LayoutChecks
from seqtag.corpus.formats.line_groups import (
    comments_of,
    document_numbers,
    groups_of,
    sequence_values,
    warn_of_two_values,
)
from seqtag.corpus.formats.line_kinds import kinds_of
from seqtag.corpus.record_batches import corpus_batch, first_defects, labelled, without_first_place
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import BLOCK_BYTES, Lines, Positions, lines_of, paragraph_blocks, with_head
from seqtag.tagging.ragged import relist

_TOO_MANY = (" (a blank within a cell separates, too)", "")  # if blanks separate, if tabs do
_TOO_FEW = " (is a cell empty, or is it a comment?)"


def read_conll(
    source: ConllSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    block_bytes: int = BLOCK_BYTES,
    in_parts: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file in columns.

    -DOCSTART- or the comment `#begin document` begins a document, whose id is derived by `with_document_ids`.
    Each sequence above the first such line is a separate document, with the hash of its tokens as id.

    With `in_parts`, a sequence that is longer than a block is yielded in parts of about that size, of which
    all but the first have no place.

    Additional columns come from comments `# key = value`. A file without token lines yields nothing.

    Raises:
        CorpusFormatError: most lines lack a column, or the encoding is wrong. A single line with a wrong
            number of columns only makes its sequence defective.
    """
    yield from with_document_ids(_pieces(source, file, columns, report, block_bytes, in_parts))


def _pieces(
    source: ConllSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    block_bytes: int,
    in_parts: bool,
) -> Iterator[Piece]:
    text = paragraph_blocks(file, source.encoding, block_bytes, report=report, in_parts=in_parts)
    head, blocks = with_head(text, HEAD_BYTES)
    layout = layout_of(source, head, name=file.name)
    place, tally = _ConllPosition(), LayoutChecks(layout)
    for block in blocks:
        is_open = in_parts and len(block) >= block_bytes
        piece, place = _piece(layout, file.name, columns, report, block, place, tally, is_open=is_open)
        if piece is not None:
            yield piece
    tally.report_to(report, file.name, n_sequences=place.n_sequences)


@dataclass(frozen=True)
class _ConllPosition:
    """Position in a file."""

    line: int = 1
    n_sequences: int = 0
    n_documents: int = 0  # lines that begin a document
    is_within: bool = False  # a sequence that the next block continues


def _piece(
    layout: ColumnLayout,
    name: str,
    columns: Sequence[str],
    report: SourceReport,
    block: bytes,
    place: _ConllPosition,
    tally: LayoutChecks,
    *,
    is_open: bool,
) -> tuple[Piece | None, _ConllPosition]:
    source = layout.source
    lines = lines_of(block)
    fields = layout.fields(lines)
    kinds = kinds_of(lines, fields, layout, first_line=place.line)
    tally.add(lines, fields, kinds, first_line=place.line)
    groups = groups_of(lines, tokens=kinds.tokens, is_break=kinds.is_break, comments=kinds.comments)
    is_part = place.is_within and bool(len(groups)) and not kinds.is_break[: groups.tokens[0]].any()
    after = _ConllPosition(
        line=place.line + len(lines),
        n_sequences=place.n_sequences + len(groups) - int(is_part),
        n_documents=place.n_documents + len(kinds.document_starts),
        is_within=is_open and not kinds.is_break[-1],
    )
    if not len(groups):
        return None, after

    def places(token: Positions) -> pa.StringArray:
        return labelled(name, place.line + groups.tokens[token], mark=":")

    counts = fields.counts[groups.tokens]
    broken = np.flatnonzero(~layout.are_valid(counts, groups.offsets))
    reasons = _reasons(layout, lines, groups.tokens[broken], counts[broken])
    comments = comments_of(lines, kinds.comments, (source.comment or "#").encode()) if columns else None
    if comments is not None:
        report.offer(comments.keys_with_values())
        warn_of_two_values(columns, comments, groups, report, name=name, first_line=place.line)
    batch = corpus_batch(
        columns,
        report,
        numbered=labelled(name, after.n_sequences + 1 - len(groups) + np.arange(len(groups)), mark="#"),
        tokens=relist(fields.column(source.token_column, groups.tokens), groups.offsets),
        tags=relist(fields.column(source.tag_column, groups.tokens), groups.offsets),
        places=places(groups.offsets[:-1]),
        defects=first_defects(groups.offsets, [(broken, reasons)], places),
        further={key: sequence_values(key, comments, groups) for key in columns} if comments else None,
        token_columns={
            name: relist(fields.column(number, groups.tokens), groups.offsets)
            for name, number in source.token_columns.items()
        },
    )
    if is_part:
        batch = without_first_place(batch)
    if source.documents == "none":
        return Piece(batch, np.zeros(len(groups), np.int64)), after
    numbers = place.n_documents + document_numbers(groups, kinds.document_starts)
    parts = [*[0] * is_part, *[len(groups) - 1] * after.is_within]
    numbers[parts] = 0  # a sequence that is read in parts is a document by itself
    return Piece(batch, numbers), after


def _reasons(layout: ColumnLayout, lines: Lines, rows: Positions, counts: Positions) -> pa.StringArray:
    """Describe the defects of lines with a wrong number of columns."""
    source = layout.source
    ambiguous = sorted(n for n in source.ambiguous_widths if n > source.least_columns)
    but_not = f" and not {', '.join(map(str, ambiguous))}" if ambiguous else ""
    expected = str(layout.n_columns or f"at least {source.least_columns}{but_not}")
    if layout.by_sequence:
        expected = "as many as in the line above"
    hint = pc.if_else(pa.array(counts > layout.usual), _TOO_MANY[layout.tabs], _TOO_FEW)
    fix = pc.if_else(pa.array(are_enough(source, counts)), '; n_columns = "vary" reads it', "")
    if source.comment is None:
        is_comment = pa.array(hashed(lines, rows) & layout.may_be_comments(counts))
        hint = pc.if_else(is_comment, " (is it a comment?)", hint)
        fix = pc.if_else(is_comment, '; comment = "#" leaves it out', fix)
    number = pa.array(counts).cast(pa.string())
    found = pc.binary_join_element_wise("found", number, f"columns, expected {expected}", " ")
    return pc.binary_join_element_wise(found, hint, fix, ": '", lines.excerpts(rows), "'", "")
