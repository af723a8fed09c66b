"""Write a corpus as Parquet, identified by a hash of its content."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.corpus.schema import TOKENS

CHUNK_SEQUENCES = 16_384  # a row group ends with the sequence that reaches either limit
CHUNK_TOKENS = 1 << 18
PART_CHUNKS = 4  # row groups per file: about a million tokens

log = logging.getLogger(__name__)


def write_corpus(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path) -> str:
    """Write `part-00000.parquet` and so on into `folder`; return the snapshot id.

    Files and id depend only on the sequences and the schema, not on their batches.

    Returns:
        16 hexadecimal digits of a sha256 of all values in order.
    """
    digest = hashlib.sha256(str([(field.name, str(field.type)) for field in schema]).encode())
    n_sequences = n_tokens = 0
    with ExitStack() as open_part:
        for number, chunk in enumerate(_chunks(batches, schema)):
            if number % PART_CHUNKS == 0:
                open_part.close()
                part = folder / f"part-{number // PART_CHUNKS:05d}.parquet"
                writer = open_part.enter_context(pq.ParquetWriter(part, schema, compression="zstd"))
            writer.write_batch(chunk, row_group_size=max(chunk.num_rows, 1))
            for column in chunk.columns:
                _add_values(digest, column)
            n_sequences += chunk.num_rows
            n_tokens += len(chunk[TOKENS].flatten())
    snapshot_id = digest.hexdigest()[:16]
    log.info("wrote corpus %s: %d sequences, %d tokens", snapshot_id, n_sequences, n_tokens)
    return snapshot_id


def _chunks(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Regroup batches into chunks whose bounds depend only on the sequences; yield at least one chunk."""
    pending: list[pa.RecordBatch] = []
    n_sequences = n_tokens = n_chunks = 0  # the first two: in `pending`
    for batch in batches:
        rest = batch
        while rest.num_rows:
            size = _rows_until_full(rest, CHUNK_SEQUENCES - n_sequences, CHUNK_TOKENS - n_tokens)
            head, rest = rest.slice(0, size), rest.slice(size)
            pending.append(head)
            n_sequences += head.num_rows
            n_tokens += len(head[TOKENS].flatten())
            if n_sequences >= CHUNK_SEQUENCES or n_tokens >= CHUNK_TOKENS:
                yield pa.concat_batches(pending)
                pending, n_sequences, n_tokens = [], 0, 0
                n_chunks += 1
    if pending:
        yield pa.concat_batches(pending)
    elif n_chunks == 0:
        yield pa.RecordBatch.from_pylist([], schema)


def _rows_until_full(batch: pa.RecordBatch, n_sequences: int, n_tokens: int) -> int:
    """Return the number of rows that reach `n_tokens`, at most `n_sequences` and at most all."""
    running = np.cumsum(pc.list_value_length(batch[TOKENS]).to_numpy())
    return int(min(np.searchsorted(running, n_tokens) + 1, n_sequences, batch.num_rows))


def _add_values(digest: hashlib._Hash, values: pa.Array) -> None:
    """Hash the values of an array: which are null, their lengths, and their content.

    Its buffers are not hashed: those of equal arrays may differ in offsets, in padding and behind nulls.
    """
    is_list = pa.types.is_list(values.type)
    lengths = pc.list_value_length(values) if is_list else pc.binary_length(values)
    digest.update(pc.fill_null(lengths, -1).to_numpy().tobytes())
    if is_list:
        _add_values(digest, values.flatten())
        return
    present = values.drop_null() if values.null_count else values
    _, offsets, data = present.buffers()
    bounds = np.frombuffer(offsets, np.int32)[[present.offset, present.offset + len(present)]]
    if data is not None:
        digest.update(memoryview(data)[bounds[0] : bounds[1]])
