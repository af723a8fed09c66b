"""Tables of tokens and sequences in an SQLite file, which Great Expectations queries without loading them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import (
    SPLITS,
    ExpectationConfig,
    ExpectationTable,
    SchemeName,
    TagsConfig,
    table_definition,
)
from seqtag.corpus.schema import DOCUMENT_ID, SEQUENCE_ID, TAGS, TOKENS
from seqtag.corpus.token_values import number_texts, token_values
from seqtag.corpus.untagged import known_tags
from seqtag.io.row_groups import read_row_groups
from seqtag.quality.sequence_table import MeasuredCorpus
from seqtag.quality.violations import Mask, TableFindings
from seqtag.tagging.ragged import flatten
from seqtag.tagging.spans import spans_of
from seqtag.tagging.spelling import Spelling, respell

_TABLES: tuple[ExpectationTable, ...] = ("tokens", "sequences")
NO_TOKEN_COLUMNS: Mapping[str, str] = MappingProxyType({})
_PART = 100_000  # tokens whose failing rows are in memory together


def judge_tables(
    parts: Sequence[Path],
    measured: MeasuredCorpus,
    *,
    kept: Mask,
    expectations: Mapping[str, ExpectationConfig],
    columns: Sequence[str],
    token_columns: Mapping[str, str] = NO_TOKEN_COLUMNS,
    tags: TagsConfig,
    scheme: SchemeName,
    folder: Path,
) -> TableFindings:
    """Evaluate the expectations of the tagger's file on the kept sequences.

    Args:
        kept: `<bool>[n_sequences]`.
        expectations: by name, without those that are off.
        columns: further columns of the corpus.
        token_columns: columns of the tokens with their types in SQLite.
        folder: where the tables are for the time being; about 50 bytes a token.
    """
    from seqtag.quality.table_expectations import run_expectations  # imports Great Expectations

    with TemporaryDirectory(prefix="tables-", dir=folder) as scratch:
        file = Path(scratch, "corpus.sqlite")
        write_tables(
            file,
            parts,
            measured,
            kept=kept,
            columns=columns,
            token_columns=token_columns,
            mark=tags.mark,
            scheme=scheme,
        )
        ends = np.cumsum(measured.table.n_tokens, dtype=np.int64)
        cuts = np.searchsorted(ends, np.arange(_PART, int(ends[-1]), _PART))
        edges = np.unique([0, *cuts, len(ends)])
        return run_expectations(file, expectations, edges=edges.tolist())


def write_tables(
    file: Path,
    parts: Sequence[Path],
    measured: MeasuredCorpus,
    *,
    kept: Mask,
    columns: Sequence[str],
    token_columns: Mapping[str, str],
    mark: str | None,
    scheme: SchemeName,
) -> None:
    """Write the kept sequences of a snapshot to a new SQLite file, one row group at a time.

    Args:
        kept: `<bool>[n_sequences]`.
        columns: further columns of the corpus.
        token_columns: columns of the tokens with their types in SQLite.
        mark: the tag that means none.
    """
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")  # the file is read once and deleted
        for name in _TABLES:
            database.execute(table_definition(name, columns, token_columns))
        for first_row, batch in read_row_groups(parts):
            rows = first_row + np.flatnonzero(kept[first_row : first_row + len(batch)])
            sequences = batch.take(pa.array(rows - first_row))
            shared = [
                pa.array(rows),
                *(sequences.column(name) for name in (SEQUENCE_ID, DOCUMENT_ID)),
                pa.array(SPLITS).take(pa.array(measured.table.split[rows])),
            ]
            further = [sequences.column(name) for name in columns]
            tags = known_tags(sequences.column(TAGS), mark)
            n_tokens = pc.list_value_length(sequences.column(TOKENS))
            n_spans = _n_spans(tags, scheme, measured.spelling)
            _insert(database, "sequences", [*shared, n_tokens, n_spans, *further])
            _, offsets = flatten(sequences.column(TOKENS))
            values = [
                _stored(token_values(sequences.column(name), offsets), type_)
                for name, type_ in token_columns.items()
            ]
            of_tokens = _of_tokens(shared, sequences.column(TOKENS), tags, further)
            _insert(database, "tokens", [*of_tokens, *values])
        for name in _TABLES:
            database.execute(f'CREATE INDEX {name}_rows ON {name} ("row")')
        database.commit()


def _stored(texts: pa.StringArray, type_: str) -> pa.StringArray:
    """Return the values of a column of tokens for its type in SQLite."""
    return number_texts(texts) if type_ == "NUMERIC" else texts


def _of_tokens(
    shared: Sequence[pa.Array], tokens: pa.ListArray, tags: pa.ListArray, further: Sequence[pa.Array]
) -> list[pa.Array]:
    """Return the columns of the table of tokens; a sequence with another number of tags has none."""
    lengths = pc.list_value_length(tokens).to_numpy()
    n_tags = pc.fill_null(pc.list_value_length(tags), -1).to_numpy()
    owners = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    position = np.arange(len(owners)) - starts[owners]
    aligned = lengths == n_tags
    tag_starts = np.cumsum(np.maximum(n_tags, 0)) - np.maximum(n_tags, 0)
    places = pa.array(tag_starts[owners] + position, mask=~aligned[owners])
    repeated = pa.array(owners)
    return [
        *(column.take(repeated) for column in shared),
        pa.array(position + 1),
        tokens.flatten(),
        tags.flatten().take(places),
        *(column.take(repeated) for column in further),
    ]


def _n_spans(tags: pa.ListArray, scheme: SchemeName, spelling: Spelling) -> pa.Array:
    """Return `<int64>[n]`, null without a scheme; a token without a tag is outside all spans."""
    if scheme == "none":
        return pa.nulls(len(tags), pa.int64())
    offsets = np.append(0, np.cumsum(pc.fill_null(pc.list_value_length(tags), 0).to_numpy()))
    values = pc.fill_null(tags.flatten(), "O")
    respelled = respell(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values), spelling)
    spans = spans_of(respelled, scheme, mode="conlleval")
    return pa.array(np.bincount(spans.sequence, minlength=len(tags)))


def _insert(database: sqlite3.Connection, table: str, columns: Sequence[pa.Array]) -> None:
    marks = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", _rows(columns))  # noqa: S608 - a constant


def _rows(columns: Sequence[pa.Array], size: int = 10_000) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(columns[0]), size):
        yield from zip(*(column.slice(start, size).to_pylist() for column in columns), strict=True)
