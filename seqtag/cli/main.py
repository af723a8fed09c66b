"""Entry point of the command line: registration of commands, and exit codes of errors."""

from __future__ import annotations

import select
import sys

import typer

from seqtag import __version__
from seqtag.cli import (
    diff_command,
    flow_commands,
    inspection,
    project_commands,
    registry_commands,
    remove_command,
    server_commands,
    status_command,
    step_commands,
    tag_command,
    tag_sources_command,
)
from seqtag.cli.common import DONE, REFUSED, WRONG_USE
from seqtag.cli.usage_errors import CommandGroup
from seqtag.errors import ConfigError, SeqtagError

app = typer.Typer(
    name="seqtag",
    cls=CommandGroup,
    help="Retrain BiLSTM sequence taggers, and promote only models that are better.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"seqtag {__version__}")
        raise typer.Exit(DONE)


@app.callback()
def _front(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Retrain BiLSTM sequence taggers, and promote only models that are better.

    All files are written to `$SEQTAG_HOME`. Default: the nearest `.seqtag`, in the working directory or a
    parent. Without one, `retrain`, `ingest` and `open-run` create it in the project (the nearest folder with
    `deployments/taggers`), or else in the working directory.
    """


project_commands.add_to(app)
step_commands.add_to(app)
registry_commands.add_to(app)
flow_commands.add_to(app)
tag_command.add_to(app)
tag_sources_command.add_to(app)
inspection.add_to(app)
server_commands.add_to(app)
diff_command.add_to(app)
remove_command.add_to(app)
status_command.add_to(app)


def main() -> None:
    """Run the command line; expected errors print one line and set the exit code, without a traceback."""
    try:
        app()
    except (SeqtagError, OSError) as error:  # OSError: disk, network, permissions
        if isinstance(error, BrokenPipeError) and not _is_read():
            sys.stderr.close()
            sys.exit(DONE)
        from seqtag.config.secrets import hide_passwords

        typer.echo(f"Error: {hide_passwords(str(error))}", err=True)
        sys.exit(WRONG_USE if isinstance(error, ConfigError) else REFUSED)


def _is_read() -> bool:
    """Return whether the reader of standard output is still there."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return not any(event & select.POLLERR for _, event in poll.poll(0))
