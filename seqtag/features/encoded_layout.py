"""File names, schemas and tables of the vocabulary folder and of encoded splits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.errors import RunDirError

WORDS = "words.parquet"
CHARACTERS = "characters.parquet"
TAGS = "tags.json"
WORD_TYPES = "word_types.parquet"
VECTORS = "vectors.parquet"
COLUMNS = "columns.json"
SEEN = "seen.parquet"
TESTED = "tested.parquet"

VOCABULARY_DIGEST = b"seqtag.vocabulary"  # keys of the Parquet schema metadata
TAGS_DIGEST = b"seqtag.tags"
COLUMNS_DIGEST = b"seqtag.columns"
BUCKET = b"seqtag.bucket"
FOLD = b"seqtag.fold"

_BUCKET_FOLDER = "length={}"
_BUCKET_FILE = "part-0.parquet"

SYMBOLS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


def read_table(path: Path, holds: str) -> pa.Table:
    """Read a Parquet file of the vocabulary or of a split, with one chunk per column.

    Raises:
        RunDirError: the file is missing or is not Parquet.
    """
    try:
        return pq.read_table(path).combine_chunks()
    except (OSError, pa.ArrowInvalid) as error:
        raise RunDirError(f"{path}: {holds} are unreadable: expected Parquet, got {error}") from error


def bucket_file(split_folder: Path, bucket: int) -> Path:
    """Return the path of the windows that are padded to `bucket` tokens."""
    return split_folder / _BUCKET_FOLDER.format(bucket) / _BUCKET_FILE


def bucket_files(split_folder: Path) -> list[Path]:
    """Return the existing files, shortest bucket first."""
    found = split_folder.glob(_BUCKET_FOLDER.format("[0-9]*") + "/" + _BUCKET_FILE)
    found = (path for path in found if path.parent.name.partition("=")[2].isdecimal())
    return sorted(found, key=lambda path: int(path.parent.name.removeprefix(_BUCKET_FOLDER.format(""))))


def encoded_schema(
    bucket: int,
    *,
    vocabulary_digest: str,
    tags_digest: str,
    columns_digest: str = "",
    widths: Mapping[str, int] = MappingProxyType({}),
) -> pa.Schema:
    """Return the schema of the file of one bucket.

    row            int64           row of the sequence in the snapshot
    sequence       int64           position of the sequence in the split file, from 0
    start          int32           offset of the window in the sequence
    length         int32           real tokens in the window
    keep_start     int32           half-open range within the window whose predictions are kept
    keep_stop      int32
    weight         float32         weight of the sequence in the loss
    token_ids      int32[bucket]   right-padded with 0: ids of the vocabulary
    word_type_ids  int32[bucket]   right-padded with 0: ids of the split's word types, from 1
    tag_ids        int32[bucket]   right-padded with 0; -1 is a tag outside the index, -2 an untagged token
    column_ids     int32[bucket * n_ids]       right-padded with 0; further columns of each token
    column_values  float32[bucket * n_values]  right-padded with 0; further columns of each token

    The last two are there if the model reads columns with ids or values; `widths` has `n_ids` and `n_values`.
    Lists and elements are non-null: pyarrow 25 cannot read back a FixedSizeList column with a null row.
    """

    def lists(width: int, of: pa.DataType) -> pa.DataType:
        return pa.list_(pa.field("element", of, nullable=False), width)

    padded = lists(bucket, pa.int32())
    types = {"ids": pa.int32(), "values": pa.float32()}
    columns = {
        "row": pa.int64(),
        "sequence": pa.int64(),
        "start": pa.int32(),
        "length": pa.int32(),
        "keep_start": pa.int32(),
        "keep_stop": pa.int32(),
        "weight": pa.float32(),
        "token_ids": padded,
        "word_type_ids": padded,
        "tag_ids": padded,
        **{f"column_{name}": lists(bucket * width, types[name]) for name, width in widths.items()},
    }
    metadata = {VOCABULARY_DIGEST: vocabulary_digest, TAGS_DIGEST: tags_digest}
    if widths:
        metadata[COLUMNS_DIGEST] = columns_digest
    return pa.schema(
        [pa.field(name, type_, nullable=False) for name, type_ in columns.items()],
        metadata={**{key: value.encode() for key, value in metadata.items()}, BUCKET: str(bucket).encode()},
    )
