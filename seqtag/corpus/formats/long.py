"""From one token a row to one sequence a row: what tables, long Parquet and SQL share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.sources import LongColumns, TableSource
from seqtag.corpus.batches import corpus_batch, first_defects, labelled, lists
from seqtag.corpus.blanks import stripped
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text import Positions
from seqtag.errors import CorpusFormatError

# Numbers are told from other text, and sorted exactly, as whole numbers of at most 19 digits and a fraction.
_NUMBER = r"^[+-]?[0-9]{1,19}(\.[0-9]*)?$"
_EXACT = pa.decimal128(38, 18)


def required_columns(source: LongColumns) -> list[str]:
    """Return the columns that every file or query of the source must have."""
    named = [source.sequence_column, source.order_column, source.token_column, source.tag_column]
    named += [source.document_column, source.split_column]
    return list(dict.fromkeys(name for name in named if name is not None))


def check_columns(required: Sequence[str], present: Sequence[str], *, place: str) -> None:
    """Refuse a header that lacks a required column, or has it twice.

    Raises:
        CorpusFormatError: names the place, the columns and what is there.
    """
    wrong = [name for name in required if list(present).count(name) != 1]
    if wrong:
        raise CorpusFormatError(
            f"{place}: {_listed('column', wrong)} required, each once. Received: {_listed('column', present)}"
        )


def sequences_of_rows(
    rows: Iterable[pa.RecordBatch],
    source: LongColumns,
    columns: Sequence[str],
    report: SourceReport,
    *,
    name: str,
    first_row_only: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of adjacent rows with the same sequence id, as batches of the corpus schema.

    `rows` hold strings under the source's column names; the order column may have any type that sorts.
    Document, split and further columns are those of a sequence's first row. With `first_row_only` a blank
    sequence id means the one above. Rows of one sequence that are not adjacent become two sequences with
    the same id, which validation finds.

    Raises:
        CorpusFormatError: the very first row has no sequence id with `first_row_only`. No rows yield nothing.
    """
    report.assume("rows", "one token each")
    n_rows = n_sequences = 0
    numeric: bool | None = None  # does the order column hold numbers? Its first row decides
    for chunk in _whole_sequences(rows, source.sequence_column, report, name, first_row_only):
        if numeric is None and source.order_column is not None:
            numeric = _is_numeric(chunk[source.order_column])
        batch = _sequences(chunk, source, columns, report, name, n_rows, n_sequences, bool(numeric))
        n_rows += chunk.num_rows
        n_sequences += batch.num_rows
        yield batch


def _whole_sequences(
    rows: Iterable[pa.RecordBatch], column: str, report: SourceReport, name: str, first_row_only: bool
) -> Iterator[pa.RecordBatch]:
    """Cut the rows anew, between two sequences, with the sequence id in every row."""
    pending: list[pa.RecordBatch] = []
    last: str | None = None
    for received in rows:
        if received.num_rows == 0:
            continue
        number = received.schema.get_field_index(column)
        ids = stripped(received.column(number), "sequence ids", report)
        ids = _sequence_ids(ids, last, name, first_row_only)
        batch = received.set_column(number, column, ids)
        starts = _starts(ids, last)
        last = ids[-1].as_py()
        if len(starts):
            cut = int(starts[-1])
            pending.append(batch.slice(0, cut))
            if any(part.num_rows for part in pending):
                yield _joined(pending)
            pending = [batch.slice(cut)]
        else:
            pending.append(batch)
    if pending:
        yield _joined(pending)


def _sequence_ids(ids: pa.StringArray, last: str | None, name: str, first_row_only: bool) -> pa.StringArray:
    if not first_row_only:
        return pc.fill_null(ids, "")
    blank = pc.fill_null(pc.equal(ids, ""), True)
    filled = pc.fill_null_forward(pc.if_else(blank, None, ids))
    if filled.null_count and last is None:
        raise CorpusFormatError(
            f"{name}: row 1: a sequence id was required in the first row. Received: a blank"
        )
    return pc.fill_null(filled, last) if filled.null_count else filled


def _starts(ids: pa.StringArray, last: str | None) -> Positions:
    """Return the rows whose id differs from the one above; `last` stands above the first."""
    changes = pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1)).to_numpy(zero_copy_only=False)
    return np.flatnonzero(np.concatenate([[ids[0].as_py() != last], changes]))


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.concat_batches(parts)


def _sequences(
    rows: pa.RecordBatch,
    source: LongColumns,
    columns: Sequence[str],
    report: SourceReport,
    name: str,
    rows_before: int,
    sequences_before: int,
    numeric: bool,
) -> pa.RecordBatch:
    ids = rows[source.sequence_column]
    firsts = _starts(ids, None)
    offsets = np.append(firsts, rows.num_rows)
    broken: list[tuple[Positions, str | pa.StringArray]] = [
        (np.flatnonzero(pc.equal(ids, "")), "a sequence id was required. Received: none")
    ]
    if isinstance(source, TableSource):
        broken += [_line_breaks(rows[column], column) for column in (source.token_column, source.tag_column)]
    if source.order_column is not None:
        key = _sort_key(rows[source.order_column], numeric)
        kind = "a number" if numeric else "a value"
        unknown = pc.is_null(key, nan_is_null=True).to_numpy(zero_copy_only=False)
        broken.append((np.flatnonzero(unknown), f"{kind} was required in column '{source.order_column}'"))
        rows = _in_order(rows, key, offsets, name)

    def places(row: Positions) -> pa.StringArray:
        return labelled(name, rows_before + 1 + row, mark=": row ")

    def of_first_row(column: str | None) -> pa.StringArray | None:
        return rows[column].take(pa.array(firsts)) if column in rows.schema.names else None

    numbered = labelled(name, sequences_before + 1 + np.arange(len(firsts)), mark="#")
    given = ids.take(pa.array(firsts))
    return corpus_batch(
        columns,
        report,
        ids=given,
        numbered=numbered,
        documents=of_first_row(source.document_column),
        splits=of_first_row(source.split_column),
        tokens=lists(offsets, rows[source.token_column]),
        tags=lists(offsets, rows[source.tag_column]),
        places=places(firsts),
        defects=first_defects(offsets, broken, places),
        further={column: value for column in columns if (value := of_first_row(column)) is not None},
    )


def _line_breaks(cells: pa.StringArray, column: str) -> tuple[Positions, pa.StringArray]:
    """Return the cells that hold a line break: as a rule a bare quote opened them and took rows in."""
    where = np.flatnonzero(pc.match_substring_regex(cells, r"[\r\n]"))
    shown = [repr(cell)[:80] for cell in cells.take(pa.array(where)).to_pylist()]
    required = f"one line was required in column '{column}'; where quotes are tokens, set quote = \"\"."
    return where, pa.array([f"{required} Received: {cell}" for cell in shown], pa.string())


def _is_numeric(order: pa.Array) -> bool:
    return pa.types.is_string(order.type) and bool(pc.match_substring_regex(order[0], _NUMBER).as_py())


def _sort_key(order: pa.Array, numeric: bool) -> pa.Array:
    """Return what to sort by; null where a row has no place."""
    if not numeric:
        return order
    fits = pc.match_substring_regex(order, _NUMBER)
    exact = pc.replace_substring_regex(order, r"\.([0-9]{0,18})[0-9]*$", r".\1")
    return pc.cast(pc.if_else(fits, exact, None), _EXACT)


def _in_order(rows: pa.RecordBatch, key: pa.Array, offsets: Positions, name: str) -> pa.RecordBatch:
    """Return the rows sorted by `key` within each sequence; equal keys keep their order."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    try:
        falls = pc.fill_null(pc.less(key.slice(1), key.slice(0, len(key) - 1)), True)
        if not (falls.to_numpy(zero_copy_only=False) & (owner[1:] == owner[:-1])).any():
            return rows
        both = pa.table({"owner": owner, "key": key})
        order = pc.sort_indices(both, [("owner", "ascending"), ("key", "ascending")])
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise CorpusFormatError(
            f"{name}: an order column that can be sorted was required. Received: {key.type}"
        ) from error
    return rows.take(order)


def _listed(noun: str, names: Sequence[str]) -> str:
    quoted = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    return f"{noun}{'' if len(names) == 1 else 's'} {quoted or '(none)'}"
