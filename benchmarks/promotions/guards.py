"""Guardrails on pairs of retrainings, decided by the whole gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.promotions.models import Model
from benchmarks.promotions.pool import Pool
from benchmarks.promotions.rules import GUARDS, Comparison, Gate
from benchmarks.promotions.splits import Split
from benchmarks.promotions.years import MOST_EARLIER


@dataclass(frozen=True)
class Pair:
    """Indices of a challenger and a champion in the pool, and the seed of a test split."""

    challenger: int
    champion: int
    seed: int


@dataclass(frozen=True)
class Judged:
    """Decision of the gate on a pair; `below_zero`: the interval of a guardrail lies below 0."""

    verdict: str
    higher_score: bool
    held_by_guard: bool
    below_zero: bool


def drawn_pairs(n_models: int, n: int, random: np.random.Generator) -> Iterator[Pair]:
    """Draw pairs of different models, each with a different test split."""
    for seed in range(n):
        champion, other = int(random.integers(n_models)), int(random.integers(n_models - 1))
        yield Pair(other + (other >= champion), champion, seed)


def judged(
    pool: Pool, pairs: Sequence[Pair], *, n_documents: int, retrainings: Sequence[int], processes: int = 2
) -> list[Judged]:
    """Return the decisions of the gate on the pairs.

    Args:
        retrainings: models for estimating retraining noise; empty: the noise is assumed.
    """
    judge = partial(_judged, pool, n_documents=n_documents, retrainings=retrainings)
    with ProcessPoolExecutor(processes) as executor:
        return list(executor.map(judge, pairs, chunksize=10))


def _judged(pool: Pool, pair: Pair, *, n_documents: int, retrainings: Sequence[int]) -> Judged:
    random = np.random.default_rng([pair.seed, 2])
    split = Split.of(pool, n_documents, random)
    others = [number for number in retrainings if number not in (pair.challenger, pair.champion)]
    earlier = random.choice(others, MOST_EARLIER, replace=False) if others else []
    comparison = Comparison(
        split=split,
        challenger=Model(pool, pool.predicted[pair.challenger]),
        champion=Model(pool, pool.predicted[pair.champion]),
        tested=n_documents,
        number=0,
        earlier_scores=[split.score(Model(pool, pool.predicted[number])) for number in earlier],
        seed=pair.seed,
    )
    decision = Gate().decide(comparison)
    return Judged(
        verdict=decision.verdict,
        higher_score=comparison.difference > 0,
        held_by_guard=any(rule.rule == GUARDS and not rule.passed for rule in decision.rules),
        below_zero=any(guard.high < 0 for guard in decision.guards),
    )
