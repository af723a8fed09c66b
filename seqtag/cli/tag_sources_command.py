"""Command `tag-sources`: tag what the table [tagging] of a tagger's file names."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from seqtag.cli.common import continued_by, open_tagger, open_writable_workspace
from seqtag.cli.names import TAGGER


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("tag-sources")(tag_sources)


def tag_sources(
    tagger: Annotated[str, TAGGER],
    version: Annotated[
        str | None,
        typer.Option(help="Number or alias of a version in the registry. Default: the champion."),
    ] = None,
) -> None:
    """Tag the sources of [tagging] in a tagger's file, and print the folder of the tagged sequences.

    They are Parquet, which appears when everything is tagged. What was tagged before an interruption is kept,
    and sequences that this version has tagged already are not tagged again. The flow `tag` does the same on a
    schedule.

    Example: `seqtag tag-sources sample`
    """
    from seqtag import steps
    from seqtag.config import taggers_of

    config, day = open_tagger(tagger)
    workspace = open_writable_workspace()
    for each in taggers_of(config):
        with continued_by(f"tag-sources {shlex.quote(tagger)}"):
            snapshot = steps.ingest_untagged(each, workspace)
            tagged = steps.open_tagging(each, snapshot, workspace, as_of=day, version=version)
            if not steps.is_finished(tagged):
                for names in steps.groups_of_parts(tagged, workspace):
                    steps.tag_parts(tagged, names, workspace)
                steps.finish_tagging(each, tagged, workspace)
        typer.echo(steps.tagging_sentence(tagged), err=True)
        typer.echo(tagged.sequences)
