"""Commands that look and serve: `show`, `explain`, `plan`, `doctor`, `registry` and `serve`."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from seqtag import steps
from seqtag.artifacts import (
    find_manifest,
)
from seqtag.cli.common import REFUSED, RUN, TAGGER, find_run, open_tagger, open_workspace
from seqtag.errors import SeqtagError
from seqtag.pipeline import STEPS
from seqtag.registry import mlflow_environment, page_command, serve_command

_PACKAGES = ("pyarrow", "pandas", "great_expectations", "tensorflow", "mlflow")
_FREE_BYTES = 2 * 1024**3


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (show, explain, plan, doctor, registry, serve):
        app.command(command.__name__)(command)


def show(run: Annotated[str, RUN]) -> None:
    """Show what a run's steps did and what came of them.

    Examples: `seqtag show sample` for the newest run, `seqtag show 2026-01-31-9f86d081-2c26b46b`
    """
    where = open_workspace()
    at = find_run(run, where)
    typer.echo(f"Run {at.id} of {at.tagger}: {at.path}\n")
    for step in STEPS:
        manifest = find_manifest(at.output(step.name))
        if step.name == "baseline" and manifest is None:  # none was asked for
            continue
        done = f"{manifest.seconds:9.1f} s   {manifest.digest[:12]}" if manifest else "not done"
        typer.echo(f"  {step.folder:14} {done:>14}")
    if find_manifest(at.output("promote")) is not None:
        typer.echo("\n" + steps.outcome_text(at))


def explain(tagger: Annotated[Path, TAGGER]) -> None:
    """Say, step by step, what a retraining would do if it began now, and which of its inputs changed.

    Example: `seqtag explain deployments/taggers/sample.toml`
    """
    config, where, _ = open_tagger(tagger)
    logging.getLogger("seqtag").setLevel(logging.WARNING)  # the plan is the output
    typer.echo(steps.dry_run_text(steps.explain(config, where)))


def plan(
    tagger: Annotated[Path, TAGGER],
    improvement: Annotated[
        list[float] | None,
        typer.Option(help="Improvement in points, such as 0.3; may be repeated. None: some common ones."),
    ] = None,
) -> None:
    """Say how many test documents it takes to find an improvement, and what today's test split finds.

    Examples: `seqtag plan deployments/taggers/sample.toml`, the same with `--improvement 0.3`
    """
    from seqtag.reporting import plan_text

    fractions = [points / 100 for points in improvement or ()]
    config, where, _ = open_tagger(tagger)
    run, found = steps.plan(config, where, improvements=fractions)
    typer.echo(plan_text(found, run_id=run.id))


def doctor() -> None:
    """Import everything, open the stores, and say what to fix.

    Example: `seqtag doctor`
    """
    where = open_workspace()
    ailments = [fault for check in (_python, _packages, _home, _registry) for fault in check(where)]
    for fault in ailments:
        typer.echo(f"FIX   {fault}")
    if ailments:
        raise typer.Exit(REFUSED)
    typer.echo("All is well.")


def registry(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5000) -> None:
    """Serve MLflow's page on the registry until interrupted.

    Example: `seqtag registry --port 5001`
    """
    where = open_workspace()
    where.registry().check()
    typer.echo(f"MLflow at http://127.0.0.1:{port}/#/models, until Ctrl-C", err=True)
    _become(where, page_command(where.home.artifacts, port=port))


def serve(
    tagger: Annotated[str, typer.Argument(help="A tagger of the registry.")],
    alias: Annotated[str, typer.Option(help="champion, challenger or previous.")] = "champion",
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 5001,
) -> None:
    """Serve a registered model over HTTP with MLflow until interrupted.

    Example: `seqtag serve sample`, and then `curl -H 'Content-Type: application/json'
    -d '{"dataframe_records": [{"tokens": ["search", "checkout"]}]}' http://127.0.0.1:5001/invocations`
    """
    where = open_workspace()
    where.registry().check()
    _become(where, serve_command(tagger, alias, port=port))


def _become(where: steps.Workspace, command: list[str]) -> NoReturn:
    """Become one of MLflow's commands on our registry."""
    os.chdir(where.home.root)
    os.execve(command[0], command, mlflow_environment(where.registry_url))  # noqa: S606 - it is ours to the end


def _python(_: steps.Workspace) -> list[str]:
    typer.echo(f"ok    Python {sys.version.split()[0]}")
    return []


def _packages(_: steps.Workspace) -> list[str]:
    faults = []
    for name in _PACKAGES:
        started = time.monotonic()
        try:
            version = getattr(importlib.import_module(name), "__version__", "?")
        except ImportError as error:
            faults.append(f"{name} does not import ({error}): install with constraints.txt, `make run` does")
        else:
            typer.echo(f"ok    {name} {version}, imported in {time.monotonic() - started:.1f} s")
    return faults


def _home(where: steps.Workspace) -> list[str]:
    root = where.home.root
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return [f"{root} cannot be written ({error.strerror}): set SEQTAG_HOME to a folder of yours"]
    free = shutil.disk_usage(root).free
    if free < _FREE_BYTES:
        return [f"{root} has {free / 1024**3:.1f} GiB free; a retraining wants 2 GiB"]
    typer.echo(f"ok    home {root}, {free / 1024**3:.0f} GiB free")
    return []


def _registry(where: steps.Workspace) -> list[str]:
    try:
        where.registry().check()
    except SeqtagError as error:
        return [f"{error}: is SEQTAG_REGISTRY_URL right, and the database up?"]
    typer.echo("ok    registry")
    return []
