"""A part of a snapshot as a tagger tags it: the sequences with their predictions, and their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.corpus.schema import DEFECT, SPLIT, TAGS, TOKENS
from seqtag.evaluation.predictions import CONFIDENCE, PREDICTED
from seqtag.io.row_groups import read_row_groups
from seqtag.neural.inference.predicted_spans import SPANS, predicted_spans
from seqtag.neural.inference.tagger import Tagger
from seqtag.records import Record

PREDICTED_SPANS = "predicted_spans"
VERSION = "model_version"
_LEFT_OUT = (SPLIT, TAGS, DEFECT)  # of the snapshot


@dataclass(frozen=True)
class TaggedCounts(Record):
    """counts.json: sizes of a tagged part."""

    FORMAT: ClassVar[str] = "tagged-part/1"

    n_sequences: int
    n_tokens: int
    n_unknown: int  # tokens that are not in the vocabulary
    confidence: float  # sum over the tokens
    tags: Mapping[str, int]  # tokens of each predicted tag


def write_tagged_part(
    tagger: Tagger, part: Path, file: Path, *, version: str, refused: npt.NDArray[np.int64]
) -> TaggedCounts:
    """Tag a part, one row group at a time, and write it as Parquet with row groups of the same sequences.

    The columns are those of the snapshot without split, tags and defect, then `predicted`, `confidence`,
    `predicted_spans` if the tags have a scheme, and `model_version`.

    Args:
        part: Parquet file of a snapshot.
        file: file to write.
        version: the tagger's version in the registry.
        refused: rows of the part that are left out, ascending.
    """
    n_sequences = n_tokens = n_unknown = 0
    confidence = 0.0
    tags: Counter[str] = Counter()
    has_spans = tagger.bundle.output_scheme != "none"
    schema = _schema(pq.read_schema(part), has_spans=has_spans)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for first_row, batch in read_row_groups([part]):
            is_kept = ~np.isin(first_row + np.arange(len(batch)), refused)
            batch = batch.filter(pa.array(is_kept))
            tokens = batch.column(TOKENS)
            tagged = tagger.tag(tokens, {name: batch.column(name) for name in tagger.columns.names})
            added = {
                PREDICTED: tagged.predicted,
                CONFIDENCE: tagged.confidence,
                VERSION: pa.repeat(version, len(batch)),
            }
            if has_spans:
                added[PREDICTED_SPANS] = predicted_spans(
                    tagged.predicted, tagged.span_confidence, tagger.bundle.output_scheme
                )
            columns = [added[name] if name in added else batch.column(name) for name in schema.names]
            writer.write_batch(
                pa.RecordBatch.from_arrays(columns, schema=schema), row_group_size=max(len(batch), 1)
            )
            n_sequences += len(batch)
            n_tokens += len(tokens.flatten())
            n_unknown += int(np.count_nonzero(tagged.unknown.flatten()))
            confidence += float(pc.sum(tagged.confidence.flatten().cast(pa.float64())).as_py() or 0.0)
            counted = pc.value_counts(tagged.predicted.flatten())
            tags.update(dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True)))
    return TaggedCounts(n_sequences, n_tokens, n_unknown, confidence, dict(sorted(tags.items())))


def _schema(snapshot: pa.Schema, *, has_spans: bool) -> pa.Schema:
    added = [
        pa.field(PREDICTED, pa.list_(pa.string())),
        pa.field(CONFIDENCE, pa.list_(pa.float32())),
        *([pa.field(PREDICTED_SPANS, SPANS)] if has_spans else []),
        pa.field(VERSION, pa.string()),
    ]
    return pa.schema([*(field for field in snapshot if field.name not in _LEFT_OUT), *added])
