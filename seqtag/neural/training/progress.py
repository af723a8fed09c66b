"""How far a training has come: where it stands, what its epochs came to, and the best of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.neural.weights import Weights


@dataclass(frozen=True)
class Position:
    """A point between two batches, and what the epoch's batches before it came to."""

    epoch: int = 1
    n_batches: int = 0  # of this epoch that are done
    loss_sum: float = 0.0  # in nats, over the tokens learnt from
    n_loss_tokens: int = 0  # tokens learnt from
    seconds: float = 0.0


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


@dataclass(frozen=True)
class Progress:
    """A training so far."""

    position: Position = Position()
    history: tuple[EpochRecord, ...] = ()  # all epochs
    best_weights: Weights = field(default_factory=dict)  # after the best epoch

    @property
    def best(self) -> EpochRecord:
        """The first epoch with the highest score on dev; where scores are equal, with the highest accuracy.

        A span F1 that is still 0 is such a case.
        """
        return max(self.history, key=_merit)

    def is_over(self, config: TrainConfig) -> bool:
        """Tell whether there was no better epoch for `config.patience` epochs, or the last one is reached.

        Patience begins with the first score above 0: a rare span is found late, and nothing is lost before.
        """
        if not self.history:
            return False
        n, best = len(self.history), self.best
        return n == config.max_epochs or (best.dev_score > 0 and n - best.epoch >= config.patience)

    def after(self, event: Position | EpochRecord, weights: Callable[[], Weights]) -> Progress:
        """Return the progress after a batch or an epoch; the best epoch's weights are asked for.

        Raises:
            TrainingError: the weights are no longer finite.
        """
        if isinstance(event, Position):
            return replace(self, position=event)
        grown = Progress(Position(event.epoch + 1), (*self.history, event), self.best_weights)
        if grown.best is event:
            return replace(grown, best_weights=_finite(weights(), event.epoch))
        return grown


def _merit(record: EpochRecord) -> tuple[float, float]:
    return record.dev_score, record.dev_accuracy


def _finite(weights: Weights, epoch: int) -> Mapping[str, np.ndarray]:
    """Return the weights; the loss shows what is wrong with them one step late."""
    for path, values in weights.items():
        if not np.isfinite(values).all():
            raise TrainingError(
                f"epoch {epoch}: finite weights were required. Received: {path} with others. A lower "
                "learning_rate may help"
            )
    return weights
