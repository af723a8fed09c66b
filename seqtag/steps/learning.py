"""From accepted sequences to a model: index, encode, train."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqtag.artifacts import (
    Manifest,
    file_lock,
    read_json,
    remove_folder,
    require_manifest,
)
from seqtag.code_version import code_version
from seqtag.config import SPLITS, config_digest
from seqtag.errors import MemoryExhaustedError
from seqtag.run_dir import RunDir
from seqtag.steps.context import declared_tags, digest, metric, output_scheme, read_config, step, train_scheme
from seqtag.subprocess_runner import run_in_subprocess

CHECKPOINTS_EVERY = 30.0  # seconds, which is what may have to be trained again

logger = logging.getLogger(__name__)


def index(run: RunDir) -> Manifest:
    """Number words, characters and tags of train, pick static vectors, and hash the sequences of the splits.

    Writes `vocabulary/`.
    """
    from seqtag.corpus import files_digest
    from seqtag.features import SEEN, TESTED, index_corpus, index_vectors, write_sequence_hashes

    config = read_config(run)
    previous, source = tuple(read_json(run.opponent)["tags"]), config.model.vectors
    splits, declared = require_manifest(run.splits), declared_tags(run)

    def write(folder: Path) -> None:
        vocabulary, _ = index_corpus(
            run.split("train"),
            declared=declared,
            previous=previous,
            scheme=train_scheme(run),
            config=config.features,
            folder=folder,
        )
        if source is not None:
            n_frequent = config.model.frequent_words
            index_vectors(source, vocabulary, n_frequent=n_frequent, folder=folder)
        shown = [run.split("train"), run.split("dev")]
        write_sequence_hashes(shown, folder / SEEN, min_length=config.quality.leakage_min_length)
        write_sequence_hashes([run.split("test")], folder / TESTED, min_length=1)

    return step(
        run.vocabulary,
        "index",
        {
            "train": splits.outputs[run.split("train").name],
            "dev": splits.outputs[run.split("dev").name],
            "test": splits.outputs[run.split("test").name],
            "scheme": train_scheme(run),
            "config": config_digest(config.tags, config.features),
            "leakage_min_length": str(config.quality.leakage_min_length),
            "vectors": "" if source is None else digest(files_digest(source), config_digest(config.model)),
            "previous tags": digest(*previous),
            "declared tags": digest(*(declared or ())),
        },
        write,
    )


def encode(run: RunDir) -> Manifest:
    """Turn tokens and tags into padded ids. Writes `encoded/<split>/length=<rung>/`."""
    from seqtag.features import TagIndex, Vocabulary, encode_corpus

    config = read_config(run)
    return step(
        run.encoded,
        "encode",
        {
            "splits": require_manifest(run.splits).digest,
            "vocabulary": require_manifest(run.vocabulary).digest,
            "config": config_digest(config.features),
            "weights": config.train.sequence_weight or "",
        },
        lambda folder: encode_corpus(
            {name: run.split(name) for name in SPLITS},
            Vocabulary.load(run.vocabulary),
            TagIndex.load(run.vocabulary),
            config=config.features,
            folder=folder,
            weight_column=config.train.sequence_weight,
        ),
    )


def train(
    run: RunDir,
    *,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
    checkpoints_every: float = CHECKPOINTS_EVERY,
) -> Manifest:
    """Fit the recipe in a process of its own. Writes `model/`: the bundle, with its scores per epoch.

    A training that was cut off goes on from its last checkpoint, in whichever run directory it began. One
    that runs out of memory begins anew with batches half as large, once.

    Args:
        on_epoch: called with the fields of each `EpochRecord`.
        checkpoints_every: seconds.

    Raises:
        TrainingError: the loss is no longer a number, or there is nothing to learn from.
        MemoryExhaustedError: there was not memory enough for half the batches either.
        SubprocessKilledError: the process died.
    """
    config = read_config(run)
    inputs = {
        "encoded": require_manifest(run.encoded).digest,
        "vocabulary": require_manifest(run.vocabulary).digest,
        "config": config_digest(config.train, config.model, config.features),
        "metric": metric(run),
        "spoken": output_scheme(run),
        "seed": str(config.seed),
    }
    key = digest(*inputs.values(), code_version(__name__, "train").key)[:16]
    whole, halved = run.checkpoints(key), run.checkpoints(f"{key}-halved")

    def fit(folder: Path, checkpoints: Path) -> None:
        run_in_subprocess(
            fit_recipe,
            told=on_epoch or _ignored,
            run=str(run.path),
            folder=str(folder),
            checkpoints=str(checkpoints),
            checkpoints_every=checkpoints_every,
            halved=checkpoints == halved,
        )

    def write(folder: Path) -> None:
        if not halved.exists():
            try:
                fit(folder, whole)
            except MemoryExhaustedError as error:
                logger.warning(
                    "train: begins anew with batches half as large, since memory ran out: %s", error
                )
                halved.mkdir(parents=True)  # so that it stays so, whatever is killed now
        if halved.exists():
            fit(folder, halved)

    manifest = step(run.model, "train", inputs, write)
    for folder in (whole, halved):
        remove_folder(folder)
    return manifest


def fit_recipe(
    run: str,
    folder: str,
    checkpoints: str,
    *,
    checkpoints_every: float,
    halved: bool,
    tell: Callable[[Mapping[str, Any]], None],
) -> None:
    """Fit the recipe of a run directory, and write the bundle into `folder`.

    Nobody else goes on from these checkpoints meanwhile, not even a process whose parent was just killed.
    """
    from seqtag.corpus import sequence_ids
    from seqtag.neural import Checkpoints, LossError
    from seqtag.neural import train as fit

    at, bundle, kept = RunDir(Path(run)), Path(folder), Path(checkpoints)
    config = read_config(at)
    with file_lock(kept / ".lock"):
        remove_folder(bundle)
        bundle.mkdir()
        try:
            fit(
                at.encoded,
                at.vocabulary,
                config=config.train,
                model=config.model,
                features=config.features,
                metric=metric(at),
                seed=config.seed,
                folder=bundle,
                spoken=output_scheme(at),
                checkpoints=Checkpoints(kept, every=checkpoints_every),
                halved=halved,
                on_epoch=tell,
            )
        except LossError as error:
            raise error.naming(sequence_ids(at.split("train"), error.rows)) from error


def _ignored(_: object) -> None:
    """Take no notice."""
