"""Predictions for a split, streamed to Parquet for scoring."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import SchemeName
from seqtag.corpus.schema import SPLIT
from seqtag.errors import BundleError
from seqtag.evaluation import Cost
from seqtag.evaluation.predictions import (
    CONFIDENCE,
    PREDICTED,
    SEEN,
    SPAN_CONFIDENCE,
    TESTED,
    TOKENS,
    UNKNOWN,
    predictions_schema,
)
from seqtag.features import SEEN as SEEN_FILE
from seqtag.features import TESTED as TESTED_FILE
from seqtag.features import SequenceHashes
from seqtag.io.row_groups import read_row_groups
from seqtag.neural.inference.tagger import Tagger
from seqtag.subprocess_runner import peak_memory
from seqtag.tagging import convert_tags

_TIMED_SEQUENCES, _TIMED_ROUNDS = 512, 5  # speed is the best of several rounds over the first sequences

_log = logging.getLogger(__name__)


def write_predictions(bundle: Path, split: Path, predictions: Path, *, scheme: SchemeName) -> Cost:
    """Tag a split file with a bundle, one row group at a time; return the tagger's size, speed and memory.

    Writes the columns of the split except `split`, in the same order of sequences. The gold tags are followed
    by `predicted`, `confidence`, `span_confidence` and `unknown`. The last columns are `seen`, True for
    sequences of the model's train or dev split, and `tested`, True for sequences of its test split.

    Args:
        bundle: folder of the bundle.
        split: Parquet file of the split.
        predictions: Parquet file to write.
        scheme: tag scheme of the split; the bundle's tags are converted to it.

    Raises:
        BundleError: the bundle was changed since it was written, reads columns that the split lacks, or only
            one of bundle and split has spans.
        RunDirError: a file could not be read; a retry may succeed.
    """
    tagger = Tagger.load(bundle)
    output_scheme = tagger.bundle.output_scheme
    if (output_scheme == "none") != (scheme == "none"):
        raise BundleError(
            f"{bundle}: tag scheme {output_scheme} of the bundle cannot be converted to {scheme}, that of "
            f"{split}"
        )
    missing = set(tagger.columns.names) - set(pq.read_schema(split).names)
    if missing:
        raise BundleError(
            f"{bundle}: the model reads columns of tokens that {split} lacks: {', '.join(sorted(missing))}"
        )
    started, n_tokens = time.perf_counter(), 0
    schema = predictions_schema(pq.read_schema(split), without=SPLIT)
    schema = schema.append(pa.field(SEEN, pa.bool_())).append(pa.field(TESTED, pa.bool_()))
    seen, tested = (_hashes_in(bundle / name) for name in (SEEN_FILE, TESTED_FILE))
    with pq.ParquetWriter(predictions, schema, compression="zstd") as writer:
        for _, batch in read_row_groups([split]):
            found = {SEEN: _are_in(batch, seen), TESTED: _are_in(batch, tested)}
            writer.write_batch(_tagged(batch, tagger, schema, scheme=scheme, found=found))
            n_tokens += len(batch.column(TOKENS).flatten())
    seconds = time.perf_counter() - started
    _log.info("tag: %s tokens in %.1f s, %s tokens/s", f"{n_tokens:,}", seconds, f"{n_tokens / seconds:,.0f}")
    return Cost(
        size=sum((bundle / name).stat().st_size for name in tagger.bundle.files),
        seconds=_seconds(tagger, split),
        memory=peak_memory(),
    )


def _seconds(tagger: Tagger, split: Path) -> float:
    """Return the CPU seconds to tag 1,000 tokens, the best of several rounds over a split's first sequences.

    Loading and compiling are not included. This is CPU time of all threads, because wall-clock times of equal
    models differed by a factor of 4 on a busy machine.
    """
    with pq.ParquetFile(split, pre_buffer=False) as source:
        batch = next(source.iter_batches(_TIMED_SEQUENCES, columns=[TOKENS, *tagger.columns.names]), None)
    n_tokens = 0 if batch is None else len(batch.column(TOKENS).flatten())
    if batch is None or not n_tokens:
        return 0.0
    rounds = []
    for _ in range(_TIMED_ROUNDS):
        started = time.process_time()
        tagger.tag(batch.column(TOKENS), _columns(batch, tagger))
        rounds.append(time.process_time() - started)
    return 1000 * min(rounds) / n_tokens


def _columns(batch: pa.RecordBatch, tagger: Tagger) -> dict[str, pa.ListArray]:
    return {name: batch.column(name) for name in tagger.columns.names}


def _tagged(
    batch: pa.RecordBatch,
    tagger: Tagger,
    schema: pa.Schema,
    *,
    scheme: SchemeName,
    found: Mapping[str, pa.BooleanArray],
) -> pa.RecordBatch:
    tagged = tagger.tag(batch.column(TOKENS), _columns(batch, tagger))
    predicted = convert_tags(tagged.predicted, tagger.bundle.output_scheme, scheme)
    new = {
        PREDICTED: predicted,
        CONFIDENCE: tagged.confidence,
        SPAN_CONFIDENCE: tagged.span_confidence,
        UNKNOWN: tagged.unknown,
        **found,
    }
    columns = [new[name] if name in new else batch.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _hashes_in(path: Path) -> SequenceHashes | None:
    """Return the hashes in a file of a bundle, None if an older version wrote none."""
    return SequenceHashes.read(path) if path.exists() else None


def _are_in(batch: pa.RecordBatch, hashes: SequenceHashes | None) -> pa.BooleanArray:
    """Return True for sequences whose hashes are known; all null if none are."""
    return pa.nulls(len(batch), pa.bool_()) if hashes is None else pa.array(hashes.hold(batch))
