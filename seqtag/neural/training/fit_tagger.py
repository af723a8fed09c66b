"""Train a recipe on encoded splits, keep its best weights, and write them as a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.artifacts import write_json
from seqtag.config import FeaturesConfig, Metric, ModelConfig, SchemeName, TrainConfig
from seqtag.errors import ConfigError
from seqtag.features import Bucket, TagIndex, Vocabulary, read_encoded, read_word_types
from seqtag.gate import METRIC_NAMES
from seqtag.neural.export.bundle import HISTORY, SAVED_MODEL, bundled_vectors, write_bundle
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.checkpoints import Checkpoint, Checkpoints
from seqtag.neural.training.dev_evaluation import DevSplit
from seqtag.neural.training.progress import EpochRecord, Position, Progress
from seqtag.neural.training.training_loop import epochs
from seqtag.neural.weights import Weights, set_weights

# Tokens and padding of a rung in a training from which a compiled step pays for its compiling: measured on 2
# cores as 2 to 3 s against some 20 us saved on each (TensorFlow 2.21).
_WORTH_COMPILING = 160_000

_log = logging.getLogger(__name__)


def train(
    encoded: Path,
    vocabulary: Path,
    *,
    config: TrainConfig,
    model: ModelConfig,
    features: FeaturesConfig,
    metric: Metric,
    seed: int,
    folder: Path,
    spoken: SchemeName | None = None,
    checkpoints: Checkpoints | None = None,
    halved: bool = False,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Train until dev has not improved for `config.patience` epochs, and write the best epoch's bundle.

    Beside it lies history.json, the fields of each `EpochRecord`. The same inputs give the same bundle, byte
    for byte, in a fresh process of the same machine, whether or not the training was cut off and went on from
    a checkpoint. For that TensorFlow's operations are made deterministic for the whole process.

    Args:
        encoded: folder of the encoded splits; `train` and `dev` are read.
        vocabulary: folder of words, characters and tags.
        config: the recipe and how long to follow it.
        model: the sizes of the recipe `default`.
        features: how long sequences were cut, kept in the bundle for tagging.
        metric: the score on dev that decides.
        seed: of weights, dropout and the order of batches.
        folder: where the bundle goes.
        spoken: the scheme in which tags are given out; None: as they are trained.
        checkpoints: where it goes on from the last of them and writes more; None: nowhere.
        halved: learn from batches half as large, for less memory.
        on_epoch: called with the fields of each `EpochRecord`.

    Raises:
        LossError: the loss is no longer a number.
        TrainingError: weights are no longer finite, or no token of train has a known tag.
        RunDirError: the splits were encoded with another vocabulary.
    """
    from seqtag.neural._tensorflow import make_deterministic
    from seqtag.neural.encoders import Sizes
    from seqtag.neural.export.saved_model import export_saved_model
    from seqtag.neural.layers.token_features import TokenFeatures
    from seqtag.neural.network import NetworkPredictor, TaggerNetwork
    from seqtag.neural.training.engine import Engine
    from seqtag.neural.training.temperature_scaling import fitted_temperature

    words, tags = Vocabulary.load(vocabulary), TagIndex.load(vocabulary)
    train_rungs, dev_rungs = (
        read_encoded(encoded / split, vocabulary_digest=words.digest, tags_digest=tags.digest)
        for split in ("train", "dev")
    )
    make_deterministic()
    vectors = bundled_vectors(vocabulary)
    tokens = TokenFeatures(words, affix_buckets=model.affix_buckets, vectors=vectors)
    train_forms, dev_forms = (
        tokens.of_word_types(read_word_types(encoded / split)) for split in ("train", "dev")
    )
    drawing = BatchSampler(train_rungs, train_forms, config.batch_size, config.batch_cells, seed)
    if halved:
        drawing = drawing.halved()
    sizes = Sizes(words.n_words, words.n_characters, len(tags))

    def build() -> TaggerNetwork:
        return TaggerNetwork.of(config.recipe, sizes, model, tags, vectors, seed=seed)

    best = build()  # now: names of variables count what the process has made before, see `serving`
    weights = tag_weights(tags, config.tag_weights)
    engine = Engine(
        build,
        config=config,
        seed=seed,
        steps_an_epoch=sum(map(drawing.n_batches, train_rungs)),
        weight_a_step=drawing.weight_a_batch(weights),
        tag_weights=weights,
        compiled=drawing.shapes(buckets_worth_compiling(drawing, config)),
    )

    def tell(record: EpochRecord) -> None:
        _log.info("%s", epoch_line(record, metric))
        if on_epoch is not None:
            on_epoch(asdict(record))

    def keep(progress: Progress) -> None:
        if checkpoints is not None and checkpoints.is_due():
            checkpoints.write(Checkpoint(progress, engine.state()))

    found = checkpoints.newest() if checkpoints is not None else None
    begun = Progress() if found is None else found.progress
    if found is not None:
        engine.restore(found.state)
        _log.info("goes on in epoch %d, batch %d", begun.position.epoch, begun.position.n_batches + 1)
    dev = DevSplit(dev_rungs, dev_forms, tags, metric=metric)
    events = epochs(engine, drawing, score=dev.score, config=config, start=begun.position)
    fitted = fit(events, config=config, weights=engine.weights, tell=tell, keep=keep, begun=begun)
    set_weights(best.variables, fitted.best_weights)
    said = tags.spelled(spoken or tags.scheme)
    temperature = fitted_temperature(best, dev_rungs, NetworkPredictor(best).word_type_vectors(dev_forms))
    export_saved_model(NetworkPredictor(best, temperature=temperature), tokens, said, folder / SAVED_MODEL)
    write_bundle(
        folder,
        facts={
            "recipe": config.recipe,
            "model": model,
            "n_words": words.n_words,
            "n_tags": len(tags),
            "n_characters": words.n_characters,
            "scheme": tags.scheme,
            "spoken": spoken or tags.scheme,
            "ladder": features.ladder,
            "window_overlap": features.window_overlap,
            "metric": metric,
            "seed": seed,
            "best_epoch": fitted.best.epoch,
            "dev_score": fitted.best.dev_score,
            "dev_accuracy": fitted.best.dev_accuracy,
            "temperature": temperature,
            "batch_cells": drawing.batch_cells if halved else None,
            "vectors": None if vectors is None else vectors.coverage_of(words.words),
        },
        weights=fitted.best_weights,
        vocabulary=vocabulary,
    )
    write_json(folder / HISTORY, [asdict(record) for record in fitted.history])


def fit(
    events: Iterator[Position | EpochRecord],
    *,
    config: TrainConfig,
    weights: Callable[[], Weights],
    tell: Callable[[EpochRecord], None],
    keep: Callable[[Progress], None],
    begun: Progress,
) -> Progress:
    """Follow a training until it no longer improves.

    Args:
        events: the batches and epochs, each trained when it is asked for.
        config: the most epochs, and how many without a better one are waited for.
        weights: gives a copy of the weights as they are.
        tell: called with each record.
        keep: called with the progress after each event.
        begun: what has been done before.
    """
    progress = begun
    while not progress.is_over(config):
        event = next(events)
        if isinstance(event, EpochRecord):
            tell(event)
        progress = progress.after(event, weights)
        keep(progress)
    return progress


def tag_weights(tags: TagIndex, given: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_tags]`, 1 where nothing is given.

    Raises:
        ConfigError: a weight of a tag that is not there.
    """
    stray = sorted(set(given) - set(tags.tags))
    if stray:
        raise ConfigError(f"train.tag_weights: tags of {list(tags.tags)} were required. Received: {stray}")
    return np.array([given.get(tag, 1.0) for tag in tags.tags], np.float32)


def buckets_worth_compiling(drawing: BatchSampler, config: TrainConfig) -> list[Bucket]:
    """Return the rungs whose batches are so many that a step compiled for them is worth its time."""
    n_epochs = min(config.max_epochs, 2 * config.patience)  # as expected
    return [
        bucket for bucket in drawing.buckets if bucket.length * len(bucket) * n_epochs >= _WORTH_COMPILING
    ]


def epoch_line(record: EpochRecord, metric: Metric) -> str:
    """Return one line for people: `epoch 7: dev span F1 0.842, loss 0.312, 41 s, 9,800 tokens/s`."""
    decimals = 0 if record.seconds >= 10 else 1
    return (
        f"epoch {record.epoch}: dev {METRIC_NAMES[metric]} {record.dev_score:.3f}, loss {record.loss:.3f}, "
        f"{record.seconds:.{decimals}f} s, {record.tokens_per_second:,.0f} tokens/s"
    )
