"""From accepted sequences to a model: index, encode, train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqtag.config import SPLITS, config_digest
from seqtag.rundir import RunDir
from seqtag.sealing import (
    Manifest,
    read_json,
    require_manifest,
)
from seqtag.steps.ground import digest, metric, read_config, spoken_scheme, step, train_scheme


def index(run: RunDir) -> Manifest:
    """Number words, characters and tags of train, and pick static vectors. Writes `vocabulary/`."""
    from seqtag.corpus import files_digest
    from seqtag.features import index_corpus, index_vectors

    config = read_config(run)
    previous, source = tuple(read_json(run.opponent)["tags"]), config.model.vectors
    splits = require_manifest(run.splits)

    def write(folder: Path) -> None:
        vocabulary, _ = index_corpus(
            run.split("train"),
            declared=config.tags.declared,
            previous=previous,
            scheme=train_scheme(run),
            config=config.features,
            folder=folder,
        )
        if source is not None:
            n_frequent = config.model.frequent_words
            index_vectors(source, vocabulary, n_frequent=n_frequent, folder=folder)

    return step(
        run.vocabulary,
        "index",
        {
            "train": splits.outputs[run.split("train").name],
            "scheme": train_scheme(run),
            "config": config_digest(config.tags, config.features),
            "vectors": "" if source is None else digest(files_digest(source), config_digest(config.model)),
            "previous tags": digest(*previous),
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


def train(run: RunDir, *, on_epoch: Callable[[Mapping[str, Any]], None] | None = None) -> Manifest:
    """Fit the recipe. Writes `model/`: the bundle, with its scores per epoch.

    Raises:
        TrainingError: the loss is no longer a number, or there is nothing to learn from.
    """
    from seqtag.corpus import sequence_ids
    from seqtag.neural import LossError
    from seqtag.neural import train as fit

    config = read_config(run)

    def write(folder: Path) -> None:
        try:
            fit(
                run.encoded,
                run.vocabulary,
                config=config.train,
                model=config.model,
                features=config.features,
                metric=metric(run),
                seed=config.seed,
                folder=folder,
                spoken=spoken_scheme(run),
                on_epoch=on_epoch,
            )
        except LossError as error:
            raise error.naming(sequence_ids(run.split("train"), error.rows)) from error

    return step(
        run.model,
        "train",
        {
            "encoded": require_manifest(run.encoded).digest,
            "vocabulary": require_manifest(run.vocabulary).digest,
            "config": config_digest(config.train, config.model, config.features),
            "metric": metric(run),
            "spoken": spoken_scheme(run),
            "seed": str(config.seed),
        },
        write,
    )
