"""Train: fit the recipe in a subprocess, from the last checkpoint if there is one."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from seqtag.artifacts import Manifest, digest, file_lock, link_or_copy, remove_folder, require_manifest
from seqtag.code_version import code_version
from seqtag.config import config_inputs
from seqtag.corpus import sequence_ids
from seqtag.dask_workers import run_on_workers
from seqtag.errors import MemoryExhaustedError
from seqtag.neural import Checkpoints, LossError, TagColumn
from seqtag.neural import train as train_recipe
from seqtag.run_dir import RunDir
from seqtag.steps.context import metric, output_scheme, read_config, scheduler_for
from seqtag.steps.planned_run import DryRun
from seqtag.steps.run_inputs import joint_runs
from seqtag.steps.step import forced_by, run_step, write_output
from seqtag.subprocess_runner import run_in_subprocess

CHECKPOINTS_EVERY = 30.0  # seconds; at most this much training is lost when a process is killed

logger = logging.getLogger(__name__)


def train(
    run: RunDir,
    *,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    checkpoints_every: float = CHECKPOINTS_EVERY,
    scheduler: str | None = None,
    dry_run: DryRun | None = None,
) -> Manifest:
    """Train the recipe and keep the best epoch.

    Runs that are linked are trained together, by the first of them. Training runs in a subprocess, or with
    `train.workers` above 1 in one on each of so many workers. One that was killed resumes from its last
    checkpoint, in whichever run directory it began. One that runs out of memory is restarted once, with
    batches half as large. Writes `train/`: the bundle, with its scores per epoch.

    Args:
        on_epoch: called with the fields of each `EpochRecord`.
        checkpoints_every: seconds.
        scheduler: address of a Dask scheduler, for `train.workers` above 1.

    Raises:
        ConfigError: there is no Dask scheduler for several workers, or a worker has other code.
        TrainingError: the loss is no longer a number, or there is nothing to learn from.
        MemoryExhaustedError: memory was not enough for batches half as large either.
        SubprocessKilledError: the subprocess was killed, or a worker was lost.
    """
    runs = joint_runs(run)
    inputs = _inputs(runs)
    first = runs[0]
    config = read_config(first)
    address = None if dry_run is not None else scheduler_for(config, scheduler)
    key = digest(*inputs.values(), code_version(__name__, "train").key)[:16]
    full_batches, half_batches = first.checkpoints(key), first.checkpoints(f"{key}-halved")

    def fit(folder: Path, checkpoints: Path) -> None:
        arguments: dict[str, Any] = {
            "on_message": on_epoch or _ignored,
            "runs": [str(each.path) for each in runs],
            "folder": str(folder),
            "checkpoints": str(checkpoints),
            "checkpoints_every": checkpoints_every,
            "halved": checkpoints == half_batches,
        }
        if address is None:
            run_in_subprocess(fit_recipe, **arguments)
        else:
            run_on_workers(
                fit_recipe,
                scheduler=address,
                n_workers=config.train.workers,
                lock_folder=checkpoints,
                **arguments,
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

    def write_own(folder: Path) -> None:
        """Write the bundle of this run; the first of joint runs trains for all."""
        by = forced_by(first, "train")
        asked = inputs if by is None else {**inputs, "forced": by}
        write_output(train, first.joint_training, inputs=asked, write=write)
        shutil.copytree(
            first.joint_training / run.tagger, folder, copy_function=link_or_copy, dirs_exist_ok=True
        )

    manifest = run_step(
        train, run, inputs=inputs, write=write if len(runs) == 1 else write_own, dry_run=dry_run
    )
    for folder in (full_batches, half_batches) if dry_run is None else ():
        remove_folder(folder)
    return manifest


def _inputs(runs: Sequence[RunDir]) -> dict[str, str]:
    """Return what the training of joint runs depends on; those of the others are named by their taggers."""
    inputs: dict[str, str] = {}
    for number, run in enumerate(runs):
        of_run = {
            "encoded": require_manifest(run.output("encode")).digest,
            "vocabulary": require_manifest(run.output("index")).digest,
            "metric": metric(run),
            "output scheme": output_scheme(run),
        }
        inputs |= {f"{run.tagger}: {name}" if number else name: value for name, value in of_run.items()}
    keys = ("train", "model", "features", "seed", "corpus.cut")
    return {**inputs, **config_inputs(read_config(runs[0]), *keys)}


def fit_recipe(
    runs: Sequence[str],
    folder: str,
    checkpoints: str,
    *,
    checkpoints_every: float,
    halved: bool,
    send: Callable[[Mapping[str, Any]], None],
    addresses: Sequence[str] = (),
    rank: int = 0,
) -> None:
    """Train the recipe of a run directory, and write the bundle into `folder`.

    The bundles of joint runs are written into folders in it, with the names of their taggers. A lock keeps
    others from resuming from these checkpoints meanwhile, such as a subprocess whose parent was just killed.
    Of several processes that train together, at `addresses`, the first has the lock, and writes.
    """
    run_dirs, bundles, checkpoint_folder = (
        [RunDir(Path(run)) for run in runs],
        Path(folder),
        Path(checkpoints),
    )
    config = read_config(run_dirs[0])
    is_first = rank == 0
    with file_lock(checkpoint_folder / ".lock") if is_first else nullcontext():
        if is_first:
            remove_folder(bundles)
        columns = []
        for run in run_dirs:
            bundle = bundles if len(run_dirs) == 1 else bundles / run.tagger
            if is_first:
                bundle.mkdir(parents=True)
            columns.append(
                TagColumn(
                    encoded=run.output("encode"),
                    vocabulary=run.output("index"),
                    folder=bundle,
                    metric=metric(run),
                    output_scheme=output_scheme(run),
                )
            )
        try:
            train_recipe(
                columns,
                config=config.train,
                model=config.model,
                features=config.features,
                seed=config.seed,
                cut=config.corpus.cut,
                checkpoints=Checkpoints(checkpoint_folder, every=checkpoints_every),
                halved=halved,
                addresses=addresses,
                rank=rank,
                on_epoch=send,
            )
        except LossError as error:
            raise error.naming(sequence_ids(run_dirs[0].split("train"), error.rows)) from error


def _ignored(_: object) -> None:
    """Ignore an epoch."""
