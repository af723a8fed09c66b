"""Train: fit the recipe in a subprocess, from the last checkpoint if there is one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqtag.artifacts import Manifest, digest, file_lock, remove_folder, require_manifest
from seqtag.code_version import code_version
from seqtag.config import config_inputs
from seqtag.corpus import sequence_ids
from seqtag.errors import MemoryExhaustedError
from seqtag.neural import Checkpoints, LossError, TagColumn
from seqtag.neural import train as train_recipe
from seqtag.run_dir import RunDir
from seqtag.steps.context import metric, output_scheme, read_config
from seqtag.steps.planned_run import DryRun
from seqtag.steps.step import run_step
from seqtag.subprocess_runner import run_in_subprocess

CHECKPOINTS_EVERY = 30.0  # seconds; at most this much training is lost when a process is killed

logger = logging.getLogger(__name__)


def train(
    run: RunDir,
    *,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    checkpoints_every: float = CHECKPOINTS_EVERY,
    dry_run: DryRun | None = None,
) -> Manifest:
    """Train the recipe and keep the best epoch.

    Training runs in a subprocess. One that was killed resumes from its last checkpoint, in whichever run
    directory it began. One that runs out of memory is restarted once, with batches half as large. Writes
    `train/`: the bundle, with its scores per epoch.

    Args:
        on_epoch: called with the fields of each `EpochRecord`.
        checkpoints_every: seconds.

    Raises:
        TrainingError: the loss is no longer a number, or there is nothing to learn from.
        MemoryExhaustedError: memory was not enough for batches half as large either.
        SubprocessKilledError: the subprocess was killed.
    """
    config = read_config(run)
    inputs = {
        "encoded": require_manifest(run.output("encode")).digest,
        "vocabulary": require_manifest(run.output("index")).digest,
        **config_inputs(config, "train", "model", "features", "seed", "corpus.cut"),
        "metric": metric(run),
        "output scheme": output_scheme(run),
    }
    key = digest(*inputs.values(), code_version(__name__, "train").key)[:16]
    full_batches, half_batches = run.checkpoints(key), run.checkpoints(f"{key}-halved")

    def fit(folder: Path, checkpoints: Path) -> None:
        run_in_subprocess(
            fit_recipe,
            on_message=on_epoch or _ignored,
            run=str(run.path),
            folder=str(folder),
            checkpoints=str(checkpoints),
            checkpoints_every=checkpoints_every,
            halved=checkpoints == half_batches,
        )

    def write(folder: Path) -> None:
        if not half_batches.exists():
            try:
                fit(folder, full_batches)
            except MemoryExhaustedError as error:
                logger.warning("train: memory ran out, restarting with batches half as large: %s", error)
                half_batches.mkdir(parents=True)  # so that a restart also uses half batches
        if half_batches.exists():
            fit(folder, half_batches)

    manifest = run_step(train, run, inputs=inputs, write=write, dry_run=dry_run)
    for folder in (full_batches, half_batches) if dry_run is None else ():
        remove_folder(folder)
    return manifest


def fit_recipe(
    run: str,
    folder: str,
    checkpoints: str,
    *,
    checkpoints_every: float,
    halved: bool,
    send: Callable[[Mapping[str, Any]], None],
) -> None:
    """Train the recipe of a run directory, and write the bundle into `folder`.

    A lock keeps others from resuming from these checkpoints meanwhile, such as a subprocess whose parent was
    just killed.
    """
    run_dir, bundle, checkpoint_folder = RunDir(Path(run)), Path(folder), Path(checkpoints)
    config = read_config(run_dir)
    with file_lock(checkpoint_folder / ".lock"):
        remove_folder(bundle)
        bundle.mkdir()
        try:
            train_recipe(
                [
                    TagColumn(
                        encoded=run_dir.output("encode"),
                        vocabulary=run_dir.output("index"),
                        folder=bundle,
                        metric=metric(run_dir),
                        output_scheme=output_scheme(run_dir),
                    )
                ],
                config=config.train,
                model=config.model,
                features=config.features,
                seed=config.seed,
                cut=config.corpus.cut,
                checkpoints=Checkpoints(checkpoint_folder, every=checkpoints_every),
                halved=halved,
                on_epoch=send,
            )
        except LossError as error:
            raise error.naming(sequence_ids(run_dir.split("train"), error.rows)) from error


def _ignored(_: object) -> None:
    """Ignore an epoch."""
