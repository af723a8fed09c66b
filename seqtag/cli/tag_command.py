"""Tag command: read sequences, write tagged sequences, a few thousand at a time."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqtag.artifacts import require_manifest
from seqtag.cli.common import open_workspace
from seqtag.cli.names import ALIAS, VERSION
from seqtag.cli.tag_format import InputFormat, input_source
from seqtag.cli.tag_input import (
    Objects,
    local_file,
    read_columns,
    read_objects,
    read_text,
    readable,
    standard_input,
)
from seqtag.config.source_config import JsonlSource, Source
from seqtag.corpus.files import InputFile
from seqtag.errors import ConfigError, RunDirError
from seqtag.neural import Tagger
from seqtag.neural.inference.tagger import Tagged
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace, read_config
from seqtag.steps.lookup import Alias, find_run, find_version, run_named

if TYPE_CHECKING:
    import pyarrow as pa


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("tag")(tag)


def tag(
    model: Annotated[str | None, VERSION] = None,
    files: Annotated[list[str] | None, typer.Argument(help="Files to tag. Default: standard input.")] = None,
    run: Annotated[str | None, typer.Option(hidden=True)] = None,  # older spellings of the first argument
    tagger: Annotated[str | None, typer.Option(hidden=True)] = None,
    alias: Annotated[Alias | None, ALIAS] = None,
    form: Annotated[
        InputFormat | None,
        typer.Option("--format", help="Format of the input. Default: recognised by name, then by content."),
    ] = None,
) -> None:
    """Tag sequences with the champion of a tagger, with another version of it, or with the model of a run.

    Text has one sequence per line, with tokens separated by spaces and tabs only, as in the sources of a
    corpus. Columns (`conll`, `conllu`) have one token per line and a blank line after each sequence; tags in
    them are ignored. The output of both has one `token<TAB>tag` per line and an empty line after each
    sequence. JSON Lines have one object with `tokens`, or one array of strings, per line; the output adds
    `predicted` and `confidence` and keeps all other fields, gold `tags` included.

    A file that a source of the tagger names is read like that source. Input that fits several formats is
    refused.

    Examples: `echo "search view_item checkout" | seqtag tag sample` and
    `seqtag tag sample@7 sessions.jsonl > tagged.jsonl`; a run id or a run directory in place of the tagger
    """
    workspace, paths = open_workspace(), list(files or ())
    if run is not None or tagger is not None:
        paths = [*([] if model is None else [model]), *paths]
        model = None
    bundle, sources = _model(model, run, tagger, alias, workspace)
    with tempfile.NamedTemporaryFile(prefix="seqtag-") as copy:
        inputs = [local_file(Path(path)) for path in paths] or [standard_input(copy)]
        _tag(bundle, _batches(inputs, form, sources))


def _tag(bundle: Path, batches: Iterator[tuple[Objects | None, pa.ListArray]]) -> None:
    batch = next(batches, None)  # report bad input before loading TensorFlow
    model = Tagger.load(bundle)
    n_replaced = 0
    while batch is not None:
        objects, tokens = batch
        tagged = model.tag(tokens)
        if objects is None:
            _write(_text(tokens, tagged))
        else:
            n_replaced += sum("predicted" in each or "confidence" in each for each in objects)
            _write(_lines(objects, tagged))
        batch = next(batches, None)
    if n_replaced:
        message = f"Replaced `predicted` or `confidence` of {n_replaced:,} objects that already had them."
        typer.echo(message, err=True)


def _model(
    model: str | None, run: str | None, tagger: str | None, alias: Alias | None, workspace: Workspace
) -> tuple[Path, Sequence[Source]]:
    """Return the bundle and the sources of the run that trained it, none if that run is gone."""
    if run is not None and tagger is not None:
        raise ConfigError("--run and --tagger exclude each other: expected one, got both")
    if run is not None and alias is not None:
        raise ConfigError("--alias needs a tagger: it names a version in the registry, not a run")
    if run is not None:
        return _of_run(find_run(run, workspace))
    name = model or tagger
    if name is None:
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


def _batches(
    files: Iterable[InputFile], form: InputFormat | None, sources: Sequence[Source]
) -> Iterator[tuple[Objects | None, pa.ListArray]]:
    """Yield the tokens of a few thousand sequences at a time, with the objects of JSON Lines."""
    for file in files:
        with readable(file):
            source = input_source(file, form, sources)
        if source is None:
            yield from ((None, tokens) for tokens in read_text(file))
        elif isinstance(source, JsonlSource):
            yield from read_objects(file, key=source.tokens_column)
        else:
            yield from ((None, tokens) for tokens in read_columns(source, file))


def _text(tokens: pa.ListArray, tagged: Tagged) -> Iterator[str]:
    """Yield the lines of tagged sequences, with an empty line after each sequence."""
    for words, tags in zip(tokens.to_pylist(), tagged.predicted.to_pylist(), strict=True):
        yield from (f"{word}\t{tag}" for word, tag in zip(words, tags, strict=True))
        yield ""


def _lines(objects: Objects, tagged: Tagged) -> Iterator[str]:
    """Yield the objects as JSON, with the predictions of the model."""
    predicted, confidence = tagged.predicted.to_pylist(), tagged.confidence.to_pylist()
    for each, tags, sure in zip(objects, predicted, confidence, strict=True):
        added = {"predicted": tags, "confidence": [round(p, 6) for p in sure]}
        yield json.dumps({**each, **added}, ensure_ascii=False)


def _write(lines: Iterable[str]) -> None:
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())
    sys.stdout.buffer.flush()
