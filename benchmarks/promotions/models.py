"""Challengers with a known true score, made from the models of the pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.promotions.pool import Pool

SPARE = 0.005  # distance of equally good models above the best of the pool, which mixes may exceed


@dataclass(frozen=True, eq=False)
class Model:
    """Predictions of one model for the population: `predicted: <uint8>[n_tokens]`."""

    pool: Pool
    predicted: npt.NDArray[np.uint8]

    @cached_property
    def _right(self) -> npt.NDArray[np.bool_]:
        return self.predicted == self.pool.gold

    @cached_property
    def n_right(self) -> int:
        return int(np.count_nonzero(self._right))

    @property
    def truth(self) -> float:
        """Accuracy on the whole population."""
        return self.n_right / self.pool.n_tokens

    @cached_property
    def right_by_document(self) -> npt.NDArray[np.float64]:
        return np.add.reduceat(self._right, self.pool.first_tokens, dtype=np.float64)

    @cached_property
    def right_by_sequence(self) -> npt.NDArray[np.float64]:
        return np.diff(np.append(0, np.cumsum(self._right))[self.pool.offsets]).astype(np.float64)


def as_trained(pool: Pool, random: np.random.Generator) -> Model:
    """Return a random model of the pool."""
    return Model(pool, pool.predicted[random.integers(len(pool.predicted))])


def equally_good(pool: Pool, random: np.random.Generator) -> Model:
    """Return a model with the same true score at every call."""
    level = int(pool.n_right.max()) + round(SPARE * pool.n_tokens)
    return of_level(pool, level, random)


def of_level(pool: Pool, n_right: int, random: np.random.Generator) -> Model:
    """Return a new model with a given number of correct tokens in the population.

    Each document is tagged by one of two models of the pool, so that errors are correlated within documents
    as for trained models, and no two challengers are equal. Then errors at random tokens are corrected.
    """
    while True:
        one, other = random.choice(len(pool.predicted), 2, replace=False)
        by_other = (random.random(pool.n_documents) < 0.5)[pool.document_of_token]
        predicted = np.where(by_other, pool.predicted[other], pool.predicted[one])
        wrong = np.flatnonzero(predicted != pool.gold)
        to_correct = n_right - (pool.n_tokens - len(wrong))
        if to_correct >= 0:
            corrected = random.choice(wrong, to_correct, replace=False)
            predicted[corrected] = pool.gold[corrected]
            return Model(pool, predicted)
