"""A split as a tagger sees it, streamed to Parquet for scoring."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import SchemeName
from seqtag.corpus.schema import SPLIT
from seqtag.errors import RunDirError
from seqtag.neural.tagger import Tagger
from seqtag.scoring import convert_tags
from seqtag.scoring.predictions import (
    CONFIDENCE,
    PREDICTED,
    SPAN_CONFIDENCE,
    TOKENS,
    UNKNOWN,
    predictions_schema,
)

_log = logging.getLogger(__name__)


def write_predictions(bundle: Path, split: Path, predictions: Path, *, scheme: SchemeName) -> None:
    """Tag a split file with a bundle, row group by row group.

    Writes the split's columns (without `split`, which is known) in the same order of sequences, with what
    the tagger says behind the gold tags: `predicted`, `confidence`, `span_confidence` and `unknown`.

    Args:
        scheme: of the split's tags; those of a bundle that was trained in another one are converted to it.

    Raises:
        RunDirError: the bundle is not what was written, or only one of bundle and split has spans.
    """
    tagger = Tagger.load(bundle)
    spoken = tagger.bundle.spoken
    if (spoken == "none") != (scheme == "none"):
        raise RunDirError(f"{bundle}: a model of tag scheme {scheme} was required. Received: one of {spoken}")
    started, n_tokens = time.perf_counter(), 0
    with pq.ParquetFile(split) as source:
        schema = predictions_schema(source.schema_arrow, without=SPLIT)
        with pq.ParquetWriter(predictions, schema, compression="zstd") as writer:
            for group in range(source.num_row_groups):
                for batch in source.read_row_group(group).to_batches():
                    writer.write_batch(_tagged(batch, tagger, schema, scheme))
                    n_tokens += len(batch.column(TOKENS).flatten())
    seconds = time.perf_counter() - started
    _log.info("tag: %s tokens in %.1f s, %s tokens/s", f"{n_tokens:,}", seconds, f"{n_tokens / seconds:,.0f}")


def _tagged(batch: pa.RecordBatch, tagger: Tagger, schema: pa.Schema, scheme: SchemeName) -> pa.RecordBatch:
    tagged = tagger.tag(batch.column(TOKENS))
    predicted = convert_tags(tagged.predicted, tagger.bundle.spoken, scheme)
    new = {
        PREDICTED: predicted,
        CONFIDENCE: tagged.confidence,
        SPAN_CONFIDENCE: tagged.span_confidence,
        UNKNOWN: tagged.unknown,
    }
    columns = [new[name] if name in new else batch.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
