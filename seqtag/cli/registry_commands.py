"""Registry commands: roll back, unblock models, and show the history in the ledger."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from seqtag.cli.common import echo_json, open_workspace
from seqtag.cli.names import JSON, TAGGER
from seqtag.formatting import printable

if TYPE_CHECKING:
    from seqtag.registry import AuditContext, Entry

Tagger = Annotated[str, TAGGER]
Reason = Annotated[str, typer.Option(help="The reason, for the ledger.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("rollback")(rollback)
    app.command("unblock")(unblock)
    app.command("release-hold", hidden=True)(unblock)  # older name
    app.command("history")(history)


def rollback(
    tagger: Tagger,
    reason: Reason,
    to: Annotated[
        str | None, typer.Option(help="The version to promote. Default: the previous champion.")
    ] = None,
    block_all: Annotated[
        bool, typer.Option(help="Block every model, not only those of the same configuration and code.")
    ] = False,
    hold_all: Annotated[bool, typer.Option("--hold-all", hidden=True)] = False,  # older name
) -> None:
    """Make an earlier version the champion again, and block models like the one rolled back.

    New models of the same configuration and code are not promoted until `seqtag unblock`.

    Examples: `seqtag rollback sample --reason "tags of B-PER are wrong"`, the same with `--to 3`
    """
    from seqtag import steps
    from seqtag.reporting import still_served
    from seqtag.steps.lookup import tagger_name

    workspace = open_workspace()
    workspace.require_writable()
    tagger = tagger_name(tagger, workspace)
    everything, by = block_all or hold_all, audit_context("rollback")
    entry = steps.rollback(tagger, workspace, to=to, reason=reason, everything=everything, by=by)
    typer.echo(
        f"Version {entry.to_version} of {tagger} replaces version {entry.from_version} as the champion.\n"
        f"{still_served(tagger, str(entry.from_version))}\n"
        f"To promote models like the old one again: seqtag unblock {tagger} --reason TEXT"
    )


def unblock(tagger: Tagger, reason: Reason) -> None:
    """Lift all blocks, so that the next retraining may promote its model without training again.

    Example: `seqtag unblock sample --reason "the corpus is fixed"`
    """
    from seqtag.steps.lookup import tagger_name

    workspace = open_workspace()
    workspace.require_writable()
    tagger = tagger_name(tagger, workspace)
    workspace.registry().unblock(tagger, reason=reason, by=audit_context("unblock"))
    typer.echo(f"No model of {tagger} is blocked any longer.")


def history(
    tagger: Annotated[str | None, TAGGER] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show the decisions and rollbacks of a tagger with their authors, newest last.

    Default: the tagger, if there is one.

    Example: `seqtag history sample`
    """
    from seqtag.steps.lookup import only_tagger, tagger_name

    workspace = open_workspace()
    tagger = tagger_name(tagger or only_tagger(workspace, command="history"), workspace)
    entries = workspace.registry().history(tagger)
    if as_json:
        echo_json([asdict(entry) for entry in entries])
    else:
        typer.echo(_table(entries) if entries else f"The ledger has no entries for {tagger}.")


def audit_context(command: str) -> AuditContext:
    """Return the author, the command and the time, for the ledger."""
    from seqtag import steps

    return steps.audit_context(f"seqtag {command}", datetime.now(UTC))


def _table(entries: list[Entry]) -> str:
    """Return two lines for each entry: time, event, versions and author, then the sentence."""
    rows = [
        (str(e.entry), e.at[:16].replace("T", " ") + " UTC", e.event, _moved(e), f"{e.who}, {e.through}")
        for e in entries
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for entry, (number, *cells) in zip(entries, rows, strict=True):
        padded = [f"{number:>{widths[0]}}", *(f"{c:<{w}}" for c, w in zip(cells, widths[1:], strict=True))]
        sentence = entry.sentence.removeprefix(f"{entry.event}: ")
        lines += ["  ".join(padded).rstrip(), " " * (widths[0] + 2) + sentence]
    return "\n".join(map(printable, lines))


def _moved(entry: Entry) -> str:
    """Return `1 -> 2` if version 2 became the champion, `1, not 2` if it did not."""
    before, after = entry.from_version or "none", entry.to_version or "none"
    if entry.event in ("HOLD", "REJECT"):
        return f"{before}, not {after}"
    return before if before == after else f"{before} -> {after}"
