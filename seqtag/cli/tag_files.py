"""Tagging of files: read sequences, write tagged sequences, a few thousand at a time."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from seqtag.artifacts import require_manifest
from seqtag.cli.common import open_workspace
from seqtag.cli.tag_columns import Columns, of_objects, of_rows
from seqtag.cli.tag_format import input_source
from seqtag.cli.tag_input import (
    Objects,
    local_file,
    read_objects,
    read_parquet_rows,
    read_sequences,
    read_text,
    read_texts,
    readable,
    standard_input,
)
from seqtag.cli.tag_options import InputFormat, OutputFormat
from seqtag.cli.tag_output import ADDED, TaggedBatch, opened_output, output_format
from seqtag.config.source_columns import token_columns_of
from seqtag.config.source_config import (
    ConllSource,
    ConlluSource,
    FastaSource,
    JsonlSource,
    ParquetSource,
    Source,
    SpanSource,
)
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.tokenisation import Bounds
from seqtag.corpus.schema import SEQUENCE_ID, TOKENS
from seqtag.errors import ConfigError, RunDirError
from seqtag.features.column_index import check_values
from seqtag.neural import Tagger
from seqtag.neural.inference.predicted_spans import predicted_spans
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace, read_config
from seqtag.steps.lookup import find_run, find_version, run_named
from seqtag.tagging.output_scheme import OutputScheme

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

_SECONDS_PER_LINE = 5.0  # of progress where standard error is no terminal


@dataclass(frozen=True)
class _Batch:
    """Sequences of one file, and the format in which they are written unless another one is asked for."""

    tokens: pa.ListArray
    form: OutputFormat
    objects: Objects | None = None
    rows: pa.RecordBatch | None = None
    bounds: Sequence[Bounds] | None = None
    ids: Sequence[str] | None = None
    columns: Columns = field(default_factory=dict)  # further columns of tokens
    file: str = ""  # name of the file


def tag_files(
    model: str | None,
    files: list[str],
    *,
    run: str | None,
    tagger: str | None,
    alias: str | None,
    form: InputFormat | None,
    output: Path | None,
    to: OutputFormat | None,
    written: OutputScheme | None = None,
) -> None:
    """Tag files, or standard input without one; see `seqtag.cli.tag_command`.

    Args:
        written: scheme and spelling of the written tags; None: those of the model.

    Raises:
        ConfigError: there is no such model, its tags have no scheme, or the arguments exclude each other.
        TagSchemeError: a predicted span cannot be expressed in `written`.
        CorpusFormatError: a file cannot be read.
    """
    to = output_format(to, output)
    workspace = open_workspace()
    if run is not None or tagger is not None:
        files = [*([] if model is None else [model]), *files]
        model = None
    bundle, sources = _model(model, run, tagger, alias, workspace)
    with tempfile.NamedTemporaryFile(prefix="seqtag-") as copy:
        inputs = [local_file(Path(path)) for path in files] or [standard_input(copy)]
        _tag(bundle, _batches(inputs, form, sources), output=output, to=to, written=written)


def _tag(
    bundle: Path,
    batches: Iterator[_Batch],
    *,
    output: Path | None,
    to: OutputFormat | None,
    written: OutputScheme | None,
) -> None:
    batch = next(batches, None)  # report bad input before loading TensorFlow
    model = Tagger.load_exported(bundle)
    scheme = model.bundle.output_scheme
    if written is not None:
        written.require_spans(scheme)
    n_sequences = n_replaced = 0
    said: set[str] = set()  # files whose lack of columns was reported
    n_of_file: Counter[str] = Counter()  # sequences
    with opened_output(output) as write, _progress(is_output_shown=output is None) as advance:
        while batch is not None:
            _report_missing_columns(batch, model, said)
            first = n_of_file[batch.file]
            check_values(model.columns, batch.tokens, batch.columns, first=first, place=batch.file)
            n_of_file[batch.file] += len(batch.tokens)
            tagged = model.tag(batch.tokens, batch.columns)
            spans = (
                None
                if scheme == "none"
                else predicted_spans(tagged.predicted, tagged.span_confidence, scheme)
            )
            if written is not None:
                predicted = written.converted(tagged.predicted, scheme, first=n_sequences)
                tagged = replace(tagged, predicted=predicted)
            found = TaggedBatch(
                n_sequences,
                batch.tokens,
                tagged,
                spans,
                objects=batch.objects,
                rows=batch.rows,
                bounds=batch.bounds,
                ids=batch.ids,
            )
            write(found, to or batch.form)
            n_replaced += sum(any(name in each for name in ADDED[:2]) for each in batch.objects or ())
            n_sequences += len(batch.tokens)
            advance(len(batch.tokens), len(batch.tokens.flatten()))
            batch = next(batches, None)
    if n_replaced:
        message = f"Replaced `predicted` or `confidence` of {n_replaced:,} objects that already had them."
        typer.echo(message, err=True)


@contextmanager
def _progress(*, is_output_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that adds sequences and tokens to the progress, which standard error shows.

    On a terminal it is one line that changes, unless the output is shown there too; elsewhere a line every
    few seconds.
    """
    started, n_sequences, n_tokens, said = time.monotonic(), 0, 0, 0.0
    is_live = sys.stderr.isatty() and not (is_output_shown and sys.stdout.isatty())

    def advance(sequences: int, tokens: int) -> None:
        nonlocal n_sequences, n_tokens, said
        n_sequences, n_tokens = n_sequences + sequences, n_tokens + tokens
        seconds = time.monotonic() - started
        text = f"tag: {n_sequences:,} sequences, {n_tokens:,} tokens, {n_tokens / seconds:,.0f} tokens/s"
        if is_live:
            typer.echo(f"\r{text}", err=True, nl=False)
        elif seconds - said >= _SECONDS_PER_LINE and not sys.stderr.isatty():
            said = seconds
            typer.echo(text, err=True)

    yield advance
    if is_live:
        typer.echo(err=True)


def _model(
    model: str | None, run: str | None, tagger: str | None, alias: str | None, workspace: Workspace
) -> tuple[Path, Sequence[Source]]:
    """Return the bundle and the sources of the run that trained it, none if that run is gone."""
    if run is not None and tagger is not None:
        raise ConfigError("--run and --tagger exclude each other: expected one, got both")
    if run is not None and alias is not None:
        raise ConfigError("--alias needs a tagger: it names a version in the registry, not a run")
    if run is not None:
        return _of_run(find_run(run, workspace))
    name = model or tagger
    if name is None or (Path(name).suffix not in ("", ".toml") and Path(name).is_file()):  # data
        raise ConfigError("no tagger is given: expected one as the first argument: seqtag tag TAGGER [FILES]")
    named = run_named(name, workspace) if alias is None and tagger is None else None
    if named is not None:
        return _of_run(named)
    found, version = find_version(name if alias is None else f"{name}@{alias}", workspace)
    return version.bundle, _sources(RunDir(workspace.home.runs(found) / version.seqtag_run_id))


def _of_run(run: RunDir) -> tuple[Path, Sequence[Source]]:
    require_manifest(run.output("train"))
    return run.output("train"), _sources(run)


def _sources(run: RunDir) -> Sequence[Source]:
    try:
        return read_config(run).corpus.sources
    except RunDirError:
        return ()


def _report_missing_columns(batch: _Batch, model: Tagger, said: set[str]) -> None:
    missing = [name for name in model.columns.names if name not in batch.columns]
    if missing and batch.file not in said:
        said.add(batch.file)
        logger.warning(
            "%s: the tagger reads columns that are not there, and all their values count as missing: %s",
            batch.file,
            ", ".join(missing),
        )


def _batches(
    files: Iterable[InputFile], form: InputFormat | None, sources: Sequence[Source]
) -> Iterator[_Batch]:
    """Yield a few thousand sequences at a time, with the objects of JSON Lines and the rows of Parquet."""
    for file in files:
        with readable(file):
            source = input_source(file, form, sources)
        match source:
            case None:
                for tokens in read_text(file):
                    yield _Batch(tokens, OutputFormat.conll, file=file.name)
            case JsonlSource():
                read = read_objects(file, key=source.tokens_column, encoding=source.encoding)
                for objects, tokens in read:
                    columns = of_objects(objects, source.token_columns, name=file.name)
                    yield _Batch(tokens, OutputFormat.jsonl, objects=objects, columns=columns, file=file.name)
            case ParquetSource():
                for rows, tokens in read_parquet_rows(file, column=source.tokens_column):
                    columns = of_rows(rows, source.token_columns, name=file.name)
                    yield _Batch(tokens, OutputFormat.jsonl, rows=rows, columns=columns, file=file.name)
            case SpanSource():
                for objects, bounds, tokens in read_texts(source, file):
                    yield _Batch(tokens, OutputFormat.jsonl, objects=objects, bounds=bounds, file=file.name)
            case _:
                is_conll = isinstance(source, ConllSource | ConlluSource)
                own = OutputFormat.fasta if isinstance(source, FastaSource) else OutputFormat.csv
                for batch in read_sequences(source, file):
                    yield _Batch(
                        batch[TOKENS],
                        OutputFormat.conll if is_conll else own,
                        ids=None if is_conll else batch[SEQUENCE_ID].to_pylist(),
                        columns={name: batch[name] for name in token_columns_of(source)},
                        file=file.name,
                    )
