"""Commands for a new tagger, which need no home folder and no registry: `init`, `check`, `schema`."""

from __future__ import annotations

import logging
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seqtag.cli.common import echo_json, log_to_standard_error, open_tagger
from seqtag.cli.names import JSON, TAGGER
from seqtag.errors import ConfigError, CorpusRejectedError
from seqtag.project import new_tagger_folder


class SourceFormat(StrEnum):
    """Formats of files that `init` recognises."""

    conll = "conll"
    conllu = "conllu"
    jsonl = "jsonl"
    jsonl_spans = "jsonl-spans"
    table = "table"
    parquet = "parquet"
    parallel = "parallel"
    fasta = "fasta"
    brat = "brat"
    datasets = "datasets"
    spacy = "spacy"
    xes = "xes"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("init")(init)
    app.command("check")(check)
    app.command("schema")(schema)


def init(
    sources: Annotated[list[str], typer.Argument(help="Files, a folder, or an address.", metavar="FILE...")],
    name: Annotated[str | None, typer.Option(help="Name of the tagger. Default: that of the file.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="The TOML file. Default: NAME.toml among the project's, or here.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing TOML file.")] = False,
    form: Annotated[
        SourceFormat | None, typer.Option("--format", help="Format of the files. Default: by content.")
    ] = None,
    tokens: Annotated[str | None, typer.Option(help="Column or key of the tokens.")] = None,
    tags: Annotated[str | None, typer.Option(help="Column or key of the tags.")] = None,
    sequence: Annotated[str | None, typer.Option(help="Column that says which rows form a sequence.")] = None,
    table: Annotated[
        str | None, typer.Option(help="Table, if FILE is the URL of a database, such as sqlite:///x.db.")
    ] = None,
) -> None:
    """Inspect labelled data, report its format, and write a TOML file that trains a tagger on it.

    Splits come from file names (train, dev, valid, test), a column, or shares. The content decides
    what is ambiguous; a line for each such decision gives the reason and the option that overrides it. Only
    the beginning of large files is read.

    Examples: `seqtag init my.conll`, `seqtag init data/train.jsonl data/test.jsonl --tags ner`,
    `seqtag init sqlite:///corpus.db --table words`
    """
    from seqtag import steps
    from seqtag.config import SCHEMA_FILE, redirect_library_caches, schema_text
    from seqtag.corpus.recognition import Chosen

    log_to_standard_error(logging.ERROR)  # the report has all of it
    name = name or steps.tagger_name_of([table] if table else sources, folder=Path.cwd())
    file = output or new_tagger_folder(Path.cwd()) / f"{name}.toml"
    if file.exists() and not overwrite:
        raise ConfigError(
            f"{file} exists already: expected a new file; set --name or --output, or replace it: --overwrite"
        )
    with tempfile.TemporaryDirectory(prefix="seqtag-caches-") as caches:
        redirect_library_caches(Path(caches))
        chosen = Chosen(tokens, tags, sequence)
        drafted = steps.draft(sources, file, name=name, chosen=chosen, form=form, table=table)
    for line in drafted.seen:
        typer.echo(f"format   {line}")
    typer.echo(steps.check_text(drafted.found))
    for note in drafted.notes:
        typer.echo(f"note     {note}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        (file.parent / SCHEMA_FILE).write_text(schema_text(), "utf-8")
        file.write_text(drafted.text, "utf-8")
    except OSError as error:
        raise ConfigError(
            f"{file}: file cannot be written: {error.strerror}; set --output to one in another folder"
        ) from error
    typer.echo(f"wrote    {file}")
    if drafted.found.fault is not None:
        raise CorpusRejectedError(drafted.found.fault)
    typer.echo(f"next     seqtag retrain {name if output is None else file}")


def check(tagger: Annotated[str, TAGGER], as_json: Annotated[bool, JSON] = False) -> None:
    """Report what a run would refuse, and how to fix it: read the sources, validate and split them.

    Only the beginning of large sources is read. Nothing is written, and no home folder or registry is needed.
    Exits with 0 if a run would accept the corpus.

    Example: `seqtag check sample`
    """
    from seqtag import steps
    from seqtag.config import redirect_library_caches

    config, _ = open_tagger(tagger)
    log_to_standard_error(logging.ERROR)  # the report has all of it
    with tempfile.TemporaryDirectory(prefix="seqtag-caches-") as caches:
        redirect_library_caches(Path(caches))
        found = steps.check(config)
    if as_json:
        words = {"ambiguous_words": found.ambiguous_words, "fault": found.fault}
        echo_json({"profile": found.profile.content(), **words})
    else:
        typer.echo(steps.check_text(found))
    if found.fault is not None:
        raise CorpusRejectedError(found.fault)


def schema() -> None:
    """Print the JSON Schema of a tagger's file: every key with its type, default and description.

    Editors with taplo check and complete the keys of a file that begins with `#:schema` and a path to it.

    Example: `seqtag schema > tagger.schema.json`
    """
    from seqtag.config import schema_text

    typer.echo(schema_text(), nl=False)
