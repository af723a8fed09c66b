"""Step commands: one for each step, and `retrain` for all of them in order, without Prefect."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from seqtag import steps
from seqtag.cli.common import open_or_create_workspace, open_tagger, open_workspace
from seqtag.cli.names import RUN, TAGGER
from seqtag.cli.registry_commands import audit_context
from seqtag.gate import Decision
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir
from seqtag.steps.lookup import find_run

Tagger = Annotated[str, TAGGER]
Run = Annotated[str, RUN]
_PANEL = "Steps"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (retrain, ingest, open_run):
        app.command(command.__name__.replace("_", "-"), rich_help_panel=_PANEL)(command)
    for step in STEPS:
        app.command(step.name.replace("_", "-"), rich_help_panel=_PANEL)(_command(step.name))


def retrain(
    tagger: Tagger,
    force: Annotated[
        list[str] | None, typer.Option(help="A step to run even if nothing changed; repeatable.")
    ] = None,
) -> None:
    """Run all steps in order, without Prefect; steps that are up to date are skipped.

    Examples: `seqtag retrain sample`, the same with `--force train`
    """
    steps.check_step_names(force or [])
    config, day = open_tagger(tagger)
    workspace = open_or_create_workspace()
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=day)
    steps.force(run, force or [], by=datetime.now(UTC).isoformat())
    earlier = steps.outcome_digest(run, workspace)
    for step in STEPS:
        _run(step.name, run, workspace, command="retrain")
    outcome = steps.run_outcome(run, workspace, earlier=earlier)
    typer.echo(steps.outcome_text(run, None if outcome.is_new else outcome.sentence))


def ingest(tagger: Tagger) -> None:
    """Read the sources into a snapshot and print its folder.

    Example: `seqtag ingest sample`
    """
    config, _ = open_tagger(tagger)
    typer.echo(steps.ingest(config, open_or_create_workspace()).path)


def open_run(tagger: Tagger) -> None:
    """Read the sources, find or create the run directory, and print its path.

    Example: `RUN=$(seqtag open-run sample)`
    """
    config, day = open_tagger(tagger)
    workspace = open_or_create_workspace()
    typer.echo(steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=day).path)


def _command(name: str) -> Callable[[str], None]:
    """Return the command of a step; its help is the first line of the docstring of the step."""

    def command(run: Run) -> None:
        workspace = open_workspace()
        at = find_run(run, workspace)
        _run(name, at, workspace, command=name)
        typer.echo(_RESULTS[name](at) if name in _RESULTS else at.output(name))

    summary = (inspect.getdoc(getattr(steps, name)) or "").splitlines()[0]
    command.__doc__ = f"{summary}\n\nExample: `seqtag {name.replace('_', '-')} sample`"
    return command


def _run(name: str, run: RunDir, workspace: steps.Workspace, *, command: str) -> None:
    step = getattr(steps, name)
    if name == "train":
        with _progress(run) as on_epoch:
            step(run, on_epoch=on_epoch)
    elif name in ("register", "infra_validate"):
        step(run, workspace)
    elif name == "promote":
        step(run, workspace, by=audit_context(command))
    else:
        step(run)


# Outputs of commands that print something else than the folder of the step.
_RESULTS: Mapping[str, Callable[[RunDir], object]] = {
    "validate": lambda run: run.data_docs,
    "baseline": lambda run: (
        run.output("baseline") if run.baseline_facts.exists() else 'no baseline: evaluate.baseline = "none"'
    ),
    "anchor": lambda run: (
        "not needed"
        if (reason := steps.ChampionAnchor.load(run.anchor).obstacle) is None
        else f"{run.output('anchor')}: {reason}"
    ),
    "evaluate": lambda run: run.metrics,
    "decide": lambda run: Decision.load(run.decision).sentence,
    "register": lambda run: run.registration,
    "infra_validate": lambda run: run.infra,
    "promote": lambda run: f"{steps.final_decision(run).sentence} {steps.servers_note(run)}".rstrip(),
    "report": lambda run: run.report,
}


@contextmanager
def _progress(run: RunDir) -> Iterator[Callable[[Mapping[str, Any]], None] | None]:
    """Show a progress bar on a terminal; otherwise the log has a line per epoch."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=steps.read_config(run).train.max_epochs)

        def advance(epoch: Mapping[str, Any]) -> None:
            progress.update(bar, advance=1, description=f"training, dev {epoch['dev_score']:.4f}")

        yield advance
