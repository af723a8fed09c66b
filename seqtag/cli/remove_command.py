"""Command `remove`: delete the runs of a tagger."""

from __future__ import annotations

from typing import Annotated

import typer

from seqtag.cli.common import open_workspace
from seqtag.cli.names import TAGGER
from seqtag.errors import ConfigError
from seqtag.formatting import count, plural


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("remove")(remove)


def remove(
    tagger: Annotated[str, TAGGER],
    yes: Annotated[bool, typer.Option("--yes", help="Delete. Without it, only list.")] = False,
) -> None:
    """List, or with `--yes` delete, the runs, snapshots and drift reports of a tagger.

    The registry and the ledger are kept: its versions can still tag and be served. Its TOML file, and what it
    tagged in bulk, are kept, too; delete the file and run `make deploy` to remove its deployments.

    Example: `seqtag remove sample`, then `seqtag remove sample --yes`
    """
    from seqtag import steps
    from seqtag.steps.lookup import find_tagger_file, tagger_name

    workspace = open_workspace()
    file, name = find_tagger_file(tagger), tagger_name(tagger, workspace)
    folders = steps.removable_folders(name, workspace)
    if not folders:
        raise ConfigError(f"nothing to remove: {name!r} has no runs in {workspace.home.root}")
    if yes:
        workspace.require_writable()
        steps.remove(folders)
    done = "removed" if yes else "would remove"
    for folder in folders:
        size = f"{count(folder.size / 1e6)} MB in {plural(folder.n_files, 'file')}"
        typer.echo(f"{done}  {folder.path}  {size}")
    n_versions = len(workspace.registry().versions(name))
    typer.echo(f"keeps    {plural(n_versions, 'version')} in the registry, and the ledger")
    if file is not None:
        typer.echo(f"keeps    {file}; delete it and run `make deploy` to remove its deployments")
    if not yes:
        typer.echo(f"Nothing was removed. To remove: seqtag remove {name} --yes")
