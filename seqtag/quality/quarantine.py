"""Second read: write refused sequences to quarantine.parquet and describe example violations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import SPLITS
from seqtag.corpus.schema import SPLIT, TAGS, TOKENS
from seqtag.corpus.splits import ROW
from seqtag.corpus.untagged import known_tags
from seqtag.io.row_groups import read_rows
from seqtag.quality.sequence_table import MeasuredCorpus, Splitter
from seqtag.quality.snapshot_reader import CodedLists
from seqtag.quality.violation_text import Requirements, Violation, describe
from seqtag.quality.violations import Rows, Violations, counterpart, first_examples

REASONS = "reasons"
EXAMPLES = 20  # per rule in the Data Docs
_BY_ANOTHER = {  # the row does not say which other sequence
    "duplicate_id": "another sequence has the same id",
    "conflicting_labels": "another sequence has the same tokens but different tags",
}


def quarantine_schema(corpus: pa.Schema) -> pa.Schema:
    """Return the schema of quarantine.parquet: row number, all reasons, then the original sequence."""
    reasons = pa.field(REASONS, pa.list_(pa.string()), nullable=False)
    return pa.schema([pa.field(ROW, pa.int64(), nullable=False), reasons, *corpus])


def quarantine(
    parts: Sequence[Path],
    measured: MeasuredCorpus,
    findings: Violations,
    *,
    refusing: Sequence[str],
    corpus: pa.Schema,
    splitter: Splitter,
    required: Requirements,
    file: Path,
) -> tuple[Violation, ...]:
    """Write the refused sequences to `file`, subtract them from the counters, and return example violations.

    Args:
        refusing: rules that refuse a sequence, in the order of its reasons.
    """
    examples = {
        rule: first_examples(measured.table, rule, rows, limit=EXAMPLES)
        for rule, rows in findings.rows.items()
    }
    shown = np.unique(np.concatenate([np.zeros(0, np.int64), *examples.values()]))
    violations: dict[tuple[str, int], Violation] = {}
    schema = quarantine_schema(corpus)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows, batch in read_rows(parts, np.union1d(np.flatnonzero(~findings.kept), shown)):
            is_refused = ~findings.kept[rows]
            refused = batch.filter(pa.array(is_refused))
            if len(refused):
                writer.write_batch(_with_reasons(rows[is_refused], refused, findings, refusing, schema))
                _subtract(refused, measured, splitter, mark=required.mark)
            violations |= _examples(rows, batch, measured, findings, examples, required)
    return tuple(violations[rule, row] for rule, rows in examples.items() for row in rows.tolist())


def quarantine_reason(sequence: Mapping[str, Any], required: Requirements) -> str:
    """Describe each defect of a quarantined sequence and the token it concerns, joined by "; ".

    Args:
        sequence: a row of quarantine.parquet.
        required: requirements it was checked against.
    """
    return "; ".join(
        _BY_ANOTHER.get(rule) or describe(rule, 0, sequence, other=None, required=required).finding
        for rule in sequence[REASONS]
    )


def _with_reasons(
    rows: Rows, refused: pa.RecordBatch, findings: Violations, refusing: Sequence[str], schema: pa.Schema
) -> pa.RecordBatch:
    broken = np.stack([_is_in(findings.rows[rule], rows) for rule in refusing], axis=1)
    return with_reasons(refused, rows, refusing, broken, schema)


def with_reasons(
    refused: pa.RecordBatch,
    rows: Rows,
    rules: Sequence[str],
    broken: npt.NDArray[np.bool_],
    schema: pa.Schema,
) -> pa.RecordBatch:
    """Return refused sequences as rows of `quarantine_schema`.

    Args:
        rows: `<int64>[n]`, their row numbers in the snapshot.
        rules: names of rules.
        broken: `<bool>[n, n_rules]`, the rules that each sequence breaks.
    """
    offsets = np.concatenate([[0], np.cumsum(broken.sum(axis=1))]).astype(np.int32)
    names = pa.array(rules, pa.string()).take(pa.array(np.nonzero(broken)[1]))
    reasons = pa.ListArray.from_arrays(pa.array(offsets), names)
    columns = [pa.array(rows), reasons, *(refused.column(field.name) for field in list(schema)[2:])]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _is_in(ascending: Rows, rows: Rows) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`: is the row among `ascending`?"""
    return np.searchsorted(ascending, rows, side="right") > np.searchsorted(ascending, rows, side="left")


def _subtract(
    refused: pa.RecordBatch, measured: MeasuredCorpus, splitter: Splitter, *, mark: str | None
) -> None:
    split = splitter.numbers(refused)
    measured.tags.add(CodedLists.of(known_tags(refused.column(TAGS), mark)), split, times=-1)
    measured.types.add(CodedLists.of(refused.column(TOKENS)), split, times=-1)


def _examples(
    rows: Rows,
    batch: pa.RecordBatch,
    measured: MeasuredCorpus,
    findings: Violations,
    examples: Mapping[str, npt.NDArray[np.int64]],
    required: Requirements,
) -> dict[tuple[str, int], Violation]:
    described = {}
    for rule, chosen in examples.items():
        for position in np.flatnonzero(_is_in(np.sort(chosen), rows)).tolist():
            row = int(rows[position])
            sequence: dict[str, Any] = batch.slice(position, 1).to_pylist()[0]
            sequence[SPLIT] = (
                SPLITS[measured.table.split[row]] if rule != "unknown_split" else sequence[SPLIT]
            )
            other = counterpart(measured.table, findings, rule, row)
            failing = findings.failing.get(rule)
            token = None if failing is None else failing.token(row)
            described[rule, row] = describe(rule, row, sequence, other=other, required=required, token=token)
    return described
