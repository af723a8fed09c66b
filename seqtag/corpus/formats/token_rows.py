"""Token rows with row numbers, sequence ids and defects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_columns import LongColumns
from seqtag.corpus.record_batches import picked
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import Positions
from seqtag.corpus.whitespace import stripped
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import mask_of, with_column

# Columns that readers add; no source has these names.
ROW = "seqtag:row"  # from 1, in the order of the file or query
LINE = "seqtag:line"  # of the file, from 1; only of formats whose rows are not lines
FILE = "seqtag:file"  # name of the file, if there may be several
KEY = "seqtag:key"  # sort key of the row within its sequence; null if the order column has none
DEFECT = "seqtag:defect"  # defect of the row's sequence, null if there is none


def identified(
    rows: Iterable[pa.RecordBatch], source: LongColumns, report: SourceReport, *, name: str
) -> Iterator[pa.RecordBatch]:
    """Yield the rows with ROW, DEFECT and a sequence id without white space around it, "" if it is missing.

    With `sequence_ids = "first_row"`, a blank id means the one above.

    Raises:
        CorpusFormatError: the first row has no id, or most rows have none.
    """
    column = source.sequence_column
    first_row_only = source.sequence_ids == "first_row"
    n_rows = n_without = 0
    last: str | None = None
    was_blank = False  # the id of the row above
    for batch in rows:
        if batch.num_rows == 0:
            continue
        ids = pc.fill_null(stripped(batch.column(column), "sequence ids", report), "")
        if first_row_only:
            written, ids = ids, _filled(ids, last, column, name)
            again = _written_again(written, ids, last, was_blank)
            last, was_blank = ids[-1].as_py(), written[-1].as_py() == ""
        without = pc.equal(ids, "")
        n_without += pc.sum(without).as_py()
        lacking = pc.if_else(without, f"the sequence id is missing in column '{column}'", None)
        if ROW not in batch.schema.names:
            numbers = pa.array(np.arange(n_rows + 1, n_rows + 1 + batch.num_rows))
            batch = batch.append_column(ROW, numbers)
        if first_row_only and len(again):
            row = int(again[0])
            report.warn(
                "id_written_again",
                f"the sequence id {ids[row].as_py()!r:.80} is written again below rows without one, and was "
                "taken for the same sequence; give each sequence a unique id",
                place=places_of(batch, again[:1], name=name)[0].as_py(),
                count=len(again),
            )
        n_rows += batch.num_rows
        yield with_column(batch, column, ids).append_column(DEFECT, lacking.cast(pa.string()))
    if 2 * n_without > n_rows:
        raise CorpusFormatError(
            f"{name}: sequence ids are missing in {n_without:,} of {n_rows:,} rows (column '{column}'); "
            'expected one in every row; set sequence_ids = "first_row" if an id is only in the first row '
            "of its sequence"
        )


def _filled(ids: pa.StringArray, last: str | None, column: str, name: str) -> pa.StringArray:
    filled = pc.fill_null_forward(pc.if_else(pc.equal(ids, ""), None, ids))
    if filled.null_count and last is None:
        raise CorpusFormatError(
            f"{name}: row 1: the sequence id is missing in column '{column}'; with sequence_ids = "
            '"first_row" the first row must have one'
        )
    return pc.fill_null(filled, last) if filled.null_count else filled


def _written_again(
    written: pa.StringArray, filled: pa.StringArray, last: str | None, was_blank: bool
) -> Positions:
    """Return the rows that write the same id as applies to the row above, whose id is blank."""
    is_blank = mask_of(pc.equal(written, ""))
    is_same = np.ones(len(written), np.bool_)
    is_same[starts(filled, last)] = False
    return np.flatnonzero(is_same & ~is_blank & np.concatenate([[was_blank], is_blank[:-1]]))


def name_of(rows: pa.RecordBatch, row: int, name: str) -> str:
    """Return the name of a row's file, `name` if there is only one."""
    return str(rows[FILE][row]) if FILE in rows.schema.names else name


def places_of(rows: pa.RecordBatch, positions: Positions, *, name: str) -> pa.StringArray:
    """Return the places of rows: `log.csv: row 17`, or `log.xes:17` if the rows have lines."""
    at = pa.array(positions)
    names = rows[FILE].take(at) if FILE in rows.schema.names else name
    column, mark = (LINE, ":") if LINE in rows.schema.names else (ROW, ": row ")
    return pc.binary_join_element_wise(names, rows[column].take(at).cast(pa.string()), mark)


def starts(ids: pa.StringArray, last: str | None) -> Positions:
    """Return the rows whose id differs from the row above; `last` is the id above the first row."""
    changes = mask_of(pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1)))
    return np.flatnonzero(np.concatenate([[ids[0].as_py() != last], changes]))


def set_defects(rows: pa.RecordBatch, where: Positions, texts: pa.StringArray) -> pa.RecordBatch:
    """Return the rows with defects at `where`; existing defects are kept."""
    if len(where) == 0:
        return rows
    found = picked(texts, np.arange(len(where)), rows.num_rows, where)
    return with_column(rows, DEFECT, pc.coalesce(rows.column(DEFECT), found))
