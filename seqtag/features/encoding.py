"""Encoding of splits as padded Parquet: one file per length bucket, written in a stream."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import FeaturesConfig
from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.corpus.splits import ROW
from seqtag.errors import CorpusFormatError
from seqtag.features.column_index import NO_COLUMNS, ColumnIndex
from seqtag.features.encoded_layout import bucket_file, encoded_schema
from seqtag.features.split_reader import prefetched, row_groups
from seqtag.features.tag_index import UNTAGGED_ID, TagIndex
from seqtag.features.vocabulary import Vocabulary
from seqtag.features.windowing import padded, padded_rows, windows
from seqtag.features.word_types import WordTypeCounter
from seqtag.io.row_groups import RowGroupWriter
from seqtag.tagging.ragged import flatten

_CELLS_A_ROW_GROUP = 2**19  # tokens and padding of one column: 2 MiB in every bucket

_log = logging.getLogger(__name__)


def encode_corpus(
    splits: Mapping[str, Path],
    vocabulary: Vocabulary,
    tags: TagIndex,
    *,
    columns: ColumnIndex = NO_COLUMNS,
    config: FeaturesConfig,
    folder: Path,
    weight_column: str | None = None,
) -> None:
    """Write the padded ids and the word types of each split (see `encoded_layout`).

    The files are `folder/<split>/length=<bucket>/part-0.parquet` and `folder/<split>/word_types.parquet`.
    Memory grows with the distinct tokens of a split only. The bytes depend only on the sequences and their
    order.

    Args:
        weight_column: the column of train with the weights of its sequences; None: all weigh 1.

    Raises:
        CorpusFormatError: a weight is not a finite number of at least 0.
    """
    for split, path in splits.items():
        n_windows, word_types = 0, WordTypeCounter()
        column = weight_column if split == "train" else None  # weights matter in training only
        with ExitStack() as stack:
            files: dict[int, RowGroupWriter] = {}
            encoded = _encoded(
                path, vocabulary, tags, word_types, columns, config=config, weight_column=column
            )
            for table in prefetched(encoded):
                bucket = table.schema.field("token_ids").type.list_size
                if bucket not in files:
                    file = bucket_file(folder / split, bucket)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    files[bucket] = stack.enter_context(_bucket_writer(file, table.schema))
                files[bucket].append(table)
                n_windows += len(table)
        (folder / split).mkdir(exist_ok=True)
        word_types.save(folder / split)
        _log.info("encode: %s: %s windows in %d buckets", split, f"{n_windows:,}", len(files))


def _encoded(
    path: Path,
    vocabulary: Vocabulary,
    tags: TagIndex,
    word_types: WordTypeCounter,
    columns: ColumnIndex,
    *,
    config: FeaturesConfig,
    weight_column: str | None,
) -> Iterator[pa.Table]:
    """Yield the windows of one bucket of one row group at a time."""
    schemas = {
        bucket: encoded_schema(
            bucket,
            vocabulary_digest=vocabulary.digest,
            tags_digest=tags.digest,
            columns_digest=columns.digest,
            widths=columns.widths,
        )
        for bucket in config.bucket_lengths
    }
    first = 0
    read = [ROW, TOKENS, TAGS, *columns.names] + ([] if weight_column is None else [weight_column])
    for batch in prefetched(row_groups(path, read)):
        tokens, offsets = flatten(batch.column(TOKENS))
        token_ids, word_type_ids = vocabulary.ids(tokens), word_types.ids(tokens)
        tag_ids = _tag_ids(batch.column(TAGS), tags, lengths=np.diff(offsets))
        rows = batch.column(ROW).to_numpy()
        weights = _weights(batch, weight_column, path)
        of_tokens = columns.encoded(
            batch.column(TOKENS), {name: batch.column(name) for name in columns.names}
        )
        all_windows = windows(np.diff(offsets), buckets=config.bucket_lengths, overlap=config.window_overlap)
        for bucket in np.unique(all_windows.bucket).tolist():
            cut = all_windows.at(bucket)
            arrays = [
                rows[cut.sequence],
                cut.sequence + first,
                cut.start,
                cut.length,
                cut.keep_start,
                cut.keep_stop,
                weights[cut.sequence],
                *(
                    _fixed_size(padded(ids, cut, offsets=offsets, width=bucket), schemas[bucket])
                    for ids in (token_ids, word_type_ids, tag_ids)
                ),
                *(
                    _fixed_size(
                        padded_rows(rows_of, cut, offsets=offsets, width=bucket).reshape(len(cut), -1),
                        schemas[bucket],
                        f"column_{name}",
                    )
                    for name, rows_of in of_tokens.items()
                ),
            ]
            yield pa.table(arrays, schemas[bucket])
        first += len(batch)


def _weights(batch: pa.RecordBatch, column: str | None, path: Path) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_sequences]`."""
    if column is None:
        return np.ones(len(batch), np.float32)
    try:
        weights = pc.cast(batch.column(column), pa.float32()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise CorpusFormatError(f"{path}: column {column} is not numeric: {error}") from error
    wrong = ~(np.isfinite(weights) & (weights >= 0))  # a null is NaN here
    if wrong.any():
        row, received = batch.column(ROW)[int(np.argmax(wrong))], batch.column(column)[int(np.argmax(wrong))]
        raise CorpusFormatError(
            f"{path}: weight is invalid in column {column}: expected a finite number of at least 0, got "
            f"{received} (row {row})"
        )
    return weights


def _tag_ids(lists: pa.ListArray, tags: TagIndex, *, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return `<int32>[n_tokens]`, `UNTAGGED_ID` where the tag or all of its sequence is null."""
    values = lists.flatten()
    tag_ids = tags.ids(values)
    if values.null_count:
        tag_ids[values.is_null().to_numpy(zero_copy_only=False)] = UNTAGGED_ID
    if not lists.null_count:
        return tag_ids
    every = np.full(int(lengths.sum()), UNTAGGED_ID, dtype=np.int32)
    every[np.repeat(pc.is_valid(lists).to_numpy(zero_copy_only=False), lengths)] = tag_ids
    return every


def _fixed_size(rows: npt.NDArray[Any], schema: pa.Schema, name: str = "token_ids") -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), type=schema.field(name).type)


def _bucket_writer(path: Path, schema: pa.Schema) -> RowGroupWriter:
    ids = [f"{name}.list.element" for name in ("token_ids", "word_type_ids", "tag_ids")]
    return RowGroupWriter(
        path,
        schema,
        size=max(1, _CELLS_A_ROW_GROUP // schema.field("token_ids").type.list_size),
        use_dictionary=False,  # ids are dictionary indices already
        column_encoding=dict.fromkeys(ids, "BYTE_STREAM_SPLIT"),  # the high bytes are all zero
    )
