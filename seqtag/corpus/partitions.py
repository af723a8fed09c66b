"""Hive partitions: folders `split=train/` of a path as columns of the sequences below them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.sources import ConllSource, ConlluSource, FileSource, ParallelSource
from seqtag.corpus.schema import DOCUMENT_ID, SPLIT, corpus_schema, reader_schema
from seqtag.errors import CorpusFormatError

Partitions = Mapping[str, str | None]

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_PARTITION = re.compile(r"[^=]+=.*", re.DOTALL)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")


def is_partition(folder: str) -> bool:
    return _PARTITION.fullmatch(folder) is not None


def partitions(location: str) -> Partitions:
    """Return the partitions among the folders of a path, decoded as Hive writes them; None is no value.

    >>> partitions("data/split=train/time=10%3A30/genre=__HIVE_DEFAULT_PARTITION__/x=1.conll")
    {'split': 'train', 'time': '10:30', 'genre': None}
    """
    folders = [folder.partition("=") for folder in location.split("/")[:-1] if is_partition(folder)]
    return {unquote(key): None if value in (_NO_VALUE, "") else unquote(value) for key, _, value in folders}


def named_partitions(source: FileSource, location: str, columns: Sequence[str], *, name: str) -> Partitions:
    """Return those partitions of a file's path that the source or `columns` names.

    Raises:
        CorpusFormatError: split_column or document_column of a format without such columns is no partition.
    """
    found = partitions(location)
    for key in ("split_column", "document_column"):
        column = getattr(source, key)
        if column is not None and column not in found and not _has_columns(source):
            raise CorpusFormatError(
                f"{name}: no folder '{column}=...' in the path, as {key} = \"{column}\" expects of a format "
                f"without columns of that name; found {_shown(found)}"
            )
    wanted = {source.split_column, source.document_column, *columns}
    return {column: value for column, value in found.items() if column in wanted}


def without_partitions(
    source: FileSource, columns: Sequence[str], known: Partitions
) -> tuple[FileSource, list[str]]:
    """Return what to ask a reader for, a source and further columns, where some columns are partitions.

    A column of the source that is a partition becomes a further one, which a file may lack.
    """
    own = {key: getattr(source, key) for key in ("split_column", "document_column")}
    further = [column for column in own.values() if column in known] if _has_columns(source) else []
    kept = {key: None if column in known else column for key, column in own.items()}
    return source.model_copy(update=kept), list(dict.fromkeys([*columns, *further]))


def with_partitions(
    batch: pa.RecordBatch,
    source: FileSource,
    columns: Sequence[str],
    known: Partitions,
    *,
    asked: Sequence[str],
    name: str,
) -> pa.RecordBatch:
    """Return a batch of `reader_schema(columns)` with the values of partitions in their columns.

    Args:
        batch: of `reader_schema(asked)`.
        name: of the file, for messages.

    Raises:
        CorpusFormatError: a column is in the file as well, with another value.
    """
    in_file = dict(zip(asked, batch.columns[len(corpus_schema()) : -1], strict=True))
    arrays = dict(zip(corpus_schema(columns).names, batch.columns, strict=False))
    for column, value in known.items():
        if column in in_file:
            _check_agreement(column, value, in_file[column], name)
        values = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
        if column in columns:
            arrays[column] = values
        if column == source.split_column:
            arrays[SPLIT] = values
        if column == source.document_column and value is not None:
            arrays[DOCUMENT_ID] = values
    return pa.RecordBatch.from_arrays([*arrays.values(), batch.columns[-1]], schema=reader_schema(columns))


def _check_agreement(column: str, value: str | None, in_file: pa.StringArray, name: str) -> None:
    for found in pc.unique(in_file.drop_null()).to_pylist():
        if found != value and not _same_number(found, value):
            raise CorpusFormatError(
                f"{name}: column '{column}' contradicts the path: {found!r} in the file, {_quoted(value)} in "
                "the folder; move the rows, or rename the folder"
            )


def _same_number(one: str, other: str | None) -> bool:
    return other is not None and all(map(_WHOLE_NUMBER.fullmatch, (one, other))) and int(one) == int(other)


def _quoted(value: str | None) -> str:
    return "no value" if value is None else repr(value)


def _has_columns(source: FileSource) -> bool:
    """Tell whether files of this format name their columns."""
    return not isinstance(source, ConllSource | ConlluSource | ParallelSource)


def _shown(found: Partitions) -> str:
    return ", ".join(f"'{key}={value}'" for key, value in found.items()) or "none"
