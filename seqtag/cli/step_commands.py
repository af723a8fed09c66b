"""One command per verb, and `retrain` for all of them in order, without Prefect."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from seqtag import steps
from seqtag.artifacts import (
    read_json,
)
from seqtag.cli.common import RUN, TAGGER, find_run, open_tagger, open_workspace
from seqtag.cli.registry_commands import audit_context
from seqtag.run_dir import RunDir

Tagger = Annotated[Path, TAGGER]
Run = Annotated[str, RUN]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (retrain, ingest, open_run, validate, split, index, encode, baseline, train):
        app.command(command.__name__.replace("_", "-"), rich_help_panel="Verbs")(command)
    for command in (anchor, evaluate, decide, report):
        app.command(command.__name__, rich_help_panel="Verbs")(command)


def retrain(
    tagger: Tagger,
    force: Annotated[
        list[str] | None, typer.Option(help="A step to do in any case; may be repeated.")
    ] = None,
) -> None:
    """Run all verbs in order, without Prefect; what stands already is not done again.

    Examples: `seqtag retrain deployments/taggers/sample.toml`, the same with `--force train`
    """
    steps.check_step_names(force or [])
    config, where, day = open_tagger(tagger)
    run = steps.open_run(config, steps.ingest(config, where), where, as_of=day)
    steps.force(run, force or [], by=datetime.now(UTC).isoformat())
    steps.validate(run)
    steps.split(run)
    steps.index(run)
    steps.encode(run)
    steps.baseline(run)
    _train(run)
    steps.anchor(run)
    steps.evaluate(run)
    steps.decide(run)
    steps.register(run, where)
    steps.infra_validate(run, where)
    steps.promote(run, where, by=audit_context("retrain"))
    steps.report(run)
    typer.echo(steps.outcome_text(run))


def ingest(tagger: Tagger) -> None:
    """Read the sources into a snapshot; print its folder.

    Example: `seqtag ingest deployments/taggers/sample.toml`
    """
    config, where, _ = open_tagger(tagger)
    typer.echo(steps.ingest(config, where).path)


def open_run(tagger: Tagger) -> None:
    """Read the sources, find or begin the run directory; print it.

    Example: `RUN=$(seqtag open-run deployments/taggers/sample.toml)`
    """
    config, where, day = open_tagger(tagger)
    typer.echo(steps.open_run(config, steps.ingest(config, where), where, as_of=day).path)


def validate(run: Run) -> None:
    """Judge the snapshot; print the data docs' address.

    Example: `seqtag validate sample`
    """
    at = find_run(run, open_workspace())
    steps.validate(at)
    typer.echo(at.data_docs)


def split(run: Run) -> None:
    """Deal the accepted sequences out to train, dev and test.

    Example: `seqtag split sample`
    """
    at = find_run(run, open_workspace())
    steps.split(at)
    typer.echo(at.splits)


def index(run: Run) -> None:
    """Number words, characters and tags of train.

    Example: `seqtag index sample`
    """
    at = find_run(run, open_workspace())
    steps.index(at)
    typer.echo(at.vocabulary)


def encode(run: Run) -> None:
    """Write padded ids as Parquet, by length.

    Example: `seqtag encode sample`
    """
    at = find_run(run, open_workspace())
    steps.encode(at)
    typer.echo(at.encoded)


def baseline(run: Run) -> None:
    """Train a CRF to see the neural model beside, if `evaluate.baseline` asks for one.

    Example: `seqtag baseline sample`
    """
    at = find_run(run, open_workspace())
    made = steps.baseline(at)
    typer.echo(at.baseline_dir if made else 'none was asked for: evaluate.baseline = "none"')


def train(run: Run) -> None:
    """Fit the recipe and keep the best epoch.

    Example: `seqtag train sample`
    """
    at = find_run(run, open_workspace())
    _train(at)
    typer.echo(at.model)


def anchor(run: Run) -> None:
    """Train the champion's recipe on this split, if the champion cannot be compared on it.

    Example: `seqtag anchor sample`
    """
    at = find_run(run, open_workspace())
    steps.anchor(at)
    barred = read_json(at.anchor)["barred"]
    typer.echo("not needed" if barred is None else f"{at.anchor_dir}: {barred}")


def evaluate(run: Run) -> None:
    """Score challenger and champion on the same test sequences.

    Example: `seqtag evaluate sample`
    """
    at = find_run(run, open_workspace())
    steps.evaluate(at)
    typer.echo(at.metrics)


def decide(run: Run) -> None:
    """Say PROMOTE, HOLD or REJECT, with the numbers.

    Example: `seqtag decide sample`
    """
    at = find_run(run, open_workspace())
    steps.decide(at)
    typer.echo(read_json(at.decision)["sentence"])


def report(run: Run) -> None:
    """Write the report for people; print its address.

    Example: `seqtag report sample`
    """
    at = find_run(run, open_workspace())
    steps.report(at)
    typer.echo(at.report)


def _train(run: RunDir) -> None:
    with _progress(run) as on_epoch:
        steps.train(run, on_epoch=on_epoch)


@contextmanager
def _progress(run: RunDir) -> Iterator[Callable[[Mapping[str, Any]], None] | None]:
    """Show a bar on a terminal; elsewhere the log's line per epoch is all there is."""
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
