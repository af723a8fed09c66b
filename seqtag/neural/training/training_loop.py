"""The training loop: a generator without disk or log output; the caller decides when to stop."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.evaluation import EpochRecord
from seqtag.neural.training.batch_sampler import Batch, BatchSampler
from seqtag.neural.training.dev_evaluation import DevScore
from seqtag.neural.training.progress import Position
from seqtag.neural.windowed_inference import Predictor

_SEQUENCES_NAMED = 8
_START = Position()


class LossError(TrainingError):
    """The loss of a batch is not finite."""

    def __init__(self, epoch: int, number: int, loss: float, rows: Sequence[int]) -> None:
        self.rows = rows  # rows of the batch's sequences in the snapshot
        self._problem = f"epoch {epoch}, batch {number}: loss is {loss}"
        super().__init__(self._message("rows", list(map(str, rows))))

    def naming(self, sequence_ids: Sequence[str]) -> TrainingError:
        """Return the error with the ids of the sequences instead of their rows."""
        return TrainingError(self._message("sequences", sequence_ids))

    def _message(self, kind: str, names: Sequence[str]) -> str:
        more = f" and {len(names) - _SEQUENCES_NAMED} more" if len(names) > _SEQUENCES_NAMED else ""
        named = ", ".join(names[:_SEQUENCES_NAMED])
        return f"{self._problem} ({kind} {named}{more} of the snapshot); try a lower learning_rate"


class TrainingEngine(Predictor, Protocol):
    """Interface between the training loop and a model."""

    def train_step(self, batch: Batch) -> float:
        """Train on one batch; return its loss before the step, summed over tokens."""

    def set_learning_rate(self, rate: float) -> None: ...


def epochs(
    engine: TrainingEngine,
    sampler: BatchSampler,
    *,
    score: Callable[[TrainingEngine], DevScore],
    config: TrainConfig,
    start: Position = _START,
) -> Iterator[Position | EpochRecord]:
    """Train endlessly, yielding a `Position` after each batch and an `EpochRecord` after each epoch.

    Args:
        engine: the model, in its state at `start`.
        sampler: draws the batches.
        score: scores the model on dev.
        config: learning rate and decay.
        start: position to start from.

    Raises:
        LossError: the loss is not finite.
        TrainingError: no token of train has both a known tag and a weight above 0.
    """
    for epoch in itertools.count(start.epoch):
        at = start if epoch == start.epoch else Position(epoch)
        started = time.perf_counter() - at.seconds
        rate = config.learning_rate / (1 + config.decay * (epoch - 1))
        engine.set_learning_rate(rate)
        batches = sampler.epoch(epoch, skip=at.n_batches)
        for batch in batches:
            number, loss = at.n_batches + 1, engine.train_step(batch)
            if not math.isfinite(loss):
                raise LossError(epoch, number, loss, batch.rows.tolist())
            seconds = time.perf_counter() - started
            at = Position(epoch, number, at.loss_sum + loss, at.n_loss_tokens + batch.n_loss_tokens, seconds)
            yield at
        if not at.n_loss_tokens:
            raise TrainingError(
                "train: no token has a loss; at least one needs a known tag and a weight above 0"
            )
        training_ended = time.perf_counter()
        dev = score(engine)
        yield EpochRecord(
            epoch=epoch,
            loss=at.loss_sum / at.n_loss_tokens,
            dev_score=dev.score,
            dev_accuracy=dev.accuracy,
            seconds=time.perf_counter() - started,
            tokens_per_second=at.n_loss_tokens / (training_ended - started),
            learning_rate=rate,
        )
