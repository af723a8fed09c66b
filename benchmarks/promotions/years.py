"""Simulated years: 365 daily challengers against the current champion, on one test split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.promotions.models import Model, of_level
from benchmarks.promotions.pool import Pool
from benchmarks.promotions.rules import Comparison, Outcome, Rule
from benchmarks.promotions.splits import Split

MOST_EARLIER = 20  # earlier scores for estimating retraining noise, as in seqtag.steps
IMPROVEMENT = 0.003


@dataclass(frozen=True)
class Plan:
    """The years to simulate.

    rules           each has its own champion; all see the same challengers
    challengers     makes the challenger of each day, and the champion before day 1
    n_documents     size of the test split at the end of the year
    share_at_first  share of these documents on day 1; the others arrive evenly
    with_power      offer a challenger that is better by IMPROVEMENT, before day 1 and after the last day
    """

    rules: tuple[Rule, ...]
    challengers: Callable[[Pool, np.random.Generator], Model]
    n_documents: int
    share_at_first: float = 1.0
    days: int = 365
    with_power: bool = False

    def arrived(self, day: int) -> int:
        share = self.share_at_first + (1 - self.share_at_first) * day / max(1, self.days - 1)
        return round(share * self.n_documents)


@dataclass(frozen=True)
class Year:
    """One simulated year of one rule; scores are fractions.

    optimism  the last champion's score on the test split minus its true score
    gained    the last champion's true score minus the first one's
    found     whether the better challenger was promoted on day 1, and after the last day
    """

    promotions: int
    false_promotions: int
    held_by_guards: int
    optimism: float
    gained: float
    found: tuple[bool, bool]


@dataclass(frozen=True, eq=False)
class _Champion:
    """The champion of a rule with its history; `tested`: number of documents it was evaluated on."""

    model: Model
    tested: int
    promotions: int = 0
    false_promotions: int = 0
    held_by_guards: int = 0

    def after(self, outcome: Outcome, comparison: Comparison) -> _Champion:
        held = self.held_by_guards + outcome.held_by_guards
        if not outcome.promoted:
            return replace(self, held_by_guards=held)
        is_false = comparison.challenger.n_right <= self.model.n_right
        return _Champion(
            model=comparison.challenger,
            tested=len(comparison.split.drawn),
            promotions=self.promotions + 1,
            false_promotions=self.false_promotions + is_false,
            held_by_guards=held,
        )


def simulated(pool: Pool, plan: Plan, n_years: int, *, processes: int) -> list[list[Year]]:
    """Return the simulated years by rule."""
    with ProcessPoolExecutor(processes) as executor:
        years = list(executor.map(partial(_year, pool, plan), range(n_years), chunksize=5))
    return [list(of_rule) for of_rule in zip(*years, strict=True)]


def _year(pool: Pool, plan: Plan, number: int) -> list[Year]:
    random = np.random.default_rng(number)
    whole = Split.of(pool, plan.n_documents, random)
    first = plan.challengers(pool, random)
    champions = [_Champion(first, plan.arrived(0)) for _ in plan.rules]
    found = [_found(plan, whole.first(plan.arrived(0)), champions, day=0, seed=number)]
    scores: list[float] = []
    for day in range(plan.days):
        challenger = plan.challengers(pool, random)
        split = whole if plan.arrived(day) == plan.n_documents else whole.first(plan.arrived(day))
        for i, (rule, champion) in enumerate(zip(plan.rules, champions, strict=True)):
            comparison = Comparison(
                split=split,
                challenger=challenger,
                champion=champion.model,
                tested=champion.tested,
                number=day,
                earlier_scores=scores[-MOST_EARLIER:] if plan.share_at_first == 1 else (),
                seed=number * plan.days + day,
            )
            champions[i] = champion.after(rule.judge(comparison), comparison)
        scores.append(split.score(challenger))
    found.append(_found(plan, whole, champions, day=plan.days - 1, seed=number))
    return [
        Year(
            promotions=champion.promotions,
            false_promotions=champion.false_promotions,
            held_by_guards=champion.held_by_guards,
            optimism=whole.score(champion.model) - champion.model.truth,
            gained=champion.model.truth - first.truth,
            found=(found[0][i], found[1][i]),
        )
        for i, champion in enumerate(champions)
    ]


def _found(plan: Plan, split: Split, champions: Sequence[_Champion], *, day: int, seed: int) -> list[bool]:
    """Offer each rule a challenger that is better than its champion by IMPROVEMENT."""
    if not plan.with_power:
        return [False] * len(plan.rules)
    pool, found = split.pool, []
    for rule, champion in zip(plan.rules, champions, strict=True):
        random = np.random.default_rng([seed, 1])  # the same errors on both days
        level = champion.model.n_right + round(IMPROVEMENT * pool.n_tokens)
        better = of_level(pool, level, random)
        comparison = Comparison(split, better, champion.model, champion.tested, day, (), seed)
        found.append(rule.judge(comparison).promoted)
    return found
