"""Conversion of one token per row to one sequence per row, for tables, long Parquet and SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.order_format import Cycle
from seqtag.config.source_columns import Labels, ListColumns, LongColumns, token_columns_of
from seqtag.config.source_config import TableSource
from seqtag.corpus.formats.adjacency import adjacent
from seqtag.corpus.formats.constant_columns import only_values, varies
from seqtag.corpus.formats.external_sort import MEMORY_BYTES, gathered
from seqtag.corpus.formats.order_keys import Kind
from seqtag.corpus.formats.ordering import with_keys
from seqtag.corpus.formats.quoting import blanks_before_quotes, line_breaks
from seqtag.corpus.formats.row_order import has_rise, in_order, out_of_order, session_starts
from seqtag.corpus.formats.sequence_rows import PART_ROWS, check_order, whole_sequences
from seqtag.corpus.formats.token_rows import DEFECT, KEY, identified, places_of, starts
from seqtag.corpus.record_batches import corpus_batch, first_defects, labelled, without_first_place
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import Positions
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import positions_of
from seqtag.tagging.ragged import relist

_FEWEST_ALONE = 10  # sequences, each of one row, for a warning
# Names of times that repeat, the moment when they restart, and the missing part.
_CYCLES: Mapping[Cycle, tuple[str, str, str]] = {
    "day": ("times of day", "midnight", "dates"),
    "month": ("days without a month", "the end of a month", "whole dates"),
    "year": ("dates without a year", "the end of a year", "years"),
}


def required_columns(source: LongColumns | ListColumns) -> list[str]:
    """Return the columns that each file or query of the source must have."""
    if isinstance(source, ListColumns):
        named = [source.tokens_column, source.tags_column, source.id_column]
    else:
        named = [source.sequence_column, source.order_column, source.token_column, source.tag_column]
    named += [source.document_column, source.split_column, *_token_columns(source)]
    return list(dict.fromkeys(name for name in named if name is not None))


def wanted_columns(
    source: LongColumns | ListColumns,
    columns: Sequence[str],
    present: Sequence[str],
    report: SourceReport,
    *,
    place: str,
) -> list[str]:
    """Return the required columns and those of `columns` that are present, and offer all to the report.

    Raises:
        CorpusFormatError: a required column is missing, or one of the columns is repeated.
    """
    required = required_columns(source)
    twice = [name for name in columns if present.count(name) > 1]
    _check_columns([*required, *twice], present, source, place=place)
    report.offer(present)
    return list(dict.fromkeys([*required, *(name for name in columns if name in present)]))


def _token_columns(source: Labels) -> list[str]:
    return list(token_columns_of(source).values())


def _check_columns(required: Sequence[str], present: Sequence[str], source: Labels, *, place: str) -> None:
    missing = [name for name in required if name not in present]
    wrong = missing or [name for name in required if present.count(name) > 1]
    if not wrong:
        return
    keys = [key for key in type(source).model_fields if key.endswith("_column")]
    named = {**{key: [getattr(source, key)] for key in keys}, "token_columns": _token_columns(source)}
    fix = (
        f"correct {', '.join(key for key, columns in named.items() if set(columns).intersection(wrong))}"
        if missing
        else "rename one"
    )
    similar = [
        f"{other!r} is there, not {name!r}"
        for name in wrong
        for other in dict.fromkeys(present)
        if other != name and _folded(other) == _folded(name)
    ]
    if similar:
        fix = f"{', '.join(similar[:20])}: write the names as in the file"
    defect = f"{'is' if len(wrong) == 1 else 'are'} {'missing' if missing else 'repeated'}"
    raise CorpusFormatError(
        f"{place}: {_listed('column', wrong)} {defect}: expected each once, got "
        f"{_listed('column', present)}; {fix}"
    )


def sequences_of_rows(
    rows: Iterable[pa.RecordBatch],
    source: LongColumns,
    columns: Sequence[str],
    report: SourceReport,
    *,
    name: str,
    memory_bytes: int = MEMORY_BYTES,
    in_parts: bool = False,
    part_rows: int = PART_ROWS,
) -> Iterator[pa.RecordBatch]:
    """Yield rows with the same sequence id as sequences, in batches of the corpus schema.

    A sequence whose rows name two documents or two splits is defective; rows that name none are ignored.
    Additional columns have the value of the sequence's first row. The rows of a sequence must be adjacent,
    unless the source declares them interleaved. Without rows, nothing is yielded.

    Args:
        rows: columns of strings named as in the source; the order column may have any sortable type.
        memory_bytes: of interleaved rows in memory before they are written to disk.
        in_parts: yield a sequence of more than `part_rows` rows in parts, of which all but the first have no
            place. Their rows must be in order. Sequences that pauses divide are held whole.

    Raises:
        CorpusFormatError: most rows have no sequence id, most ids return after rows of other ids, or the
            order column cannot be sorted.
    """
    rows = identified(rows, source, report, name=name)
    kinds: list[Kind] = []
    rows = with_keys(rows, source, columns, report, name=name, on_kind=kinds.append)
    if source.rows == "interleaved":
        report.assume("rows", f"one token each, interleaved, gathered by '{source.sequence_column}'")
        rows = gathered(rows, source.sequence_column, memory_bytes=memory_bytes)
    else:
        report.assume("rows", "one token each, those of a sequence adjacent")
        rows = adjacent(rows, source.sequence_column, report, name=name)
    counts = _RowCounts()
    in_parts = in_parts and source.session_gap_minutes is None
    chunks = whole_sequences(rows, source.sequence_column, part_rows=part_rows if in_parts else None)
    for chunk, is_part in chunks:
        if is_part:
            check_order(chunk, counts.last_key, source, name=name)
            counts = replace(counts, n_sequences=counts.n_sequences - 1)
        batch, counts = _sequences(chunk, source, columns, report, name, counts)
        yield without_first_place(batch) if is_part else batch
    if counts.n_resorted and kinds[0].cycle is not None:
        times, turn, needed = _CYCLES[kinds[0].cycle]
        report.warn(
            "times_run_backwards",
            f"{times} in column '{source.order_column}' run backwards in this sequence, which was "
            f"sorted by them: if it continues after {turn}, its order is wrong; set order_column to a column "
            f"with {needed}, or leave it out to keep the order of the rows",
            place=counts.first_resorted or name,
            count=counts.n_resorted,
        )
    elif source.rows != "interleaved" and counts.has_rise and counts.n_resorted > counts.n_longer / 2:
        report.warn(
            "order_disagrees",
            f"the order column '{source.order_column}' disagrees with the order of the rows in this sequence "
            f"(and in {counts.n_resorted:,} of {counts.n_longer:,} in all), which was sorted by the column; "
            "leave order_column out to keep the order of the rows",
            place=counts.first_resorted or name,
            count=counts.n_resorted,
        )
    if counts.n_sequences == counts.n_rows >= _FEWEST_ALONE:
        report.warn(
            "one_row_each",
            f"each of {counts.n_sequences:,} sequences has one row: column '{source.sequence_column}' seems "
            "to number rows; set sequence_column to what the rows of a sequence have in common",
            place=name,
        )
    for column in columns:
        if column in counts.varying:
            place, n_sequences = counts.varying[column]
            report.warn(
                f"varying_column:{column}",
                f"column '{column}' varies within a sequence; the first row's value is kept",
                place=place,
                count=n_sequences,
            )


@dataclass(frozen=True)
class _RowCounts:
    """Counts of the rows and sequences so far."""

    n_sequences: int = 0
    n_rows: int = 0
    n_longer: int = 0  # sequences of more than one row
    n_resorted: int = 0  # sequences whose rows were not in the order of their keys
    first_resorted: str | None = None  # place of the first of them
    has_rise: bool = False  # if not, all are in reverse, and not against the order column
    varying: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # column: first place, sequences
    last_key: pa.Scalar | None = None  # of the last row


def _sequences(
    rows: pa.RecordBatch,
    source: LongColumns,
    columns: Sequence[str],
    report: SourceReport,
    name: str,
    counts: _RowCounts,
) -> tuple[pa.RecordBatch, _RowCounts]:
    firsts = starts(rows[source.sequence_column], None)
    offsets = np.append(firsts, rows.num_rows)
    rows, counts = _sorted(rows, offsets, counts, name)
    ids = rows[source.sequence_column]
    documents = source.document_column
    if source.session_gap_minutes is not None:
        firsts, ids = session_starts(rows, offsets, ids, gap_minutes=source.session_gap_minutes)
        offsets = np.append(firsts, rows.num_rows)
        documents = documents or source.sequence_column
    defective = positions_of(rows[DEFECT].is_valid())
    broken: list[tuple[Positions, str | pa.StringArray]] = [
        (defective, rows[DEFECT].take(pa.array(defective)))
    ]
    if isinstance(source, TableSource):
        for column in (source.token_column, source.tag_column):
            broken.append(_line_breaks(rows[column], column))
            broken.append(_blanks_before_quotes(rows[column], column, source.quoting))

    places = partial(places_of, rows, name=name)

    def of_only_value(column: str | None, what: str) -> pa.StringArray | None:
        if column is None or column == source.sequence_column or column not in rows.schema.names:
            return of_first_row(column)
        values, where, texts = only_values(rows, column, offsets, what)
        broken.append((where, texts))
        return values

    def of_first_row(column: str | None) -> pa.StringArray | None:
        return rows[column].take(pa.array(firsts)) if column in rows.schema.names else None

    document_values = of_only_value(documents, "document")
    split_values = of_only_value(source.split_column, "split")
    batch = corpus_batch(
        columns,
        report,
        ids=ids.take(pa.array(firsts)),
        numbered=labelled(name, counts.n_sequences + 1 + np.arange(len(firsts)), mark="#"),
        documents=document_values,
        splits=split_values,
        tokens=relist(rows[source.token_column], offsets),
        tags=relist(rows[source.tag_column], offsets),
        places=places(firsts),
        defects=first_defects(offsets, broken, places),
        further={column: value for column in columns if (value := of_first_row(column)) is not None},
        token_columns={
            name: relist(rows[column].cast(pa.string()), offsets)
            for name, column in source.token_columns.items()
        },
    )
    varying = dict(counts.varying)
    for column in set(columns).intersection(rows.schema.names).difference(required_columns(source)):
        row, n_sequences = varies(rows[column], offsets)
        if n_sequences:
            place, before = varying.get(column, (places(np.array([row]))[0].as_py(), 0))
            varying[column] = (place, before + n_sequences)
    return batch, replace(
        counts,
        n_sequences=counts.n_sequences + len(firsts),
        n_rows=counts.n_rows + rows.num_rows,
        varying=varying,
        last_key=rows[KEY][-1] if KEY in rows.schema.names else None,
    )


def _sorted(
    rows: pa.RecordBatch, offsets: Positions, counts: _RowCounts, name: str
) -> tuple[pa.RecordBatch, _RowCounts]:
    """Return the rows of each sequence in the order of their keys."""
    if KEY not in rows.schema.names:
        return rows, counts
    resorted = out_of_order(rows, offsets)
    first = counts.first_resorted
    if first is None and len(resorted):
        first = places_of(rows, offsets[resorted[:1]], name=name)[0].as_py()
    counts = replace(
        counts,
        n_longer=counts.n_longer + int((np.diff(offsets) > 1).sum()),
        n_resorted=counts.n_resorted + len(resorted),
        first_resorted=first,
        has_rise=counts.has_rise or has_rise(rows, offsets),
    )
    return (in_order(rows, offsets, resorted) if len(resorted) else rows), counts


def _line_breaks(cells: pa.StringArray, column: str) -> tuple[Positions, pa.StringArray]:
    """Return the cells with a line break, and their defects."""
    where = line_breaks(cells)
    shown = [repr(cell)[:80] for cell in cells.take(pa.array(where)).to_pylist()]
    found = f"a line break is in column '{column}'; where quotes are ordinary tokens, set quote = \"\": "
    return where, pa.array([found + cell for cell in shown], pa.string())


def _blanks_before_quotes(cells: pa.StringArray, column: str, quote: str) -> tuple[Positions, pa.StringArray]:
    """Return the cells with blanks before a quote, and their defects."""
    where = blanks_before_quotes(cells, quote)
    shown = pc.utf8_slice_codeunits(cells.take(pa.array(where)), 0, 80)
    what = f"' in column '{column}'; remove them, or set quote = \"\" where quotes are ordinary tokens"
    return where, pc.binary_join_element_wise("blanks come before the quote of cell '", shown, what, "")


def _folded(name: str) -> str:
    return name.strip(WHITE_SPACE).casefold()


def _listed(noun: str, names: Sequence[str]) -> str:
    quoted = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    return f"{noun}{'' if len(names) == 1 else 's'} {quoted or '(none)'}"
