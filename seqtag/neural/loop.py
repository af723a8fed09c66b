"""The training loop: a generator of epochs that touches neither disk nor log; the caller ends it."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.features.reading import ahead
from seqtag.neural.batches import Batch, Drawing
from seqtag.neural.dev import DevScore
from seqtag.neural.reading import Reader

_SEQUENCES_NAMED = 8


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


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch came to."""

    epoch: int  # from 1
    loss: float  # mean over the tokens learnt from, in nats
    dev_score: float  # the metric that decides, in [0, 1]
    dev_accuracy: float  # share of tokens, in [0, 1]
    seconds: float  # training and scoring
    tokens_per_second: float  # of training, padding not counted
    learning_rate: float


class Engine(Reader, Protocol):
    """What the loop asks of a model."""

    def prepared(self, batch: Batch) -> Any:
        """Do what can be done for a batch before its turn comes, in another thread too."""

    def train_step(self, batch: Any) -> float:
        """Learn from one batch; return the sum of the loss over its taught tokens, from before the step."""

    def set_learning_rate(self, rate: float) -> None: ...


def epochs(
    engine: Engine,
    drawing: Drawing,
    *,
    score: Callable[[Engine], DevScore],
    config: TrainConfig,
) -> Iterator[EpochRecord]:
    """Train for ever, one epoch each time the caller asks for the next.

    Raises:
        LossError: the loss is no longer a number.
        TrainingError: no token of train has a known tag.
    """
    for epoch in itertools.count(1):
        started = time.perf_counter()
        loss_sum, n_taught = 0.0, 0
        rate = config.learning_rate / (1 + config.decay * (epoch - 1))
        engine.set_learning_rate(rate)
        coming = ahead((batch, engine.prepared(batch)) for batch in drawing.epoch(epoch))
        for number, (batch, prepared) in enumerate(coming, start=1):
            loss = engine.train_step(prepared)
            if not math.isfinite(loss):
                raise LossError(epoch, number, loss, batch.rows.tolist())
            loss_sum += loss
            n_taught += batch.n_taught
        if not n_taught:
            raise TrainingError("train: tokens with a known tag were required, and a weight. Received: none")
        trained = time.perf_counter()
        dev = score(engine)
        yield EpochRecord(
            epoch=epoch,
            loss=loss_sum / n_taught,
            dev_score=dev.score,
            dev_accuracy=dev.accuracy,
            seconds=time.perf_counter() - started,
            tokens_per_second=n_taught / (trained - started),
            learning_rate=rate,
        )
