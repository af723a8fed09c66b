"""Order of the rows of each sequence: sorting by key, and sessions cut at pauses."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.formats.timestamps import EXACT
from seqtag.corpus.formats.token_rows import KEY
from seqtag.corpus.text_blocks import Positions
from seqtag.io.arrays import mask_of


def out_of_order(rows: pa.RecordBatch, offsets: Positions) -> Positions:
    """Return the sequences in which some row has a smaller key than the row above."""
    key = rows[KEY]
    falls = mask_of(pc.less(key.slice(1), key.slice(0, len(key) - 1)))
    falls[offsets[1:-1] - 1] = False
    return np.unique(np.searchsorted(offsets, np.flatnonzero(falls), side="right") - 1)


def has_rise(rows: pa.RecordBatch, offsets: Positions) -> bool:
    """Return whether a row of some sequence has a larger key than the row above."""
    key = rows[KEY]
    rises = mask_of(pc.greater(key.slice(1), key.slice(0, len(key) - 1)))
    rises[offsets[1:-1] - 1] = False
    return bool(rises.any())


def in_order(rows: pa.RecordBatch, offsets: Positions, sequences: Positions) -> pa.RecordBatch:
    """Return the rows with those of `sequences` in a stable order by KEY, missing keys last."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    chosen = np.flatnonzero(np.isin(owner, sequences))
    both = pa.table({"owner": owner[chosen], "key": rows[KEY].take(pa.array(chosen))})
    order = np.arange(rows.num_rows)
    order[chosen] = chosen[pc.sort_indices(both, [("owner", "ascending"), ("key", "ascending")]).to_numpy()]
    return rows.take(pa.array(order))


def session_starts(
    rows: pa.RecordBatch, offsets: Positions, ids: pa.StringArray, *, gap_minutes: float
) -> tuple[Positions, pa.StringArray]:
    """Return the first row of each session, and the session id of each row: `case#1`, `case#2`.

    Args:
        rows: sorted within each case by KEY, in seconds.
        offsets: `<int64>[n + 1]`, case i has the rows `[offsets[i], offsets[i + 1])`.
        ids: the case id of each row, "" if it has none.
    """
    key = rows[KEY]
    pauses = pc.subtract(key.slice(1), key.slice(0, len(key) - 1))
    gap = pa.scalar(Decimal(str(gap_minutes)) * 60, EXACT)
    is_start = np.zeros(len(key), np.bool_)
    is_start[1:] = mask_of(pc.greater(pauses, gap))
    is_start[offsets[:-1]] = True
    so_far = np.cumsum(is_start)
    number = so_far - np.repeat(so_far[offsets[:-1]], np.diff(offsets)) + 1
    labels = pc.binary_join_element_wise(ids, pa.array(number).cast(pa.string()), "#")
    return np.flatnonzero(is_start), pc.if_else(pc.equal(ids, ""), "", labels)
