"""Detection of missing blank lines and lost words in CoNLL-U, from IDs and comments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.formats.conllu_words import Words
from seqtag.corpus.formats.line_groups import Comments, Groups
from seqtag.corpus.text_blocks import Positions
from seqtag.io.arrays import mask_of

_AT_THE_TOP = ("newdoc", "newdoc id", "newpar", "newpar id", "sent_id")
_MOST_DIGITS = 9  # of an ID that are compared


def missing_blank_lines(
    words: Words, groups: Groups, comments: Comments, *, first_line: int
) -> list[tuple[Positions, pa.StringArray]]:
    """Return the words where a blank line or a word is missing, and their defects.

    A comment that must be above a sentence but is within one is reported at the word above it. Without a
    column ID, only comments are checked.

    Args:
        first_line: the number of the block's first line in its file.
    """
    broken = [_by_comments(groups, comments, first_line)]
    return [*broken, *_by_ids(words, groups, first_line)] if "ID" in words.columns else broken


def _by_comments(groups: Groups, comments: Comments, first_line: int) -> tuple[Positions, pa.StringArray]:
    found = comments.having(*_AT_THE_TOP)
    found = found[groups.owners[found] >= 0]
    rows, owners = groups.comments[found], groups.owners[found]
    is_below = rows > groups.first_lines[owners]
    found, rows = found[is_below], rows[is_below]
    reasons = pc.binary_join_element_wise(
        _before(rows, first_line), ": # ", comments.keys.take(pa.array(found)), " follows a word", ""
    )
    return np.searchsorted(groups.tokens, rows) - 1, reasons


def _by_ids(words: Words, groups: Groups, first_line: int) -> list[tuple[Positions, pa.StringArray]]:
    ids = words.cells("ID")
    known = pc.ascii_is_decimal(ids).fill_null(False)
    digits = pc.utf8_slice_codeunits(pc.if_else(known, ids, "0"), 0, _MOST_DIGITS)
    numbers = digits.cast(pa.int64()).to_numpy()
    are_known = mask_of(known)
    odd = np.diff(numbers, prepend=0) != 1
    odd[1:] &= are_known[1:] & are_known[:-1]
    odd[groups.offsets[:-1]] = False
    where = np.flatnonzero(odd)
    new, old = numbers[where], numbers[where - 1]
    begins, jumps = (new <= 1) & (new <= old), new > old
    found = []
    for chosen, what in (
        (begins, pc.binary_join_element_wise(_before(groups.tokens[where[begins]], first_line), "ID", ": ")),
        (jumps, "line lost: ID"),
        (~begins & ~jumps, "IDs are not in order: ID"),
    ):
        place = where[chosen]
        new_id, old_id = ids.take(pa.array(place)), ids.take(pa.array(place - 1))
        found.append((place, pc.binary_join_element_wise(what, new_id, "follows", old_id, " ")))
    return found


def _before(rows: Positions, first_line: int) -> pa.StringArray:
    lines = pa.array(first_line + rows).cast(pa.string())
    return pc.binary_join_element_wise("a blank line is missing before line", lines, " ")
