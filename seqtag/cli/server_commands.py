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
    _bound(port, "if `make up` runs MLflow's page, open it").close()  # MLflow would end with exit code 0
    typer.echo(f"MLflow at http://{HOST}:{port}/#/models, until Ctrl-C", err=True)
    _exec(workspace, page_command(workspace.home.artifacts, port=port))


def serve(
    model: Annotated[str, VERSION],
    alias: Annotated[str | None, ALIAS] = None,
    port: Annotated[int, PORT] = 5001,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen at, such as 0.0.0.0 in a container; there is no access control. "
            "Default: 127.0.0.1."
        ),
    ] = None,
    poll: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds between polls of the registry. Default: 10.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="Folder for the answers, as Parquet for the flow `monitor`. Default: no log."),
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

    A new champion answers as soon as it has passed a smoke test on this host. TAGGER@VERSION serves that
    version and does not follow the registry. Each answer names its version in `model_version`.

    Example: `seqtag serve sample`, and then `curl -H 'Content-Type: application/json'
    -d '{"dataframe_records": [{"tokens": ["search", "checkout"]}]}' http://127.0.0.1:5001/invocations`
    """
    from seqtag.registry import mlflow_environment
    from seqtag.steps.lookup import find_version

    name = model if alias is None else f"{model}@{alias}"
    is_fixed = "@" in name and not name.endswith("@champion") and not Path(name).is_file()
    if is_fixed and (poll is not None or shadow):
        raise ConfigError(
            f"--poll and --shadow follow the registry: expected a tagger without version, got {name!r}"
        )
    if shadow and log is None:
        raise ConfigError("--shadow needs --log: expected a folder for the disagreements")
    workspace = open_workspace()
    tagger, found = find_version(name, workspace)
    listener = _bound(port, "stop the server that uses it", host=host)
    listener.listen()  # else another server could bind it during the smoke test
    os.environ.update(mlflow_environment(workspace.registry_url))
    from seqtag.serving import Limits, ServerOptions, serve_tagger

    options = ServerOptions(
        limits=Limits(requests=max_requests, body_bytes=max_bytes),
        poll_seconds=None if is_fixed else poll or 10.0,
        log=log,
        shadow=shadow,
    )
    serve_tagger(tagger, found.version, workspace, options, listener=listener)


def _bound(port: int, fix: str, *, host: str | None = None) -> socket.socket:
    """Return a socket on a port.

    Raises:
        ConfigError: the port is in use, or may not be used, or the host is not an address of this machine.
    """
    from seqtag.config import HOST

    host = host or HOST
    try:
        family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        raise ConfigError(
            f"host {host} is unknown: expected an address of this machine, such as {HOST} or 0.0.0.0; "
            "correct --host"
        ) from error
    # asyncio sets TCP_NODELAY only on connections of a socket that names TCP; else answers wait for 40 ms
    bound = socket.socket(family, proto=socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was in use a moment ago
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"port {port} cannot be used: {why}: expected a free port on {host}; {fix}, or name another "
            "one with --port"
        ) from error
    return bound


def _exec(workspace: Workspace, command: list[str]) -> NoReturn:
    """Replace this process by an MLflow command on the registry."""
    from seqtag.registry import mlflow_environment

    os.chdir(workspace.home.root)
    os.execve(command[0], command, mlflow_environment(workspace.registry_url))  # noqa: S606 - the command is not user input
