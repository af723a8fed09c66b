"""Command `status`: the state of all taggers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from seqtag.cli.common import echo_json, open_workspace
from seqtag.cli.names import JSON


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("status")(status)


def status(
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show the last and the next run, champion, score and drift of every tagger, and what needs attention.

    Those that need attention come first. With `--json`, links to report, flow run and registry as well.

    Example: `seqtag status`
    """
    from seqtag import steps
    from seqtag.reporting import fleet_text

    workspace = open_workspace()
    now = datetime.now(UTC)
    fleet = steps.fleet(workspace, now=now)
    if as_json:
        echo_json(asdict(fleet))
    elif fleet.taggers:
        typer.echo(fleet_text(fleet, now=now))
    else:
        typer.echo(f"No tagger has a run in {workspace.home.root / 'runs'}.")
