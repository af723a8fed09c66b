"""Command `remove`: delete the runs of a tagger, or those that are outdated."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from seqtag.cli.common import open_workspace
from seqtag.cli.names import TAGGER
from seqtag.errors import ConfigError
from seqtag.formatting import count, plural

if TYPE_CHECKING:
    from pathlib import Path

    from seqtag.steps import Workspace
    from seqtag.steps.remove import TaggerFolder


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("remove")(remove)


def remove(
    tagger: Annotated[str, TAGGER],
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            min=1,
            help="Keep so many of the newest runs, and all that is in use, such as the champion's.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, only list.")] = False,
) -> None:
    """List, or with `--yes` delete, the runs, snapshots and drift reports of a tagger.

    The registry and the ledger are kept: its versions can still tag and be served. Its TOML file, and what it
    tagged in bulk, are kept, too; delete the file and run `make deploy` to remove its deployments.

    With `--keep N`, outdated runs and snapshots only. The newest N runs are kept, and those that an alias, a
    block, an approval request or an unfinished bulk tagging names, that are running or were written in the
    last day, or that a kept run was compared with. So are the snapshots of these, those read in the last day,
    and drift reports. Taggers that are trained together are listed one by one.

    Example: `seqtag remove sample`, then `seqtag remove sample --yes`

    Example: `seqtag remove sample --keep 30 --yes`
    """
    from seqtag import steps
    from seqtag.steps.lookup import find_tagger_file, tagger_name

    workspace = open_workspace()
    file, name = find_tagger_file(tagger), tagger_name(tagger, workspace)
    if yes:
        workspace.require_writable()
    if keep is not None:
        _remove_outdated(name, file, workspace, keep=keep, yes=yes)
        return
    folders = steps.removable_folders(name, workspace)
    if not folders:
        raise ConfigError(f"nothing to remove: {name!r} has no runs in {workspace.home.root}")
    if yes:
        steps.remove(folders)
    _echo_folders(folders, yes=yes)
    n_versions = len(workspace.registry().versions(name))
    typer.echo(f"keeps    {plural(n_versions, 'version')} in the registry, and the ledger")
    if file is not None:
        typer.echo(f"keeps    {file}; delete it and run `make deploy` to remove its deployments")
    if not yes:
        typer.echo(f"Nothing was removed. To remove: seqtag remove {name} --yes")


def _remove_outdated(name: str, file: Path | None, workspace: Workspace, *, keep: int, yes: bool) -> None:
    from seqtag import steps
    from seqtag.config import load_tagger

    config = None if file is None else load_tagger(file)
    with steps.snapshots_locked(name, workspace) if yes else nullcontext():
        found = steps.retention(name, workspace, n_runs=keep, config=config)
        n_bytes = steps.freed_bytes(found.outdated)
        if not found.kept and not found.outdated:
            raise ConfigError(f"nothing to remove: {name!r} has no runs in {workspace.home.root}")
        if yes:
            steps.remove(found.outdated)
    _echo_folders(found.outdated, yes=yes)
    for run, reasons in found.kept.items():
        typer.echo(f"keeps    {workspace.home.runs(name) / run}  {', '.join(reasons)}")
    typer.echo(f"{'freed' if yes else 'would free'}  {count(n_bytes / 1e6)} MB")
    if found.outdated and not yes:
        typer.echo(f"Nothing was removed. To remove: seqtag remove {name} --keep {keep} --yes")


def _echo_folders(folders: Sequence[TaggerFolder], *, yes: bool) -> None:
    done = "removed" if yes else "would remove"
    for folder in folders:
        size = f"{count(folder.size / 1e6)} MB in {plural(folder.n_files, 'file')}"
        typer.echo(f"{done}  {folder.path}  {size}")
