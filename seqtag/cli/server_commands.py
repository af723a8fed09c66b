"""Commands that run a server: `registry` and `serve`."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from seqtag.cli.common import open_workspace
from seqtag.cli.names import ALIAS, VERSION
from seqtag.errors import ConfigError

if TYPE_CHECKING:
    from seqtag.steps import Workspace

PORT = typer.Option(help="Port on this machine.")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (registry, serve):
        app.command(command.__name__)(command)


def registry(port: Annotated[int, PORT] = 5000) -> None:
    """Serve the MLflow page of the registry until interrupted; print its address if it is an MLflow server.

    Example: `seqtag registry --port 5001`
    """
    from seqtag.config import HOST
    from seqtag.config.database_url import is_server_url
    from seqtag.config.secrets import hide_passwords
    from seqtag.registry import page_command

    workspace = open_workspace()
    if not is_server_url(workspace.registry_url):
        workspace.require_writable()
    workspace.registry().check()
    if is_server_url(workspace.registry_url):
        server = hide_passwords(workspace.registry_url).rstrip("/")
        typer.echo(f"The registry is an MLflow server, which has its own page: {server}/#/models")
        return
    _require_free_port(port, "if `make up` runs MLflow's page, open it")
    typer.echo(f"MLflow at http://{HOST}:{port}/#/models, until Ctrl-C", err=True)
    _exec(workspace, page_command(workspace.home.artifacts, port=port))


def serve(
    model: Annotated[str, VERSION],
    alias: Annotated[str | None, ALIAS] = None,
    port: Annotated[int, PORT] = 5001,
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between looks for another champion.")] = 10.0,
    log: Annotated[
        Path | None,
        typer.Option(help="Folder for the answers, as Parquet that `seqtag monitor` reads. Default: no log."),
    ] = None,
    shadow: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of sequences that the challenger tags as well; disagreements are logged.",
        ),
    ] = 0.0,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests at a time; others are answered with status 503.")
    ] = 64,
    max_bytes: Annotated[
        int, typer.Option(min=1, help="Bytes of a request; a longer one is answered with status 413.")
    ] = 1_000_000,
) -> None:
    """Serve the champion of a tagger over HTTP until interrupted, and each new champion after it.

    A new champion answers as soon as it has passed a smoke test on this host. With TAGGER@VERSION, this
    version is served only. Each answer names its version in `model_version`.

    Example: `seqtag serve sample`, and then `curl -H 'Content-Type: application/json'
    -d '{"dataframe_records": [{"tokens": ["search", "checkout"]}]}' http://127.0.0.1:5001/invocations`
    """
    from seqtag.registry import mlflow_environment
    from seqtag.steps.lookup import find_version

    if shadow and log is None:
        raise ConfigError("--shadow has no place for its disagreements: expected --log FOLDER too")
    workspace = open_workspace()
    name = model if alias is None else f"{model}@{alias}"
    tagger, found = find_version(name, workspace)
    _require_free_port(port, "stop the server that uses it")
    os.environ.update(mlflow_environment(workspace.registry_url))
    from seqtag.serving import Limits, ServerOptions, serve_tagger

    is_fixed = "@" in name and not Path(name).is_file()
    options = ServerOptions(
        port=port,
        limits=Limits(requests=max_requests, body_bytes=max_bytes),
        poll_seconds=None if is_fixed else poll,
        log=log,
        shadow=shadow,
    )
    serve_tagger(tagger, found.version, workspace, options)


def _require_free_port(port: int, fix: str) -> None:
    """Check that a port can be used; MLflow would report one in use with exit code 0.

    Raises:
        ConfigError: the port is in use, or may not be used.
    """
    from seqtag.config import HOST

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as MLflow's server does
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"port {port} cannot be used: {why}: expected a free port on {HOST}; {fix}, or name another "
                "one with --port"
            ) from error


def _exec(workspace: Workspace, command: list[str]) -> NoReturn:
    """Replace this process by an MLflow command on the registry."""
    from seqtag.registry import mlflow_environment

    os.chdir(workspace.home.root)
    os.execve(command[0], command, mlflow_environment(workspace.registry_url))  # noqa: S606 - the command is not user input
