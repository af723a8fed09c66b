"""Training on one and on two workers of a Dask cluster, each with one core of this machine.

    SEQTAG_DATA=/path/to/corpora python benchmarks/distributed_training.py --batches 32 128 512

What two machines gain, without the time of their network. Trainings take turns; the speed is that of the
epochs after the first, and ratios are taken within a turn.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import uuid
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import distributed
from peers.corpus import configured, workspace_at
from peers.measuring import machine, table

from seqtag import steps
from seqtag.config import TaggerConfig
from seqtag.evaluation import TrainingHistory
from seqtag.steps import Workspace

RECIPES = ("base", "default")
N_EPOCHS = 3


def tokens_per_second(config: TaggerConfig, workspace: Workspace, scheduler: str) -> float:
    """Train in a run directory; return the median over the epochs after the first."""
    workspace = replace(workspace, dask_scheduler=scheduler)
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(1970, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode):
        step(run)
    steps.force(run, ["train"], by=uuid.uuid4().hex)
    steps.train(run, scheduler=scheduler)
    later = TrainingHistory.load(run.history).epochs[1:]
    return statistics.median(epoch.tokens_per_second for epoch in later)


def row(
    arguments: argparse.Namespace, recipe: str, batch: int, workspace: Workspace, scheduler: str
) -> list[str]:
    """Return the speeds with one and two workers, and their ratio."""
    speeds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(arguments.repeats):
        for workers, of in speeds.items():
            train = {"recipe": recipe, "batch_size": batch, "max_batch_tokens": 128 * batch}
            train |= {"workers": workers, "max_epochs": N_EPOCHS}
            config = configured(arguments.tagger, {"train": train, "evaluate": {"baseline": "none"}})
            of.append(tokens_per_second(config, workspace, scheduler))
    ratios = [two / one for one, two in zip(*speeds.values(), strict=True)]
    medians = [f"{statistics.median(of):,.0f}" for of in speeds.values()]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return [f"`{recipe}`", str(batch), *medians, spread]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path("deployments/taggers/ud-english-ewt.toml")
    parser.add_argument("tagger", nargs="?", type=Path, default=default)
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 128, 512])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    cores = sorted(os.sched_getaffinity(0))[:2]
    one_thread = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with tempfile.TemporaryDirectory() as home, distributed.LocalCluster(**one_thread) as cluster:
        for core, worker in zip(cores, cluster.workers.values(), strict=True):
            os.sched_setaffinity(worker.process.pid, {core})  # and the subprocesses that it starts
        os.sched_setaffinity(0, {cores[0]})  # and the subprocess of a training without workers
        workspace, address = workspace_at(Path(home)), cluster.scheduler_address
        rows = [row(arguments, *of, workspace, address) for of in product(RECIPES, arguments.batches)]
    print(f"\n{machine()}\n")
    print(table(["recipe", "batch size", "one worker, tokens/s", "two", "ratio (least to most)"], rows))


if __name__ == "__main__":
    main()
