"""Training progress: position, epoch records and the weights of the best epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.evaluation import EpochRecord
from seqtag.neural.weights import Weights


@dataclass(frozen=True)
class Position:
    """A point between two batches, with the totals of the epoch so far."""

    epoch: int = 1  # from 1
    n_batches: int = 0  # batches of this epoch that are done
    loss_sum: float = 0.0  # in nats, over the tokens in the loss
    n_loss_tokens: int = 0  # tokens in the loss
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """The state of a training apart from the model."""

    position: Position = Position()
    history: tuple[EpochRecord, ...] = ()  # all epochs so far
    best_weights: Weights = field(default_factory=dict)  # weights after the best epoch

    @property
    def best(self) -> EpochRecord:
        """The first epoch with the highest dev score.

        Accuracy breaks ties, which are common while span F1 is still 0.
        """
        return max(self.history, key=_rank)

    def is_over(self, config: TrainConfig) -> bool:
        """Return True after `config.max_epochs`, or after `config.patience` epochs without improvement.

        Patience starts counting at the first score above 0, because rare spans are found late.
        """
        if not self.history:
            return False
        n, best = len(self.history), self.best
        return n == config.max_epochs or (best.dev_score > 0 and n - best.epoch >= config.patience)

    def after(self, event: Position | EpochRecord, weights: Callable[[], Weights]) -> Progress:
        """Return the progress after a batch or an epoch; `weights` is called if the epoch is the best so far.

        Raises:
            TrainingError: the weights are not finite.
        """
        if isinstance(event, Position):
            return replace(self, position=event)
        progress = Progress(Position(event.epoch + 1), (*self.history, event), self.best_weights)
        if progress.best is event:
            return replace(progress, best_weights=_finite(weights(), event.epoch))
        return progress


def _rank(record: EpochRecord) -> tuple[float, float]:
    return record.dev_score, record.dev_accuracy


def _finite(weights: Weights, epoch: int) -> Mapping[str, np.ndarray]:
    """Return the weights after checking that they are finite; the loss would show it one step too late."""
    for path, values in weights.items():
        if not np.isfinite(values).all():
            raise TrainingError(f"epoch {epoch}: weights of {path} are not finite; try a lower learning_rate")
    return weights
