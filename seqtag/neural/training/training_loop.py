"""The training loop: a generator that touches neither disk nor log; the caller ends it."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.features.split_reader import prefetched
from seqtag.neural.training.batch_sampler import Batch, BatchSampler
from seqtag.neural.training.dev_evaluation import DevScore
from seqtag.neural.training.progress import EpochRecord, Position
from seqtag.neural.windowed_inference import Predictor

_SEQUENCES_NAMED = 8
_START = Position()


class LossError(TrainingError):
    """The loss of a batch is no number."""

    def __init__(self, epoch: int, number: int, loss: float, rows: Sequence[int]) -> None:
        self.rows = rows  # of the batch's sequences in the snapshot
        self._where = f"epoch {epoch}, batch {number}: a finite loss was required. Received: {loss} "
        super().__init__(self._said("rows", list(map(str, rows))))

    def naming(self, sequence_ids: Sequence[str]) -> TrainingError:
        """Return the error with the names of the sequences."""
        return TrainingError(self._said("sequences", sequence_ids))

    def _said(self, what: str, names: Sequence[str]) -> str:
        more = f" and {len(names) - _SEQUENCES_NAMED} more" if len(names) > _SEQUENCES_NAMED else ""
        named = ", ".join(names[:_SEQUENCES_NAMED])
        return f"{self._where}({what} {named}{more} of the snapshot). A lower learning_rate may help"


class TrainingEngine(Predictor, Protocol):
    """What the loop asks of a model."""

    def prepared(self, batch: Batch) -> Any:
        """Do what can be done for a batch before its turn comes, in another thread too."""

    def train_step(self, batch: Any) -> float:
        """Learn from one batch; return the sum of the loss over its taught tokens, from before the step."""

    def set_learning_rate(self, rate: float) -> None: ...


def epochs(
    engine: TrainingEngine,
    drawing: BatchSampler,
    *,
    score: Callable[[TrainingEngine], DevScore],
    config: TrainConfig,
    start: Position = _START,
) -> Iterator[Position | EpochRecord]:
    """Train for ever: one batch each time the caller asks for the next, and after an epoch what it came to.

    Args:
        start: where to go on; the engine is as it was there.

    Raises:
        LossError: the loss is no longer a number.
        TrainingError: no token of train has a known tag.
    """
    for epoch in itertools.count(start.epoch):
        at = start if epoch == start.epoch else Position(epoch)
        started = time.perf_counter() - at.seconds
        rate = config.learning_rate / (1 + config.decay * (epoch - 1))
        engine.set_learning_rate(rate)
        batches = drawing.epoch(epoch, skip=at.n_batches)
        for batch, prepared in prefetched((batch, engine.prepared(batch)) for batch in batches):
            number, loss = at.n_batches + 1, engine.train_step(prepared)
            if not math.isfinite(loss):
                raise LossError(epoch, number, loss, batch.rows.tolist())
            seconds = time.perf_counter() - started
            at = Position(epoch, number, at.loss_sum + loss, at.n_loss_tokens + batch.n_loss_tokens, seconds)
            yield at
        if not at.n_loss_tokens:
            raise TrainingError("train: tokens with a known tag were required, and a weight. Received: none")
        trained = time.perf_counter()
        dev = score(engine)
        yield EpochRecord(
            epoch=epoch,
            loss=at.loss_sum / at.n_loss_tokens,
            dev_score=dev.score,
            dev_accuracy=dev.accuracy,
            seconds=time.perf_counter() - started,
            tokens_per_second=at.n_loss_tokens / (trained - started),
            learning_rate=rate,
        )
