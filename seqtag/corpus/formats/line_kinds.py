"""Kinds of lines in a file in columns: tokens, comments, header and document starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from seqtag.corpus.formats.column_layout import ColumnLayout, are_enough, commented, document_starts
from seqtag.corpus.text_blocks import Fields, Lines, Positions
from seqtag.io.arrays import mask_of

Flags = npt.NDArray[np.bool_]
_BEGIN_DOCUMENT = b"#begin document"  # a comment of CoNLL-2012


@dataclass(frozen=True)
class LineKinds:
    """The lines of a block by kind."""

    is_break: Flags  # [lines]: ends a sequence
    tokens: Positions
    doubtful: Positions  # tokens that begin like comments
    comments: Positions
    is_inside: Flags  # [comments]: below the first token of its sequence
    document_starts: Positions
    header: Positions  # one line at most


def kinds_of(lines: Lines, fields: Fields, layout: ColumnLayout, *, first_line: int) -> LineKinds:
    """Classify the lines of a block.

    A line that begins like a comment is a token if it has the usual number of columns, or a tag that occurs
    in the first lines. If blanks separate columns, the words of a comment look like columns, so a token above
    a sequence must have both, and one within a sequence the usual number. Comments within a sequence must be
    declared.

    Args:
        first_line: the number of the block's first line in its file.
    """
    starts = document_starts(lines)
    is_break = lines.blank()
    is_break[starts] = True
    is_token = ~is_break
    maybe = commented(layout.source, lines)
    maybe = maybe[is_token[maybe]]
    above, header = _header(layout, is_token, first_line)
    is_token[above] = is_token[header] = False
    maybe = maybe[is_token[maybe]]
    comments, is_inside = _comments(fields, layout, is_break, is_token, maybe)
    is_token[comments] = False
    comments, is_inside = np.append(above, comments), np.append(np.zeros(len(above), np.bool_), is_inside)
    begins = lines.starting_with(_BEGIN_DOCUMENT)
    starts = np.union1d(starts, begins[~is_token[begins]])
    return LineKinds(
        is_break, np.flatnonzero(is_token), maybe[is_token[maybe]], comments, is_inside, starts, header
    )


def _header(layout: ColumnLayout, is_token: Flags, first_line: int) -> tuple[Positions, Positions]:
    """Return the comments above the declared header, and the header."""
    row = 0 if layout.header_line is None else layout.header_line - first_line
    if layout.header_line is None or row < 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.flatnonzero(is_token[:row]), np.arange(row, min(row + 1, len(is_token)))


def _comments(
    fields: Fields, layout: ColumnLayout, is_break: Flags, is_token: Flags, maybe: Positions
) -> tuple[Positions, Flags]:
    if not len(maybe):
        return maybe, np.zeros(0, np.bool_)
    above, within = _read_as_comments(fields, layout, maybe)
    begins = is_token.copy()
    begins[maybe[above]] = False
    rows = np.flatnonzero(begins)
    group = np.cumsum(is_break)
    before = np.append(rows, -1)[np.searchsorted(rows, maybe) - 1]  # the token line above, -1 if none
    is_inside = (before >= 0) & (group[before] == group[maybe])
    chosen = np.where(is_inside, within & (layout.source.comment is not None), above)
    return maybe[chosen], is_inside[chosen]


def _read_as_comments(fields: Fields, layout: ColumnLayout, maybe: Positions) -> tuple[Flags, Flags]:
    """Return masks of the lines that are comments above the first token of a sequence, and below it."""
    tags = pc.utf8_trim_whitespace(fields.column(layout.source.tag_column, maybe))
    known = mask_of(pc.is_in(tags, layout.tags))
    usual = layout.are_usual(fields.counts[maybe])
    if layout.tabs:
        without_tag = ~are_enough(layout.source, fields.trimmed(0).counts[maybe])
        return without_tag | ~(usual | known), without_tag
    return ~(usual & known), ~usual if layout.n_columns is not None else ~(usual & known)
