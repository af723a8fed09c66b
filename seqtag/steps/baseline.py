"""Baseline: a CRF to compare the neural model with, if the configuration asks for one."""

from __future__ import annotations

from pathlib import Path

from seqtag.artifacts import Manifest, require_manifest
from seqtag.baseline import write_baseline
from seqtag.config import config_inputs
from seqtag.features import ColumnIndex
from seqtag.run_dir import RunDir
from seqtag.steps.context import read_config
from seqtag.steps.planned_run import DryRun
from seqtag.steps.step import run_step


def baseline(run: RunDir, *, dry_run: DryRun | None = None) -> Manifest | None:
    """Train a CRF for comparison, if `evaluate.baseline` asks for one.

    Writes `baseline/`: its predictions on test; nothing without a baseline.

    Raises:
        ConfigError: the package that it needs is not installed.
        TrainingError: there is nothing to learn from.
    """
    config = read_config(run)
    algorithm = config.evaluate.baseline
    if algorithm == "none":
        return None
    splits = require_manifest(run.output("split")).outputs
    train, test = run.split("train"), run.split("test")

    def write(folder: Path) -> None:
        predictions = folder / run.baseline_predictions.name
        columns = ColumnIndex.load(run.output("index"))
        facts = write_baseline(
            train, test, predictions, algorithm=algorithm, seed=config.seed, columns=columns
        )
        facts.save(folder / run.baseline_facts.name)

    inputs = {
        "train split": splits[train.name],
        "test split": splits[test.name],
        "columns": ColumnIndex.load(run.output("index")).digest,
        **config_inputs(config, "evaluate.baseline", "seed"),
    }
    return run_step(baseline, run, inputs=inputs, write=write, dry_run=dry_run)
