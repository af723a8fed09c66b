"""Read the sources of a corpus, in any format, as one stream of record batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import zip_longest

import pyarrow as pa

from seqtag.config.source_columns import FileSource, Labels
from seqtag.config.source_config import (
    ConlluSource,
    LongParquetSource,
    OwnEncoding,
    SampleSource,
    Source,
    TableSource,
    XesSource,
)
from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus.class_names import with_tag_names
from seqtag.corpus.containers import implied_layers, packing
from seqtag.corpus.cutting import in_pieces
from seqtag.corpus.files import InputFile, contents
from seqtag.corpus.formats.conllu_words import check_tag_feature
from seqtag.corpus.formats.file_parts import Part, Parts
from seqtag.corpus.partitions import partitions, path_columns
from seqtag.corpus.readers import read_file, read_fileless, token_rows
from seqtag.corpus.record_batches import with_file_in_ids, with_token_columns
from seqtag.corpus.remote import network_errors_classified
from seqtag.corpus.schema import PLACE, SPLIT, TAGS, TOKENS
from seqtag.corpus.source_inputs import SourceInput, find_inputs
from seqtag.corpus.source_report import SourceReport, listed
from seqtag.corpus.split_names import with_splits
from seqtag.corpus.whole_source import WholeSource
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import with_column

BATCH_SEQUENCES = 8192  # at most, per batch of read_sources
_SHOWN_COLUMNS = 20

# A file, with its file of tags or its rows.
_Readable = tuple[InputFile, InputFile | None, Iterator[pa.RecordBatch] | None]

log = logging.getLogger(__name__)


def read_sources(
    corpus: CorpusConfig,
    *,
    on_source: Callable[[SourceReport], None] | None = None,
    on_places: Callable[[pa.StringArray], None] | None = None,
    enough: int | None = None,
    has_spans: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Return the sequences of all sources, in order, as batches of the schema of the corpus.

    That is `corpus_schema(corpus.columns, corpus.token_columns)`.

    All files are found before the first is read. A broken sequence is returned with its `defect`.

    Args:
        on_source: called with the report of each source when it has been read.
        on_places: called before each batch with the places where its sequences begin ("train.conll:17"; null
            if there is none).
        enough: stop reading a source with the block that reaches this number of sequences, and leave out the
            checks that need all of it; None: read everything.
        has_spans: False if the tags have no scheme; long sequences may be cut between any two tags then.

    Raises:
        ConfigError: a source matches no file, uses an unset variable, or has an invalid query.
        CorpusFormatError: raised while reading, if a source is not in the declared format, with file and line
            in the message, or has no sequences; at the end, if no source has a column of `corpus.columns`.
    """
    return _stream(corpus, find_inputs(corpus), on_source, on_places, enough, has_spans)


def _stream(
    corpus: CorpusConfig,
    inputs: list[SourceInput],
    on_source: Callable[[SourceReport], None] | None,
    on_places: Callable[[pa.StringArray], None] | None,
    enough: int | None,
    has_spans: bool,
) -> Iterator[pa.RecordBatch]:
    missing = set(corpus.columns)
    offered: dict[str, None] = {}
    for input_ in inputs:
        n_sequences = n_tokens = n_broken = 0
        report = SourceReport(input_.name)
        tag_names = getattr(input_.source, "tag_names", None)
        if tag_names is not None:
            report.assume("tag names", f"{len(tag_names)} of tag_names")
        whole = WholeSource(input_.source)
        batches = _labelled(input_, corpus, report, whole)
        if corpus.cut is not None:
            batches = in_pieces(batches, input_.source, corpus.cut, report, has_spans=has_spans)
        for batch in batches:
            missing -= {c for c in missing if batch[c].null_count < batch.num_rows}
            n_sequences += batch.num_rows
            n_tokens += len(batch[TOKENS].flatten())
            n_broken += batch.num_rows - batch["defect"].null_count
            batch, places = _without_places(batch)
            for start in range(0, batch.num_rows, BATCH_SEQUENCES):
                if on_places is not None:
                    on_places(places.slice(start, BATCH_SEQUENCES))
                yield batch.slice(start, BATCH_SEQUENCES)
            if enough is not None and n_sequences >= enough:
                report.is_complete = False
                break
        if n_sequences == 0:
            raise _nothing_found(input_)
        log.info(
            "read %s: %d sequences, %d tokens, %d broken sequences",
            input_.name,
            n_sequences,
            n_tokens,
            n_broken,
        )
        if isinstance(input_.source, ConlluSource) and report.is_complete:
            check_tag_feature(input_.source, report)
        whole.warn(report)
        report.n_sequences = n_sequences
        offered.update(report.columns)
        if on_source is not None:
            on_source(report)
    if missing:
        raise _missing_columns(missing, list(offered))


def _labelled(
    input_: SourceInput, corpus: CorpusConfig, report: SourceReport, whole: WholeSource
) -> Iterator[pa.RecordBatch]:
    for batch in _batches(input_, corpus.columns, report, in_parts=corpus.cut is not None):
        batch = with_token_columns(batch, corpus.token_columns)
        batch = _with_labels(batch, input_.source, input_.name, report)
        if isinstance(input_.source, Labels) and not input_.source.has_tags:
            batch = with_column(batch, TAGS, pa.nulls(batch.num_rows, batch.schema.field(TAGS).type))
        whole.look(batch)
        yield batch


def _missing_columns(missing: set[str], offered: list[str]) -> CorpusFormatError:
    shown = listed([f"{name!r:.60}" for name in offered], _SHOWN_COLUMNS) or "none"
    return CorpusFormatError(
        f"corpus.columns: no source has a value in {', '.join(map(repr, sorted(missing)))}: expected a "
        f"column, a key or a comment of at least one source, got {shown}; correct the name"
    )


def _nothing_found(input_: SourceInput) -> CorpusFormatError:
    unit = input_.source.UNIT
    n = len(input_.files)
    if n < 2:
        return CorpusFormatError(f"{input_.name}: no {unit} found, expected at least one")
    names = listed([file.name for file in input_.files])
    return CorpusFormatError(f"{names}: no {unit} found in any of {n:,} files, expected at least one")


def _batches(
    input_: SourceInput, columns: tuple[str, ...], report: SourceReport, *, in_parts: bool
) -> Iterator[pa.RecordBatch]:
    source = input_.source
    if not isinstance(source, FileSource):
        with network_errors_classified(input_.name):
            yield from read_fileless(source, columns, report, in_parts=in_parts)
        return
    report.change("hidden files and markers skipped", input_.n_hidden)
    if input_.repeated:
        again = input_.repeated[0].path
        report.warn(
            "repeated_file",
            "file is named more than once in path, and was read once; list it once",
            place=next(file.name for file in input_.files if file.path == again),
            count=len(input_.repeated),
        )
    if isinstance(source, TableSource | LongParquetSource | XesSource):
        opened = _parts(source, input_, columns, report)
        parts = Parts(opened, source, report, columns, are_joined=source.id_scope == "source")
        files: Iterator[_Readable] = ((part.file, None, part.rows) for part in parts)
    else:
        files = ((file, tag_file, None) for file, tag_file in _pairs(input_, report))
    for file, tag_file, rows in files:
        path = path_columns(source, file.location, columns, name=file.name)
        report.offer(partitions(file.location))
        n_sequences = 0
        with network_errors_classified(file.name):
            read = read_file(
                path.source, file, path.requested, report, tag_file=tag_file, rows=rows, in_parts=in_parts
            )
            for batch in read:
                n_sequences += batch.num_rows
                batch = path.added_to(batch, name=file.name)
                yield with_file_in_ids(batch, file.name) if source.id_scope == "file" else batch
        report.change("empty files skipped", int(n_sequences == 0))


def _parts(
    source: TableSource | LongParquetSource | XesSource,
    input_: SourceInput,
    columns: tuple[str, ...],
    report: SourceReport,
) -> Iterator[Part]:
    for file, _ in _pairs(input_, report):
        path = path_columns(source, file.location, columns, name=file.name)
        is_alone = len(input_.files) == 1 and not file.origin
        yield Part(file, token_rows(path.source, file, path.requested, report), is_alone)


def _pairs(input_: SourceInput, report: SourceReport) -> Iterator[tuple[InputFile, InputFile | None]]:
    """Yield the files of a source, unpacked from archives, each with its file of tags if it has one."""
    for pair in _unpacked_pairs(input_):
        _report_file(input_.source, pair[0], report)
        yield pair


def _unpacked_pairs(input_: SourceInput) -> Iterator[tuple[InputFile, InputFile | None]]:
    if not input_.tag_files:
        for file in input_.files:
            yield from ((each, None) for each in contents(file))
        return
    for file, tag_file in zip(input_.files, input_.tag_files, strict=True):
        for each, tags in zip_longest(contents(file), contents(tag_file)):
            if each is None or tags is None:
                more, fewer = (tag_file, file) if each is None else (file, tag_file)
                raise CorpusFormatError(
                    f"{fewer.name}: fewer files than in {more.name}, expected a "
                    "file of tags for each file of tokens"
                )
            yield each, tags


def _report_file(source: Source, file: InputFile, report: SourceReport) -> None:
    report.assume("compression", packing(file.packed))
    report.change("archive members sorted by name", int(file.moved))
    if not file.packed and implied_layers(file.name):
        report.warn(
            "not compressed",
            "content is not compressed, although the name says so, and was read as it is",
            place=file.name,
        )
    if isinstance(source, FileSource) and not isinstance(source, OwnEncoding):
        report.assume("encoding", source.encoding)


def _with_labels(batch: pa.RecordBatch, source: Source, name: str, report: SourceReport) -> pa.RecordBatch:
    """Return the batch with the names of tags and splits that the configuration gives them."""
    if isinstance(source, SampleSource):
        return batch
    if source.tag_names is not None:
        batch = with_tag_names(batch, source.tag_names, name=name, report=report)
    batch = with_splits(batch, source.split_names, name=name, report=report)
    if source.split is None:
        return batch
    return with_column(batch, SPLIT, pa.repeat(source.split, batch.num_rows))


def _without_places(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.StringArray]:
    if batch.schema.names[-1] != PLACE:  # sequences of the sample corpus have no place
        return batch, pa.nulls(batch.num_rows, pa.string())
    last = batch.num_columns - 1
    return batch.remove_column(last), batch.column(last)
