"""Validate a snapshot of sequences to tag: what cannot be tagged is quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import ReadColumn
from seqtag.corpus.schema import DEFECT, TOKENS
from seqtag.io.arrays import mask_of
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.quarantine import quarantine_schema, with_reasons
from seqtag.quality.sequence_table import has_empty_token, has_invalid_value
from seqtag.quality.snapshot_reader import CodedLists

RULES = ("broken_sequence", "empty_token", "invalid_value")  # those of a corpus that are not about tags


@dataclass(frozen=True)
class UntaggedCounts:
    """Sizes of a snapshot, with its quarantine."""

    n_sequences: int
    n_tokens: int
    n_quarantined: int  # sequences
    by_rule: dict[str, int]  # sequences that break each rule


def validate_untagged(
    parts: Sequence[Path], *, columns: Sequence[ReadColumn], quarantine: Path
) -> UntaggedCounts:
    """Write the sequences that cannot be tagged, as in the quarantine of a corpus, and count the rest.

    Args:
        parts: Parquet files of the snapshot in reading order.
        columns: columns of tokens that the model reads.
        quarantine: Parquet file to write.
    """
    n_sequences = n_tokens = n_quarantined = 0
    by_rule = np.zeros(len(RULES), np.int64)
    schema = quarantine_schema(pq.read_schema(parts[0]))
    with pq.ParquetWriter(quarantine, schema, compression="zstd") as writer:
        for first_row, batch in read_row_groups(parts):
            broken = _broken_rules(batch, columns)
            refused = np.flatnonzero(broken.any(axis=1))
            if len(refused):
                kept = batch.take(pa.array(refused))
                writer.write_batch(with_reasons(kept, first_row + refused, RULES, broken[refused], schema))
            n_sequences += len(batch)
            n_tokens += len(batch.column(TOKENS).flatten())
            n_quarantined += len(refused)
            by_rule += broken.sum(axis=0)
    return UntaggedCounts(
        n_sequences, n_tokens, n_quarantined, dict(zip(RULES, by_rule.tolist(), strict=True))
    )


def _broken_rules(batch: pa.RecordBatch, columns: Sequence[ReadColumn]) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_sequences, n_rules]`."""
    defective = mask_of(batch.column(DEFECT).is_valid())
    empty = has_empty_token(CodedLists.of(batch.column(TOKENS)))
    return np.stack([defective, empty, has_invalid_value(batch, columns)], axis=1)
