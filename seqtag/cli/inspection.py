"""Commands to inspect: `show`, `explain`, `plan` and `doctor`."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqtag.artifacts import find_manifest
from seqtag.cli.common import REFUSED, echo_json, open_or_create_workspace, open_tagger, open_workspace
from seqtag.cli.names import JSON, RUN, TAGGER
from seqtag.errors import ConfigError, OtherVersionError, SeqtagError
from seqtag.formatting import sentence
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir

if TYPE_CHECKING:
    from seqtag.steps import Workspace

_QUIET = {"tensorflow": "seqtag.neural._tensorflow"}  # keeps TensorFlow from logging
_PACKAGES = ("pyarrow", "pandas", "great_expectations", "tensorflow", "mlflow")
_FREE_BYTES = 2 * 1024**3


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (show, explain, plan, doctor):
        app.command(command.__name__)(command)


def show(run: Annotated[str | None, RUN] = None, as_json: Annotated[bool, JSON] = False) -> None:
    """Show the steps of a run and its outcome. Default: the newest run, if there is one tagger.

    Examples: `seqtag show sample` for the newest run, `seqtag show sample@champion`,
    `seqtag show 2026-01-31-9f86d081-2c26b46b`
    """
    from seqtag import steps
    from seqtag.steps.lookup import find_run, only_tagger

    workspace = open_workspace()
    at = find_run(run or only_tagger(workspace, command="show"), workspace)
    if as_json:
        echo_json(_shown(at, workspace))
        return
    typer.echo(f"Run {at.id} of {at.tagger}: {at.path}\n")
    for step in STEPS:
        manifest = find_manifest(at.output(step.name))
        if step.name == "baseline" and manifest is None:  # not configured
            continue
        done = f"{manifest.seconds:9.1f} s   {manifest.digest[:12]}" if manifest else "not done"
        typer.echo(f"  {step.name:16} {done:>14}")
    if find_manifest(at.output("promote")) is not None:
        try:
            status = sentence(steps.status_text(at, workspace))
            decided = steps.final_decision(at).sentence
            outcome = steps.outcome_text(at, f"{status}. Decision of the run: {decided}")
        except OtherVersionError as error:
            outcome = f"The outcome cannot be shown: {error}\nThe report has it: {at.report}"
        typer.echo("\n" + outcome)


def _shown(run: RunDir, workspace: Workspace) -> dict[str, Any]:
    """Return the steps of a run, its decision, and the status of its version as a sentence."""
    from seqtag import steps

    manifests = [(step, find_manifest(run.output(step.name))) for step in STEPS]
    shown: dict[str, Any] = {
        "run": run.id,
        "tagger": run.tagger,
        "path": run.path,
        "steps": [
            {
                "step": step.name,
                "seconds": found.seconds,
                "digest": found.digest,
                "path": run.output(step.name),
            }
            for step, found in manifests
            if found is not None
        ],
    }
    if find_manifest(run.output("promote")) is not None:
        status, decision = steps.status_text(run, workspace), steps.final_decision(run)
        shown |= {"status": status, "decision": decision.content()}
    return shown


def explain(tagger: Annotated[str, TAGGER], as_json: Annotated[bool, JSON] = False) -> None:
    """Dry run: list the steps that a retraining would run now, and the inputs that changed.

    Example: `seqtag explain sample`
    """
    from seqtag import steps

    config, _ = open_tagger(tagger)
    workspace = open_workspace()
    logging.getLogger("seqtag").setLevel(logging.WARNING)  # the plan is the output
    explained = steps.explain(config, workspace)
    if as_json:
        echo_json(asdict(explained))
    else:
        typer.echo(steps.dry_run_text(explained))


def plan(
    tagger: Annotated[str, TAGGER],
    improvement: Annotated[
        list[float] | None,
        typer.Option(
            help="Improvement in percentage points, such as 0.3; repeatable. Default: common values."
        ),
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Estimate the test documents needed to detect an improvement, from the newest comparison.

    Examples: `seqtag plan sample`, the same with `--improvement 0.3`
    """
    from seqtag import steps
    from seqtag.reporting import plan_text

    fractions = [points / 100 for points in improvement or ()]
    config, _ = open_tagger(tagger)
    run, found = steps.plan(config, open_workspace(), improvements=fractions)
    if as_json:
        echo_json({"run": run.id, **asdict(found)})
    else:
        typer.echo(plan_text(found, run_id=run.id))


def doctor() -> None:
    """Check packages, home folder, registry and ledger, and report what to fix. Nothing is created.

    Example: `seqtag doctor`
    """
    workspace = open_or_create_workspace()
    checks = (_python, _packages, _home, _registry, _ledger, _training)
    faults = [fault for check in checks for fault in check(workspace)]
    for fault in faults:
        typer.echo(f"FIX   {fault}")
    if faults:
        raise typer.Exit(REFUSED)
    typer.echo("No problems found.")


def _python(_: Workspace) -> list[str]:
    typer.echo(f"ok    Python {sys.version.split()[0]}")
    return []


def _packages(_: Workspace) -> list[str]:
    faults = []
    for name in _PACKAGES:
        started = time.monotonic()
        try:
            importlib.import_module(_QUIET.get(name, name))
            version = getattr(sys.modules[name], "__version__", "?")
        except ImportError as error:
            faults.append(
                f"{name} cannot be imported ({error}): install with constraints.txt, as `make run` does"
            )
        else:
            typer.echo(f"ok    {name} {version}, imported in {time.monotonic() - started:.1f} s")
    return faults


def _home(workspace: Workspace) -> list[str]:
    root = workspace.home.root
    try:
        workspace.require_writable()
    except ConfigError as error:
        return [str(error)]
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < _FREE_BYTES:
        return [f"{root} has {free / 1024**3:.1f} GiB free; a retraining needs 2 GiB"]
    state = "" if existing == root else ", which the first retraining creates"
    typer.echo(f"ok    home {root}{state}, {free / 1024**3:.0f} GiB free")
    return []


def _registry(workspace: Workspace) -> list[str]:
    found = workspace.registry()
    try:
        if not found.exists():
            typer.echo("ok    registry, which the first retraining creates")
            return []
        found.check()
    except SeqtagError as error:
        advice = ": check SEQTAG_REGISTRY_URL, and that the database is running"
        return [f"{error}{'' if isinstance(error.__cause__, OSError) else advice}"]
    typer.echo("ok    registry")
    return []


def _ledger(workspace: Workspace) -> list[str]:
    """Check the ledger if it has a separate database; a registry in a database has the ledger there."""
    if workspace.ledger_url is None:
        return []
    try:
        state = "" if workspace.registry().has_ledger() else ", which the first retraining creates"
    except SeqtagError as error:
        return [f"{error}: check SEQTAG_LEDGER_URL, and that the database is running"]
    typer.echo(f"ok    ledger{state}")
    return []


def _training(_workspace: Workspace) -> list[str]:
    from seqtag.neural import native

    if native.has_gpu():
        typer.echo("ok    training, with XLA on a GPU")
        return []
    operations = native.operations()
    if operations is None:
        return ["training uses XLA instead of the native operations; the line above says why"]
    typer.echo(f"ok    training, with native operations for {operations.instruction_set}")
    return []
