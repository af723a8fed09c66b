"""Detection of token numbers in CoNLL-style files that are misread as tokens."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.text_blocks import Fields, Positions
from seqtag.io.arrays import mask_of

_NUMBER = r"^[0-9]{1,6}$"
_RANGE = r"^[0-9]{1,6}-[0-9]{1,6}$"  # of a multiword token in CoNLL-U
_MOST = 0.9  # share of the lines, without ranges
_LEAST = 10  # lines that are one more than the line above


def misread_numbers(
    fields: Fields, tokens: Positions, groups: Positions, *, token_column: int
) -> tuple[int, str] | None:
    """Return the first line where a number or range is read as a token, with a warning; None without one.

    Args:
        tokens: token lines that have both columns, ascending.
        groups: the number of each token line's sequence, ascending.
    """
    if token_column < 0 or not len(tokens):
        return None
    cells = pc.utf8_trim_whitespace(fields.column(0, tokens))
    is_range = mask_of(pc.match_substring_regex(cells, _RANGE))
    plain = np.flatnonzero(~is_range)
    if not _count_up(cells.take(pa.array(plain)), groups[plain]):
        return None
    if token_column == 0:
        text = (
            "column 0 numbers the tokens of each sequence and is read as the tokens; set token_column = 1, "
            'or format = "conllu"'
        )
        return int(tokens[plain[0]]) + 1, text
    ranges = np.flatnonzero(is_range)
    if not len(ranges):
        return None
    text = f'range {cells[int(ranges[0])]} is read as a token; format = "conllu" skips ranges'
    return int(tokens[ranges[0]]) + 1, text


def _count_up(cells: pa.StringArray, groups: Positions) -> bool:
    """Return whether nearly all cells count up by one, from 0 or 1 in each sequence."""
    is_number = pc.fill_null(pc.match_substring_regex(cells, _NUMBER), False)
    values = pc.if_else(is_number, cells, "-9").cast(pa.int64()).to_numpy()
    begins = np.diff(groups, prepend=-1) != 0
    steps = np.diff(values, prepend=-9) == 1
    n_steps = int((steps & ~begins).sum())
    from_one = (values == 0) | (values == 1)
    return n_steps >= _LEAST and np.where(begins, from_one, steps).mean() >= _MOST
