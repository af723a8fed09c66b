"""Command `diff`: the sequences that two models tag differently."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from seqtag.cli.common import echo_json, open_workspace
from seqtag.cli.names import JSON, RUN, complete_tagger


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("diff")(diff)


def diff(
    run: Annotated[str, RUN],
    earlier: Annotated[
        str | None,
        typer.Argument(
            help="Another run or TAGGER@VERSION. Default: the run's opponent.",
            metavar="[RUN]",
            autocompletion=complete_tagger,
        ),
    ] = None,
    most: Annotated[int, typer.Option("--most", min=0, help="Sequences shown of each kind.")] = 20,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write a page (.html) or all changed sequences (.jsonl, .parquet).", metavar="FILE"
        ),
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show the test sequences that a run's model tags differently from its champion or from another run.

    Newly wrong sequences come first, the most confident error before others.

    Examples: `seqtag diff sample`, `seqtag diff sample sample@previous --output diff.html`
    """
    from seqtag import steps
    from seqtag.reporting import changes_text, write_changes
    from seqtag.steps.lookup import find_run

    workspace = open_workspace()
    other = None if earlier is None else find_run(earlier, workspace)
    view = steps.diff(find_run(run, workspace), other, most=most)
    if output is not None:
        write_changes(view, output)
        typer.echo(f"wrote {output}")
    elif as_json:
        numbers = {
            "before": view.before,
            "now": view.now,
            "n_compared": view.changes.n_compared,
            "n_newly_wrong": view.n_wrong,
            "n_newly_right": view.n_right,
            "n_wrong_otherwise": view.n_otherwise,
            "n_relabelled": view.changes.n_relabelled,
            "n_only_before": view.changes.n_only_before,
            "n_only_now": view.changes.n_only_now,
            "unit": view.unit,
            "by_type": [asdict(each) for each in view.by_type],
        }
        echo_json(numbers)
    else:
        typer.echo(changes_text(view))
