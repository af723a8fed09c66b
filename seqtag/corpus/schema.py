"""The one Arrow schema that every source becomes."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

SEQUENCE_ID = "sequence_id"
DOCUMENT_ID = "document_id"
SPLIT = "split"
TOKENS = "tokens"
TAGS = "tags"
DEFECT = "defect"
PLACE = "(place)"  # no further column of a corpus is likely to have this name


def reader_schema(columns: Sequence[str] = ()) -> pa.Schema:
    """Return what readers give: the corpus schema, and behind it the place where each sequence begins.

    The place ("train.conll:17") is kept beside the snapshot, not in it.
    """
    return corpus_schema(columns).append(pa.field(PLACE, pa.string()))


def place_of(batch: pa.RecordBatch, row: int, *, name: str) -> str:
    """Return where a sequence of a reader's batch begins, else the name of its source and its id."""
    place = batch[PLACE][row].as_py() if PLACE in batch.schema.names else None
    return place or f"{name}: sequence {batch[SEQUENCE_ID][row].as_py()!r}"


def corpus_schema(columns: Sequence[str] = ()) -> pa.Schema:
    """Return the corpus schema with `columns` as further nullable strings behind it.

    sequence_id   string        given by the source, else `<file name>#<number from 1>`
    document_id   string        what a split must not tear apart; given, else a hash of the content
    split         string?       train, dev or test where the source says so
    tokens        list<string?>
    tags          list<string?>?
    defect        string?       null: sound. Else what the reader found broken, with file and line
    """
    return pa.schema(
        [
            pa.field(SEQUENCE_ID, pa.string(), nullable=False),
            pa.field(DOCUMENT_ID, pa.string(), nullable=False),
            pa.field(SPLIT, pa.string()),
            pa.field(TOKENS, pa.list_(pa.string()), nullable=False),
            pa.field(TAGS, pa.list_(pa.string())),
            pa.field(DEFECT, pa.string()),
            *(pa.field(name, pa.string()) for name in columns),
        ]
    )
