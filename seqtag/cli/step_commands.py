"""Step commands: one for each step, and `retrain` for all of them in order, without Prefect."""

from __future__ import annotations

import ast
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqtag.cli.common import continued_by, open_tagger, open_workspace, open_writable_workspace
from seqtag.cli.names import RUN, TAGGER
from seqtag.cli.registry_commands import audit_context
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir

if TYPE_CHECKING:
    from seqtag.steps import Workspace

Tagger = Annotated[str, TAGGER]
Run = Annotated[str, RUN]
_PANEL = "Steps"
_OLDER_NAMES = {"anchor": "retrain_champion", "infra-validate": "smoke_test"}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (retrain, ingest, open_run):
        app.command(command.__name__.replace("_", "-"), rich_help_panel=_PANEL)(command)
    for step in STEPS:
        app.command(step.name.replace("_", "-"), rich_help_panel=_PANEL)(_command(step.name))
    for older, name in _OLDER_NAMES.items():
        app.command(older, hidden=True)(_command(name))


def retrain(
    tagger: Tagger,
    force: Annotated[
        list[str] | None, typer.Option(help="A step to run even if nothing changed; repeatable.")
    ] = None,
) -> None:
    """Run all steps in order, without Prefect; steps that are up to date are skipped.

    Examples: `seqtag retrain sample`, the same with `--force train`
    """
    from seqtag import steps

    steps.check_step_names(force or [])
    config, day = open_tagger(tagger)
    workspace = open_writable_workspace()
    with continued_by(f"retrain {shlex.quote(tagger)}"):
        runs = steps.open_runs(config, workspace, as_of=day)
        for run in runs:
            steps.force(run, force or [], by=datetime.now(UTC).isoformat())
        earlier = [steps.outcome_digest(run, workspace) for run in runs]
        for step in STEPS:
            for run in runs:
                _run(step.name, run, workspace, command="retrain")
    for run, before in zip(runs, earlier, strict=True):
        outcome = steps.run_outcome(run, workspace, earlier=before)
        typer.echo(steps.outcome_text(run, None if outcome.is_new else outcome.sentence))


def ingest(tagger: Tagger) -> None:
    """Read the sources into a snapshot and print its folder.

    Example: `seqtag ingest sample`
    """
    from seqtag import steps

    config, _ = open_tagger(tagger)
    typer.echo(steps.ingest(config, open_writable_workspace()).path)


def open_run(tagger: Tagger) -> None:
    """Read the sources, find or create the run directory, and print its path.

    With `[[further_tags]]` there is one for each tagger. Run each step for all of them before the next step.

    Example: `RUN=$(seqtag open-run sample)`
    """
    from seqtag import steps

    config, day = open_tagger(tagger)
    for run in steps.open_runs(config, open_writable_workspace(), as_of=day):
        typer.echo(run.path)


def _command(name: str) -> Callable[[str], None]:
    def command(run: Run) -> None:
        from seqtag.steps.lookup import find_run

        workspace = open_workspace()
        workspace.require_writable()
        at = find_run(run, workspace)
        with continued_by(f"{name.replace('_', '-')} {shlex.quote(run)}"):
            _run(name, at, workspace, command=name)
        typer.echo(_result(name, at))

    command.__doc__ = f"{_summary(name)}\n\nExample: `seqtag {name.replace('_', '-')} sample`"
    return command


def _summary(name: str) -> str:
    """Return the first line of the docstring of a step; its module is read, and not imported."""
    tree = ast.parse((Path(__file__).parents[1] / "steps" / f"{name}.py").read_bytes())
    step = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    return (ast.get_docstring(step) or "").splitlines()[0]


def _run(name: str, run: RunDir, workspace: Workspace, *, command: str) -> None:
    from seqtag import steps

    step = getattr(steps, name)
    if name == "train":
        with _progress(run) as on_epoch:
            step(run, on_epoch=on_epoch, scheduler=workspace.dask_scheduler)
    elif name == "retrain_champion":
        step(run, scheduler=workspace.dask_scheduler)
    elif name in ("register", "smoke_test"):
        step(run, workspace)
    elif name == "promote":
        step(run, workspace, by=audit_context(command))
    else:
        step(run)


def _result(name: str, run: RunDir) -> object:
    """Return what the command of a step prints: a file or a sentence, else the folder of the step."""
    from seqtag import steps
    from seqtag.gate import Decision

    match name:
        case "validate":
            return run.data_docs
        case "baseline" if not run.baseline_facts.exists():
            return 'no baseline: evaluate.baseline = "none"'
        case "retrain_champion":
            reason = steps.ChampionSubstitute.load(run.substitute).obstacle
            return "not needed" if reason is None else f"{run.output('retrain_champion')}: {reason}"
        case "evaluate":
            return run.metrics
        case "decide":
            return Decision.load(run.decision).sentence
        case "register":
            return run.registration
        case "smoke_test":
            return run.smoke_findings
        case "promote":
            return f"{steps.final_decision(run).sentence} {steps.servers_note(run)}".rstrip()
        case "report":
            return run.report
    return run.output(name)


@contextmanager
def _progress(run: RunDir) -> Iterator[Callable[[Mapping[str, Any]], None] | None]:
    """Show a progress bar on a terminal; otherwise the log has a line per epoch."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    from seqtag.steps import read_config

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=read_config(run).train.max_epochs)

        def advance(epoch: Mapping[str, Any]) -> None:
            progress.update(bar, advance=1, description=f"training, dev {epoch['dev_score']:.4f}")

        yield advance
