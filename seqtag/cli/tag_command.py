"""Command `tag`: read sequences, write tagged sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqtag.cli.names import ALIAS, VERSION
from seqtag.cli.tag_options import InputFormat, OutputFormat


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("tag")(tag)


def tag(
    model: Annotated[str | None, VERSION] = None,
    files: Annotated[list[str] | None, typer.Argument(help="Files to tag. Default: standard input.")] = None,
    run: Annotated[str | None, typer.Option(hidden=True)] = None,  # older spellings of the first argument
    tagger: Annotated[str | None, typer.Option(hidden=True)] = None,
    alias: Annotated[str | None, ALIAS] = None,
    form: Annotated[
        InputFormat | None,
        typer.Option("--format", help="Format of the input. Default: recognised by name, then by content."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write. Default: standard output.")
    ] = None,
    to: Annotated[
        OutputFormat | None,
        typer.Option(help="Format of the output. Default: by the name of the file, else by the input."),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            help="Scheme of the written tags: IOB1, BIO, IOE1, IOE2, BIOES, BILOU, BMES, IO or brackets, or "
            "another name of one. Default: IOBES if the corpus has it, else IOB2."
        ),
    ] = None,
    spelling: Annotated[
        str | None,
        typer.Option(
            help="Spelling of the written tags: b or B for the prefix, X for the type. Default: B-X."
        ),
    ] = None,
    outside: Annotated[str | None, typer.Option(help="Tag written outside spans. Default: O.")] = None,
) -> None:
    """Tag sequences with the champion of a tagger, with another version of it, or with the model of a run.

    Text has one sequence per line, with tokens separated by spaces and tabs only, as in the sources of a
    corpus. Columns (`conll`, `conllu`) have one token per line and a blank line after each sequence; tags in
    them are ignored. The output of both has one `token<TAB>tag` per line and an empty line after each
    sequence. JSON Lines have one object with `tokens`, or one array of strings, per line; the output adds
    `predicted`, `confidence` and, if the tags spell spans, `predicted_spans`, and keeps all other fields,
    gold `tags` included. Parquet has a list of tokens per row, and keeps its other columns in the same way.
    CSV has one token per row, in the columns of the tagger's source, or `sequence` and `token`; the output
    has `sequence,token,tag,confidence,span,span_confidence`, and so has that of event logs (`xes`). FASTA has
    a name and a line of residues, possibly with a line of labels; the output has predicted labels. `--to
    text` writes one line of tags per sequence.

    Texts (`jsonl-spans`) are cut into tokens by `tokenise` of the tagger's source, and the
    `predicted_spans` of the output have the offsets of characters: `start`, `end` and `label`.

    A file that a source of the tagger names is read like that source. Input that fits several formats is
    refused.

    `--scheme brackets` writes `(PER*`, `*`, `*)` and `(PER*)` as in CoNLL-2005. Spans that a scheme cannot
    express are an error: touching spans of one type in IO, and in brackets a type with `(`, `)` or `*`.

    Examples: `echo "search view_item checkout" | seqtag tag sample`,
    `seqtag tag sample@7 sessions.jsonl > tagged.jsonl` and
    `seqtag tag sample sessions.jsonl --output tagged.parquet`; a run id or a run directory in place of the
    tagger
    """
    from seqtag.cli.tag_files import tag_files
    from seqtag.tagging.output_scheme import OutputScheme

    written = OutputScheme.chosen(scheme, pattern=spelling, outside=outside)
    tag_files(
        model,
        list(files or ()),
        run=run,
        tagger=tagger,
        alias=alias,
        form=form,
        output=output,
        to=to,
        written=written,
    )
