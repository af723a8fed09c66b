"""The baseline that the neural model is seen beside, where the configuration asks for one."""

from __future__ import annotations

from pathlib import Path

from seqtag.artifacts import Manifest, require_manifest, write_json
from seqtag.run_dir import RunDir
from seqtag.steps.context import read_config, step


def baseline(run: RunDir) -> Manifest | None:
    """Train the baseline on train and tag test with it. Writes `baseline/`; nothing if none was asked for.

    Raises:
        ConfigError: the package that it needs is not installed.
        TrainingError: there is nothing to learn from.
    """
    from seqtag.baseline import write_baseline

    config = read_config(run)
    algorithm = config.evaluate.baseline
    if algorithm == "none":
        return None
    splits = require_manifest(run.splits).outputs
    train, test = run.split("train"), run.split("test")

    def write(folder: Path) -> None:
        predictions = folder / run.baseline_predictions.name
        facts = write_baseline(train, test, predictions, algorithm=algorithm, seed=config.seed)
        write_json(folder / run.baseline_facts.name, facts)

    inputs = {
        "train": splits[train.name],
        "test": splits[test.name],
        "algorithm": algorithm,
        "seed": str(config.seed),
    }
    return step(run.baseline_dir, "baseline", inputs, write)
