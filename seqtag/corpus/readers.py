"""Dispatch sources to the reader of their format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from seqtag.config.source_columns import FileSource
from seqtag.config.source_config import (
    BratSource,
    ConllSource,
    ConlluSource,
    DatasetsSource,
    DocBinSource,
    FastaSource,
    JsonlSource,
    LongParquetSource,
    ParallelSource,
    ParquetSource,
    SampleSource,
    SpanSource,
    SqlSource,
    TableSource,
    XesSource,
)
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.brat import read_brat
from seqtag.corpus.formats.conll import read_conll
from seqtag.corpus.formats.conllu import read_conllu
from seqtag.corpus.formats.dataset_folders import read_dataset
from seqtag.corpus.formats.docbin import read_docbin
from seqtag.corpus.formats.fasta import read_fasta
from seqtag.corpus.formats.jsonl import read_jsonl
from seqtag.corpus.formats.long import sequences_of_rows
from seqtag.corpus.formats.parallel import read_parallel
from seqtag.corpus.formats.parquet import long_parquet_rows, read_parquet
from seqtag.corpus.formats.span_texts import read_spans
from seqtag.corpus.formats.sql import read_sql
from seqtag.corpus.formats.table import table_rows
from seqtag.corpus.formats.xes import xes_rows
from seqtag.corpus.source_report import SourceReport


def read_file(
    source: FileSource,
    file: InputFile,
    columns: tuple[str, ...],
    report: SourceReport,
    *,
    tag_file: InputFile | None = None,
    rows: Iterable[pa.RecordBatch] | None = None,
    in_parts: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a file.

    Args:
        tag_file: file of tags, annotations or class names, for parallel text, brat and datasets.
        rows: token rows of the file, and of the files that continue it, for formats with one token per row.
        in_parts: yield a sequence of very many tokens in several rows, of which all but the first have no
            place, in formats with one token per line or row.
    """
    match source:
        case ConllSource():
            yield from read_conll(source, file, columns, report, in_parts=in_parts)
        case ConlluSource():
            yield from read_conllu(source, file, columns, report)
        case JsonlSource():
            yield from read_jsonl(source, file, columns, report)
        case SpanSource():
            yield from read_spans(source, file, columns, report)
        case DocBinSource():
            yield from read_docbin(source, file, columns, report)
        case FastaSource():
            yield from read_fasta(source, file, columns, report)
        case ParquetSource():
            yield from read_parquet(source, file, columns, report)
        case DatasetsSource() if tag_file is not None:
            yield from read_dataset(source, file, tag_file, columns, report)
        case TableSource() | LongParquetSource() | XesSource() if rows is not None:
            yield from sequences_of_rows(rows, source, columns, report, name=file.name, in_parts=in_parts)
        case ParallelSource() if tag_file is not None:
            yield from read_parallel(source, file, tag_file, columns, report)
        case BratSource() if tag_file is not None:
            yield from read_brat(source, file, tag_file, columns, report)


def token_rows(
    source: FileSource, file: InputFile, columns: tuple[str, ...], report: SourceReport
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file that has one token per row."""
    match source:
        case TableSource():
            yield from table_rows(source, file, columns, report)
        case LongParquetSource():
            yield from long_parquet_rows(source, file, columns, report)
        case XesSource():
            yield from xes_rows(source, file, columns, report)


def read_fileless(
    source: SqlSource | SampleSource,
    columns: tuple[str, ...],
    report: SourceReport,
    *,
    in_parts: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the sequences of a source without files; `in_parts` as for `read_file`."""
    match source:
        case SqlSource():
            yield from read_sql(source, columns, report, in_parts=in_parts)
        case SampleSource():
            from seqtag.corpus.sample_corpus import sample_batches

            yield from sample_batches(source, columns)
