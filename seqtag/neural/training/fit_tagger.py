"""Train a recipe on encoded splits and write the best epoch as a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import CutConfig, FeaturesConfig, Metric, ModelConfig, SchemeName, TrainConfig
from seqtag.errors import ConfigError
from seqtag.evaluation import EpochRecord, TrainingHistory
from seqtag.features import Bucket, ColumnIndex, TagIndex, Vocabulary, read_encoded, read_word_types
from seqtag.formatting import short_name
from seqtag.neural.export.bundle import HISTORY, SAVED_MODEL, bundled_vectors, write_bundle
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.checkpoints import Checkpoint, Checkpoints
from seqtag.neural.training.dev_evaluation import DevSplit
from seqtag.neural.training.progress import Position, Progress
from seqtag.neural.training.training_loop import epochs
from seqtag.neural.weights import Weights, set_weights

# Compiling a step pays off for buckets with at least this many tokens and padding in a training: on 2 cores,
# it took 2 to 3 s and saved about 20 us per token (TensorFlow 2.21).
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
    output_scheme: SchemeName | None = None,
    cut: CutConfig | None = None,
    checkpoints: Checkpoints | None = None,
    halved: bool = False,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Train until dev has not improved for `config.patience` epochs, and write the bundle of the best epoch.

    history.json, in the same folder, holds the fields of each `EpochRecord`. Equal inputs give byte-identical
    bundles in fresh processes on the same machine, even if a training was interrupted and resumed. For this,
    TensorFlow is made deterministic for the whole process.

    Args:
        encoded: folder of the encoded splits; `train` and `dev` are read.
        vocabulary: folder of words, characters and tags.
        config: recipe, optimizer and stopping rule.
        model: sizes of the recipe `default`.
        features: windowing of long sequences, kept in the bundle for tagging.
        metric: dev metric that selects the best epoch.
        seed: seed of weights, dropout and the order of batches.
        folder: folder of the bundle.
        output_scheme: tag scheme of the output; None for the scheme of training.
        cut: rule by which sequences were cut, kept in the bundle for tagging.
        checkpoints: checkpoints to resume from and to write; None for none.
        halved: train with batches half as large, to save memory.
        on_epoch: called with the fields of each `EpochRecord`.

    Raises:
        LossError: the loss is not finite.
        TrainingError: the weights are not finite, or no token of train has a known tag.
        RunDirError: the splits were encoded with another vocabulary.
    """
    from seqtag.neural import native
    from seqtag.neural._tensorflow import make_deterministic
    from seqtag.neural.encoders import Sizes
    from seqtag.neural.export.saved_model import export_saved_model
    from seqtag.neural.layers.token_features import TokenFeatures
    from seqtag.neural.network import NetworkPredictor, TaggerNetwork
    from seqtag.neural.training.engine import Engine
    from seqtag.neural.training.temperature_scaling import fitted_temperature

    words, tags = Vocabulary.load(vocabulary), TagIndex.load(vocabulary)
    columns = ColumnIndex.load(vocabulary)
    train_buckets, dev_buckets = (
        read_encoded(
            encoded / split, vocabulary_digest=words.digest, tags_digest=tags.digest, columns=columns
        )
        for split in ("train", "dev")
    )
    make_deterministic()
    vectors = bundled_vectors(vocabulary)
    tokens = TokenFeatures(words, affix_buckets=model.affix_buckets, vectors=vectors)
    train_word_types, dev_word_types = (
        tokens.word_type_table(read_word_types(encoded / split)) for split in ("train", "dev")
    )
    sizes = Sizes.of(words, tags, columns)

    def build() -> TaggerNetwork:
        return TaggerNetwork.build(config.recipe, sizes, model, tags, vectors, seed=seed)

    best = build()  # built first: variable names contain counters of the process, see `export.saved_model`
    read = {name: train_word_types[name] for name in best.model.required_features}
    sampler = BatchSampler(train_buckets, read, config.batch_size, config.max_batch_tokens, seed)
    if halved:
        sampler = sampler.halved()
    weights = tag_weights(tags, config.tag_weights)
    # XLA compiles a step for each shape; native operations need no compilation.
    compiled = [] if native.operations() else sampler.shapes(buckets_worth_compiling(sampler, config))
    engine = Engine(
        build,
        config=config,
        seed=seed,
        steps_per_epoch=sum(map(sampler.n_batches, train_buckets)),
        weight_per_step=sampler.weight_per_batch(weights),
        tag_weights=weights,
        compiled=compiled,
    )

    def report(record: EpochRecord) -> None:
        _log.info("%s", epoch_line(record, metric))
        if on_epoch is not None:
            on_epoch(asdict(record))

    def save(progress: Progress) -> None:
        if checkpoints is not None and checkpoints.is_due():
            checkpoints.write(Checkpoint(progress, engine.state()))

    checkpoint = checkpoints.newest() if checkpoints is not None else None
    start = Progress() if checkpoint is None else checkpoint.progress
    if checkpoint is not None:
        engine.restore(checkpoint.state)
        _log.info("resuming at epoch %d, batch %d", start.position.epoch, start.position.n_batches + 1)
    dev = DevSplit(dev_buckets, dev_word_types, tags, metric=metric)
    events = epochs(engine, sampler, score=dev.score, config=config, start=start.position)
    fitted = fit(events, config=config, weights=engine.weights, report=report, save=save, start=start)
    set_weights(best.variables, fitted.best_weights)
    output_tags = tags.tags_in(output_scheme or tags.scheme)
    temperature = fitted_temperature(
        best, dev_buckets, NetworkPredictor(best).word_type_vectors(dev_word_types)
    )
    export_saved_model(
        NetworkPredictor(best, temperature=temperature), tokens, columns, output_tags, folder / SAVED_MODEL
    )
    write_bundle(
        folder,
        weights=fitted.best_weights,
        vocabulary=vocabulary,
        recipe=config.recipe,
        model=model,
        n_words=words.n_words,
        n_tags=len(tags),
        n_characters=words.n_characters,
        scheme=tags.scheme,
        output_scheme=output_scheme or tags.scheme,
        bucket_lengths=features.bucket_lengths,
        window_overlap=features.window_overlap,
        cut=cut,
        metric=metric,
        seed=seed,
        best_epoch=fitted.best.epoch,
        dev_score=fitted.best.dev_score,
        dev_accuracy=fitted.best.dev_accuracy,
        temperature=temperature,
        max_batch_tokens=sampler.max_batch_tokens if halved else None,
        vectors=None if vectors is None else vectors.coverage_of(words.words),
    )
    TrainingHistory(fitted.history).save(folder / HISTORY)


def fit(
    events: Iterator[Position | EpochRecord],
    *,
    config: TrainConfig,
    weights: Callable[[], Weights],
    report: Callable[[EpochRecord], None],
    save: Callable[[Progress], None],
    start: Progress,
) -> Progress:
    """Train until the dev score no longer improves, and return the final progress.

    Args:
        events: positions and epoch records; each is computed when it is requested.
        config: maximum number of epochs and patience.
        weights: returns copies of the current weights.
        report: called with each epoch record.
        save: called with the progress after each event.
        start: progress so far.
    """
    progress = start
    while not progress.is_over(config):
        event = next(events)
        if isinstance(event, EpochRecord):
            report(event)
        progress = progress.after(event, weights)
        save(progress)
    return progress


def tag_weights(tags: TagIndex, given: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """Return the weight of each tag, `<float32>[n_tags]`; 1 if not given.

    Raises:
        ConfigError: a weight was given for an unknown tag.
    """
    unknown = sorted(set(given) - set(tags.tags))
    if unknown:
        raise ConfigError(f"train.tag_weights: unknown tags {unknown}; expected some of {list(tags.tags)}")
    return np.array([given.get(tag, 1.0) for tag in tags.tags], np.float32)


def buckets_worth_compiling(sampler: BatchSampler, config: TrainConfig) -> list[Bucket]:
    """Return the buckets with enough batches to justify a compiled step."""
    n_epochs = min(config.max_epochs, 2 * config.patience)  # estimate
    return [
        bucket for bucket in sampler.buckets if bucket.length * len(bucket) * n_epochs >= _WORTH_COMPILING
    ]


def epoch_line(record: EpochRecord, metric: Metric) -> str:
    """Format a record as `epoch 7: dev span F1 0.842, loss 0.312, 41 s, 9,800 tokens/s`."""
    decimals = 0 if record.seconds >= 10 else 1
    return (
        f"epoch {record.epoch}: dev {short_name(metric)} {record.dev_score:.3f}, loss {record.loss:.3f}, "
        f"{record.seconds:.{decimals}f} s, {record.tokens_per_second:,.0f} tokens/s"
    )
