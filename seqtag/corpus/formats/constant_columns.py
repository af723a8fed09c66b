"""Columns that must be constant within a sequence, such as document and split."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.formats.token_rows import FILE, ROW
from seqtag.corpus.record_batches import picked
from seqtag.corpus.text_blocks import Positions
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.io.arrays import mask_of, positions_of


def only_values(
    rows: pa.RecordBatch, column: str, offsets: Positions, what: str
) -> tuple[pa.StringArray, Positions, pa.StringArray]:
    """Return the value of each sequence, the rows that contradict it, and their defects.

    The value is the first that is not blank, null if all are blank. Only the first contradicting row of each
    sequence is returned.

    Args:
        offsets: `<int64>[n + 1]`, sequence i has the rows `[offsets[i], offsets[i + 1])`.
        what: meaning of the column in messages, such as "split".
    """
    cells = rows[column]
    bare = pc.fill_null(pc.utf8_trim(cells, WHITE_SPACE), "")
    filled = positions_of(pc.not_equal(bare, ""))
    owners = np.searchsorted(offsets, filled, side="right") - 1
    named, first, inverse = np.unique(owners, return_index=True, return_inverse=True)
    deciding = filled[first]  # [sequences with a value]
    values = picked(cells, deciding, len(offsets) - 1, named)
    wanted = deciding[inverse]
    differing = positions_of(pc.not_equal(bare.take(pa.array(filled)), bare.take(pa.array(wanted))))
    differing = differing[np.unique(owners[differing], return_index=True)[1]]
    where, against = pa.array(filled[differing]), pa.array(wanted[differing])
    row = pc.binary_join_element_wise("row", rows[ROW].take(against).cast(pa.string()), " ")
    if FILE in rows.schema.names:
        row = pc.binary_join_element_wise(rows[FILE].take(against), row, ": ")
    texts = pc.binary_join_element_wise(
        *(f"{what} '", pc.utf8_slice_codeunits(bare.take(where), 0, 80)),
        *("' contradicts '", pc.utf8_slice_codeunits(bare.take(against), 0, 80)),
        *("' in ", row, f"; expected one {what} for a sequence (column '{column}')"),
        "",
    )
    return values, filled[differing], texts


def varies(cells: pa.StringArray, offsets: Positions) -> tuple[int, int]:
    """Return the first row that differs from the row above, and the number of sequences that vary."""
    bare = pc.fill_null(pc.utf8_trim(cells, WHITE_SPACE), "")
    changes = mask_of(pc.not_equal(bare.slice(1), bare.slice(0, len(bare) - 1)))
    changes[offsets[1:-1] - 1] = False
    where = np.flatnonzero(changes) + 1
    owners = np.unique(np.searchsorted(offsets, where, side="right"))
    return (int(where[0]) if len(where) else -1), len(owners)
