"""Token rows in batches of whole sequences, or of parts of sequences that are too long for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_columns import LongColumns
from seqtag.corpus.formats.token_rows import KEY, ROW, name_of, starts
from seqtag.errors import CorpusFormatError

PART_ROWS = 1 << 17  # of a sequence that is read in parts


def whole_sequences(
    rows: Iterable[pa.RecordBatch], column: str, *, part_rows: int | None = None
) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """Yield the rows in batches that end at the end of a sequence.

    Args:
        rows: rows with ids in `column`.
        part_rows: rows after which a batch ends within a sequence; None: never.

    Returns:
        batches, and whether the first row of each continues the sequence of the batch before.
    """
    pending: list[pa.RecordBatch] = []
    last: str | None = None
    is_part = False
    for batch in rows:
        ids = batch[column]
        firsts = starts(ids, last)
        last = ids[-1].as_py()
        is_part = is_part and not (len(firsts) and firsts[0] == 0 and not pending)
        if len(firsts):
            cut = int(firsts[-1])
            pending.append(batch.slice(0, cut))
            if any(part.num_rows for part in pending):
                yield _joined(pending), is_part
            pending, is_part = [batch.slice(cut)], False
        else:
            pending.append(batch)
        if part_rows is not None and last and sum(part.num_rows for part in pending) >= part_rows:
            yield _joined(pending), is_part
            pending, is_part = [], True
    if pending:
        yield _joined(pending), is_part


def check_order(rows: pa.RecordBatch, last_key: pa.Scalar | None, source: LongColumns, *, name: str) -> None:
    """Check that rows which continue a long sequence belong after the rows that were read of it.

    Args:
        last_key: the largest key of these rows; None without an order column.

    Raises:
        CorpusFormatError: they do not.
    """
    if last_key is None:
        return
    bounds = np.append(starts(rows[source.sequence_column], None), rows.num_rows)
    if pc.any(pc.less(rows[KEY].slice(0, int(bounds[1])), last_key)).as_py():
        raise CorpusFormatError(
            f"{name_of(rows, 0, name)}: rows of a long sequence are out of order: corpus.cut expects the "
            f"values of column '{source.order_column}' in order, and got a smaller one from row "
            f"{rows[ROW][0]} on; sort the source, or leave order_column out to keep the order of the rows"
        )


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)
