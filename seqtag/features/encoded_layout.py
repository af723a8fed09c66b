"""Names and layout of what this package writes: the vocabulary folder and the encoded data set."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

WORDS = "words.parquet"
CHARACTERS = "characters.parquet"
TAGS = "tags.json"
WORD_TYPES = "forms.parquet"
VECTORS = "vectors.parquet"
SEEN = "seen.parquet"
TESTED = "tested.parquet"

VOCABULARY_DIGEST = b"seqtag.vocabulary"  # keys of the Parquet schema metadata
TAGS_DIGEST = b"seqtag.tags"
RUNG = b"seqtag.rung"
FOLD = b"seqtag.fold"

_RUNG_FOLDER = "length={}"
_RUNG_FILE = "part-0.parquet"

SYMBOLS_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False),
        pa.field("symbol", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


def bucket_file(split_folder: Path, bucket: int) -> Path:
    """Return where the windows padded to `bucket` tokens lie."""
    return split_folder / _RUNG_FOLDER.format(bucket) / _RUNG_FILE


def bucket_files(split_folder: Path) -> list[Path]:
    """Return the files that are there, shortest rung first."""
    found = split_folder.glob(_RUNG_FOLDER.format("[0-9]*") + "/" + _RUNG_FILE)
    found = (path for path in found if path.parent.name.partition("=")[2].isdecimal())
    return sorted(found, key=lambda path: int(path.parent.name.removeprefix(_RUNG_FOLDER.format(""))))


def encoded_schema(bucket: int, *, vocabulary_digest: str, tags_digest: str) -> pa.Schema:
    """Return the schema of one rung's file. Lists and elements are non-null: pyarrow 25 cannot read a
    FixedSizeList column with a null row back.

    row          int64         the sequence's row in the snapshot
    sequence     int64         its position in the split file, from 0
    start        int32         the window's offset in the sequence
    length       int32         real tokens in the window
    keep_start   int32         half-open range inside the window whose predictions count
    keep_stop    int32
    weight       float32       the sequence's in the loss
    token_ids    int32[rung]   right-padded with 0: ids of the vocabulary
    form_ids     int32[rung]   right-padded with 0: ids of the split's forms, from 1 (see `word_types`)
    tag_ids      int32[rung]   right-padded with 0; -1 is a tag outside the index, -2 one that nobody knows
    """
    padded = pa.list_(pa.field("element", pa.int32(), nullable=False), bucket)
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
    }
    return pa.schema(
        [pa.field(name, type_, nullable=False) for name, type_ in columns.items()],
        metadata={
            VOCABULARY_DIGEST: vocabulary_digest.encode(),
            TAGS_DIGEST: tags_digest.encode(),
            RUNG: str(bucket).encode(),
        },
    )
