"""Command `status`: the state of all taggers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from seqtag import steps
from seqtag.cli.common import echo_json, open_workspace
from seqtag.cli.names import JSON
from seqtag.reporting import fleet_text


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("status")(status)


def status(
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show the last run, champion, score and drift of every tagger, those that need attention first.

    Example: `seqtag status`
    """
    workspace = open_workspace()
    taggers = steps.fleet(workspace)
    if as_json:
        echo_json([asdict(tagger) for tagger in taggers])
    elif taggers:
        typer.echo(fleet_text(taggers, now=datetime.now(UTC)))
    else:
        typer.echo(f"No tagger has a run in {workspace.home.root / 'runs'}.")
