"""Train a recipe on encoded splits and write the best epoch as a bundle."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.config import CutConfig, FeaturesConfig, Metric, ModelConfig, TrainConfig
from seqtag.errors import ConfigError, RunDirError
from seqtag.evaluation import EpochRecord, TrainingHistory
from seqtag.features import Bucket, TagIndex
from seqtag.formatting import short_name
from seqtag.neural.export.bundle import HISTORY, SAVED_MODEL, write_bundle
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.checkpoints import Checkpoint, Checkpoints
from seqtag.neural.training.dev_evaluation import DevScore, DevSplit
from seqtag.neural.training.progress import Position, Progress
from seqtag.neural.training.training_data import TagColumn, TrainingData
from seqtag.neural.training.training_loop import TrainingEngine, epochs
from seqtag.neural.weights import Weights, set_weights

# Compiling a step pays off for buckets with at least this many tokens and padding in a training: on 2 cores,
# it took 2 to 3 s and saved about 20 us per token (TensorFlow 2.21).
_WORTH_COMPILING = 160_000

_log = logging.getLogger(__name__)


def train(
    columns: Sequence[TagColumn],
    *,
    config: TrainConfig,
    model: ModelConfig,
    features: FeaturesConfig,
    seed: int,
    cut: CutConfig | None = None,
    checkpoints: Checkpoints | None = None,
    halved: bool = False,
    addresses: Sequence[str] = (),
    rank: int = 0,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Train until dev has not improved for `config.patience` epochs, and write the bundle of the best epoch.

    Several columns of tags are learned with one encoder, from the sequences that all of them have: the loss
    is the sum of their losses, and the best epoch has the highest mean of their dev metrics. Each bundle is
    complete.

    history.json, next to each bundle, holds the fields of each `EpochRecord`. Equal inputs give
    byte-identical bundles in fresh processes on the same machine, even if a training was interrupted and
    resumed. For this, TensorFlow is made deterministic for the whole process.

    Args:
        columns: columns of tags of the same sequences, with the same vocabulary.
        config: recipe, optimizer and stopping rule.
        model: sizes of the recipe `default`.
        features: windowing of long sequences, kept in the bundle for tagging.
        seed: seed of weights, dropout and the order of batches.
        cut: rule by which sequences were cut, kept in the bundle for tagging.
        checkpoints: checkpoints to resume from and to write; None for none.
        halved: train with batches half as large, to save memory.
        addresses: of the processes that train together, as for `WorkerGroup`; the first writes the bundle.
        rank: number of this process among them.
        on_epoch: called with the fields of each `EpochRecord`.

    Raises:
        LossError: the loss is not finite.
        TrainingError: the weights are not finite, or no token of train has a known tag.
        RunDirError: the splits were encoded with another vocabulary, or columns have other sequences.
    """
    from seqtag.neural import native
    from seqtag.neural._tensorflow import make_deterministic
    from seqtag.neural.encoders import Sizes
    from seqtag.neural.export.saved_model import export_saved_model
    from seqtag.neural.joint_network import JointNetwork, weights_alone
    from seqtag.neural.network import NetworkPredictor, TaggerNetwork
    from seqtag.neural.training.engine import Engine
    from seqtag.neural.training.temperature_scaling import fitted_temperature
    from seqtag.neural.training.worker_group import WorkerGroup

    group = WorkerGroup(addresses, rank)
    data = TrainingData.read(columns, model)
    make_deterministic()

    def alone(number: int) -> TaggerNetwork:
        tags, vectors = data.tags[number], data.vectors
        sizes = Sizes.of(data.words, tags, data.token_columns)
        return TaggerNetwork.build(config.recipe, sizes, model, tags, vectors, seed=seed)

    def build() -> TaggerNetwork | JointNetwork:
        first, others = alone(0), data.tags[1:]
        if not others:
            return first
        return JointNetwork.of(first, others, recipe=config.recipe, config=model, seed=seed)

    # built first: variable names contain counters of the process, see `export.saved_model`
    best = [alone(number) for number in range(len(columns))]
    read = {name: data.train_word_types[name] for name in best[0].model.required_features}
    sampler = BatchSampler(data.train, read, config.batch_size, config.max_batch_tokens, seed)
    if halved:
        sampler = sampler.halved()
    weights = tag_weights(data.tags, config.tag_weights)
    # XLA compiles a step for each shape; native operations need no compilation.
    by_xla = native.operations() is None and group.size == 1
    compiled = sampler.shapes(buckets_worth_compiling(sampler, config)) if by_xla else []
    engine = Engine(
        build,
        config=config,
        seed=seed,
        steps_per_epoch=sum(map(sampler.n_batches, data.train)),
        weight_per_step=sampler.weight_per_batch(weights),
        tag_weights=weights,
        compiled=compiled,
        group=group,
    )

    def report(record: EpochRecord) -> None:
        _log.info("%s", epoch_line(record, *dict.fromkeys(column.metric for column in columns)))
        if on_epoch is not None:
            on_epoch(asdict(record))

    def save(progress: Progress) -> None:
        if checkpoints is not None and group.is_first and checkpoints.is_due():
            checkpoints.write(Checkpoint(progress, engine.state()))

    group.wait()  # the first process has the lock on the checkpoints, and none is written meanwhile
    checkpoint = checkpoints.newest() if checkpoints is not None else None
    start = Progress() if checkpoint is None else checkpoint.progress
    if checkpoint is not None:
        engine.restore(checkpoint.state)
        _log.info("resuming at epoch %d, batch %d", start.position.epoch, start.position.n_batches + 1)
    at = (start.position.epoch, start.position.n_batches)
    if tuple(group.from_first(*at)) != at:
        raise RunDirError(
            "train: a worker has another checkpoint than the first: expected the same home folder for all"
        )
    dev = [
        DevSplit(data.dev_of(number), data.dev_word_types, data.tags[number], metric=column.metric)
        for number, column in enumerate(columns)
    ]

    def score(_: TrainingEngine) -> DevScore:
        own = mean_score([each.score(engine.predictor(number)) for number, each in enumerate(dev)])
        return DevScore(*group.from_first(*own))

    events = epochs(engine, sampler, score=score, config=config, start=start.position)
    fitted = fit(events, config=config, weights=engine.weights, report=report, save=save, start=start)
    if not group.is_first:
        return
    for number, column in enumerate(columns):
        network, own_weights = best[number], weights_alone(fitted.best_weights, number)
        set_weights(network.variables, own_weights)
        vectors = NetworkPredictor(network).word_type_vectors(data.dev_word_types)
        temperature = fitted_temperature(network, data.dev_of(number), vectors)
        predictor = NetworkPredictor(network, temperature=temperature)
        tags = data.tags[number]
        output_scheme = column.output_scheme or tags.scheme
        output_tags = tags.tags_in(output_scheme)
        export_saved_model(
            predictor, data.tokens, data.token_columns, output_tags, column.folder / SAVED_MODEL
        )
        score_alone = DevScore(fitted.best.dev_score, fitted.best.dev_accuracy)
        if len(columns) > 1:
            score_alone = dev[number].score(predictor)
        write_bundle(
            column.folder,
            weights=own_weights,
            vocabulary=column.vocabulary,
            recipe=config.recipe,
            model=model,
            n_words=data.words.n_words,
            n_tags=len(tags),
            n_characters=data.words.n_characters,
            scheme=tags.scheme,
            output_scheme=output_scheme,
            bucket_lengths=features.bucket_lengths,
            window_overlap=features.window_overlap,
            cut=cut,
            metric=column.metric,
            seed=seed,
            best_epoch=fitted.best.epoch,
            dev_score=score_alone.score,
            dev_accuracy=score_alone.accuracy,
            temperature=temperature,
            max_batch_tokens=sampler.max_batch_tokens if halved else None,
            vectors=None if data.vectors is None else data.vectors.coverage_of(data.words.words),
        )
        TrainingHistory(fitted.history).save(column.folder / HISTORY)


def mean_score(scores: Sequence[DevScore]) -> DevScore:
    """Return the mean of the scores of several columns of tags."""
    return DevScore(*(sum(of) / len(scores) for of in zip(*scores, strict=True)))


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


def tag_weights(tags: Sequence[TagIndex], given: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """Return the weight of each tag, `<float32>[n_tags]`; 1 if not given.

    Of several columns of tags `[n_columns, n_tags]`, filled up with 1.

    Raises:
        ConfigError: a weight was given for an unknown tag.
    """
    known = [tag for each in tags for tag in each.tags]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"train.tag_weights: unknown tags {unknown}; expected some of {known}")
    weights = np.ones((len(tags), max(map(len, tags))), np.float32)
    for of_column, each in zip(weights, tags, strict=True):
        of_column[: len(each)] = [given.get(tag, 1.0) for tag in each.tags]
    return weights[0] if len(tags) == 1 else weights


def buckets_worth_compiling(sampler: BatchSampler, config: TrainConfig) -> list[Bucket]:
    """Return the buckets with enough batches to justify a compiled step."""
    n_epochs = min(config.max_epochs, 2 * config.patience)  # estimate
    return [
        bucket for bucket in sampler.buckets if bucket.length * len(bucket) * n_epochs >= _WORTH_COMPILING
    ]


def epoch_line(record: EpochRecord, *metrics: Metric) -> str:
    """Format a record as `epoch 7: dev span F1 0.842, loss 0.312, 41 s, 9,800 tokens/s`."""
    decimals = 0 if record.seconds >= 10 else 1
    names = " and ".join(map(short_name, metrics))
    return (
        f"epoch {record.epoch}: dev {names} {record.dev_score:.3f}, loss {record.loss:.3f}, "
        f"{record.seconds:.{decimals}f} s, {record.tokens_per_second:,.0f} tokens/s"
    )
