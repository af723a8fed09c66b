"""Training history: scores on dev and speed of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from seqtag.records import Record


@dataclass(frozen=True)
class EpochRecord:
    """The results of one epoch."""

    epoch: int  # from 1
    loss: float  # mean over the tokens in the loss, in nats
    dev_score: float  # the configured metric, in [0, 1]
    dev_accuracy: float  # share of tokens tagged correctly, in [0, 1]
    seconds: float  # training and scoring
    tokens_per_second: float  # training only, without padding
    learning_rate: float


@dataclass(frozen=True)
class TrainingHistory(Record):
    """history.json: every epoch, in order."""

    FORMAT: ClassVar[str] = "history/1"

    epochs: Sequence[EpochRecord]

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights were kept: the first with the best dev score, then dev accuracy."""
        return max(self.epochs, key=lambda e: (e.dev_score, e.dev_accuracy, -e.epoch), default=None)
