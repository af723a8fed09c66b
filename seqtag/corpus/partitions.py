"""Hive partitions: folders such as `split=train/` in a path, as columns of the sequences below them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_columns import FileSource, ListColumns, LongColumns, SpanColumns
from seqtag.corpus.schema import DOCUMENT_ID, SPLIT, corpus_schema, reader_schema
from seqtag.errors import CorpusFormatError

Partitions = Mapping[str, str | None]

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_PARTITION = re.compile(r"[^=]+=.*", re.DOTALL)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")


def is_partition(folder: str) -> bool:
    return _PARTITION.fullmatch(folder) is not None


def partitions(location: str) -> Partitions:
    """Return the partitions in a path, decoded from Hive's spelling; None is a missing value.

    >>> partitions("data/split=train/time=10%3A30/genre=__HIVE_DEFAULT_PARTITION__/x=1.conll")
    {'split': 'train', 'time': '10:30', 'genre': None}
    """
    folders = [folder.partition("=") for folder in location.split("/")[:-1] if is_partition(folder)]
    return {unquote(key): None if value in (_NO_VALUE, "") else unquote(value) for key, _, value in folders}


@dataclass(frozen=True)
class PathColumns:
    """The partitions of a file's path that its source uses, and the columns to request from the reader."""

    declared: FileSource  # as configured
    columns: tuple[str, ...]  # further columns of the corpus
    values: Partitions
    source: FileSource  # without the columns that the path gives
    requested: tuple[str, ...]  # further columns, including those of the path, which the file may also have

    def added_to(self, batch: pa.RecordBatch, *, name: str) -> pa.RecordBatch:
        """Return a batch of `reader_schema(columns)`, from one of `reader_schema(requested)`.

        Args:
            name: name of the file, for messages.

        Raises:
            CorpusFormatError: the file also has the column, with another value.
        """
        n = len(corpus_schema()) + len(self.requested)
        in_file = dict(zip(self.requested, batch.columns[len(corpus_schema()) : n], strict=True))
        arrays = dict(zip(corpus_schema(self.columns).names, batch.columns, strict=False))
        for column, value in self.values.items():
            if column in in_file:
                _check_agreement(column, value, in_file[column], name)
            values = pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
            if column in self.columns:
                arrays[column] = values
            if column == self.declared.split_column:
                arrays[SPLIT] = values
            if column == self.declared.document_column and value is not None:
                arrays[DOCUMENT_ID] = values
        schema = reader_schema(self.columns, batch.schema.names[n:-1])  # of tokens; the last: places
        return pa.RecordBatch.from_arrays([*arrays.values(), *batch.columns[n:]], schema=schema)


def path_columns(source: FileSource, location: str, columns: Sequence[str], *, name: str) -> PathColumns:
    """Return the columns that a file's path gives.

    Raises:
        CorpusFormatError: split_column or document_column is not a partition, and the format has no such
            columns.
    """
    found = partitions(location)
    own = {key: getattr(source, key) for key in ("split_column", "document_column")}
    for key, column in own.items():
        if column is not None and column not in found and not _has_columns(source):
            raise CorpusFormatError(
                f"{name}: no folder '{column}=...' in the path: {key} = \"{column}\" needs one in a "
                f"format without named columns; found {_shown(found)}"
            )
    wanted = {*own.values(), *columns}
    values = {column: value for column, value in found.items() if column in wanted}
    kept = {key: None if column in values else column for key, column in own.items()}
    further = [column for column in own.values() if column in values] if _has_columns(source) else []
    return PathColumns(
        declared=source,
        columns=tuple(columns),
        values=values,
        source=source.model_copy(update=kept),
        requested=tuple(dict.fromkeys([*columns, *further])),
    )


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
    """Return whether files of this format have named columns."""
    return isinstance(source, LongColumns | ListColumns | SpanColumns)


def _shown(found: Partitions) -> str:
    return ", ".join(f"'{key}={value}'" for key, value in found.items()) or "none"
