"""The Arrow schema of a corpus, common to all sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

SEQUENCE_ID = "sequence_id"
DOCUMENT_ID = "document_id"
SPLIT = "split"
TOKENS = "tokens"
TAGS = "tags"
DEFECT = "defect"
PLACE = "(place)"  # unlikely to be the name of a further column


def reader_schema(columns: Sequence[str] = (), token_columns: Iterable[str] = ()) -> pa.Schema:
    """Return the schema of readers: the corpus schema, then the place where each sequence begins.

    The place ("train.conll:17") is stored next to the snapshot, not in it.
    """
    return corpus_schema(columns, token_columns).append(pa.field(PLACE, pa.string()))


def place_of(batch: pa.RecordBatch, row: int, *, name: str) -> str:
    """Return the place where a sequence of a batch begins, or if unknown, the source `name` and its id."""
    place = batch[PLACE][row].as_py() if PLACE in batch.schema.names else None
    return place or f"{name}: sequence {batch[SEQUENCE_ID][row].as_py()!r}"


def corpus_schema(columns: Sequence[str] = (), token_columns: Iterable[str] = ()) -> pa.Schema:
    """Return the corpus schema, followed by `columns` as strings and `token_columns` as lists of strings.

    A list of `token_columns` has one value for each token, null where a token has none; a null list means
    that no token of the sequence has a value.

    sequence_id   string        given by the source, else `<file name>#<number from 1>`
    document_id   string        unit that stays in one split; given, else a hash of its content
    split         string?       train, dev or test, if the source has splits
    tokens        list<string?>
    tags          list<string?>?
    defect        string?       null if sound, else the defect that the reader found, with file and line
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
            *(pa.field(name, pa.list_(pa.string())) for name in token_columns),
        ]
    )
