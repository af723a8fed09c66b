"""Reader of folders that Hugging Face's `datasets` saves: Arrow streams, and names of classes in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pyarrow as pa

from seqtag.config.source_columns import Paths
from seqtag.config.source_config import DatasetsSource
from seqtag.corpus.class_names import names_in_features
from seqtag.corpus.files import InputFile, list_files, opened_seekable
from seqtag.corpus.formats.long import wanted_columns
from seqtag.corpus.formats.parquet import SEQUENCES, batch_of_lists, rows_with_names, tags_of
from seqtag.corpus.remote import is_storage_error, network_errors_classified
from seqtag.corpus.schema import SPLIT
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.formatting import first_line
from seqtag.io.arrays import with_column

INFO, SPLITS = "dataset_info.json", "dataset_dict.json"  # of a dataset, and of the folder of several
_FILES = "**/data*.arrow"  # not those of its cache


def stream_paths(folders: Paths) -> list[str]:
    """Return globs for the Arrow streams in folders, those of all splits."""
    return [f"{each.rstrip('/')}/{_FILES}" for each in ([folders] if isinstance(folders, str) else folders)]


def saved_streams(folder: str) -> tuple[InputFile, ...]:
    """Return the Arrow streams in a folder that `datasets` saved; none if it is no such folder."""
    try:
        files = list_files(stream_paths(folder)).files
        return files if all(map(info_file, files)) else ()
    except ConfigError:
        return ()


def info_file(file: InputFile) -> InputFile:
    """Return the description of the dataset that an Arrow stream belongs to.

    Raises:
        ConfigError: there is none next to it.
    """
    path = str(PurePosixPath(file.path).parent / INFO)
    if not file.filesystem.exists(path):
        raise ConfigError(
            f"{_shown(file)}: folder is no dataset: expected {INFO}, as save_to_disk writes it, next to it; "
            "save the dataset again"
        )
    return replace(file, name=INFO, path=path)


def read_dataset(
    source: DatasetsSource, file: InputFile, info: InputFile, columns: Sequence[str], report: SourceReport
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of an Arrow stream; their split is the folder's if it is one of several.

    Raises:
        CorpusFormatError: the file is no Arrow stream, or a column is missing or holds no lists.
    """
    parent = PurePosixPath(file.path).parent
    is_split = file.filesystem.exists(str(parent.parent / SPLITS))
    n_sequences = 0
    for rows in _rows(source, file, info, columns, report):
        batch = batch_of_lists(source, file.name, columns, report, rows, n_sequences)
        n_sequences += batch.num_rows
        if is_split and source.split_column is None:
            batch = with_column(batch, SPLIT, pa.repeat(parent.name, batch.num_rows))
        yield batch


def _rows(
    source: DatasetsSource, file: InputFile, info: InputFile, columns: Sequence[str], report: SourceReport
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file; class numbers become names."""
    rows = stream_rows(file)
    schema = next(rows).schema
    wanted = wanted_columns(source, columns, schema.names, report, place=_shown(file))
    tags = tags_of(source)
    noted = class_names(info, tags)
    parts = (
        batch.select(wanted).slice(start, SEQUENCES)
        for batch in rows
        for start in range(0, batch.num_rows, SEQUENCES)
    )
    yield from rows_with_names(source, parts, schema, noted, report, name=_shown(file))


def stream_rows(file: InputFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an Arrow stream, first none of them. Raises as `read_dataset`."""
    with opened_seekable(file) as stream:
        try:
            with pa.ipc.open_stream(stream) as reader:
                yield pa.RecordBatch.from_pylist([], reader.schema)
                yield from reader
        except (pa.ArrowException, OSError) as error:
            if is_storage_error(error):
                raise
            raise CorpusFormatError(
                f"{_shown(file)}: file is damaged or no Arrow stream: expected one of a dataset, got "
                f"{first_line(error)}; save the dataset again"
            ) from error


def class_names(info: InputFile, column: str) -> tuple[str, ...] | None:
    """Return the names of the classes in a column, None if it has none.

    Raises:
        CorpusFormatError: the description is no JSON.
    """
    with network_errors_classified(info.name), info.open() as stored:
        content = stored.read()
    try:
        features = json.loads(content)["features"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorpusFormatError(
            f"{_shown(info)}: description of the dataset is damaged: expected JSON with features, got "
            f"{first_line(error)}; save the dataset again"
        ) from error
    return names_in_features(features, column)


def _shown(file: InputFile) -> str:
    """Return the name of a file with its folder, which names the dataset."""
    return "/".join(PurePosixPath(file.location).parts[-2:])
