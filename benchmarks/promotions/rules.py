"""The promotion rules under test, each applied to one comparison of challenger and champion."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.promotions.models import Model
from benchmarks.promotions.splits import Split
from seqtag.config import EvaluateConfig, GateConfig
from seqtag.evaluation.prf import t_reach
from seqtag.gate import Budget, Decision, Opponent, decide_promotion
from seqtag.gate.comparison import FEWEST_RECENT
from seqtag.gate.paired_test import paired_difference
from seqtag.gate.retraining_noise import RetrainingNoise

GUARDS = "no type or slice is worse"  # the rule's name in decision.json
NEAR = 0.85  # share of the bound; below it the gate could not promote and is not run
_ASSUMED = RetrainingNoise(0.001, "assumed")


@dataclass(frozen=True, eq=False)
class Comparison:
    """A challenger and the champion on the test split of a day.

    tested: number of documents in the split when the champion was evaluated
    number: index of the comparison within the horizon, from 0
    earlier_scores: scores of earlier challengers on the same test split, oldest first
    """

    split: Split
    challenger: Model
    champion: Model
    tested: int
    number: int
    earlier_scores: Sequence[float]
    seed: int

    @property
    def difference(self) -> float:
        return self.split.score(self.challenger) - self.split.score(self.champion)

    @property
    def standard_deviations(self) -> float:
        """Difference on all documents, divided by its standard error."""
        return standard_deviations(self.split.counts(self.challenger), self.split.counts(self.champion))


@dataclass(frozen=True)
class Outcome:
    """Result of a rule; `held_by_guards`: only the guardrails prevented a promotion."""

    promoted: bool
    held_by_guards: bool = False


class Rule(Protocol):
    """A rule with its name in the tables."""

    name: str

    def judge(self, comparison: Comparison) -> Outcome: ...


@dataclass(frozen=True)
class HigherScore:
    """Promote the model with the higher score."""

    name: str = "the higher score"

    def judge(self, comparison: Comparison) -> Outcome:
        return Outcome(comparison.difference > 0)


@dataclass(frozen=True)
class SingleComparison:
    """A gate without an error budget: the same confidence each time, by a bootstrap over sequences."""

    name: str = "95 % confidence in each comparison, by sequences"

    def judge(self, comparison: Comparison) -> Outcome:
        if comparison.difference <= 0:
            return Outcome(False)
        gate = GateConfig(horizon=1, false_promotions=0.025)
        split = comparison.split
        challenger = split.counts_by_sequence(comparison.challenger)
        champion = split.counts_by_sequence(comparison.champion)
        if standard_deviations(challenger, champion) < NEAR * t_reach(
            1 - gate.false_promotions, len(challenger), deviation=1.0
        ):
            return Outcome(False)
        found = paired_difference(
            challenger,
            champion,
            units=np.arange(len(challenger), dtype=np.uint64),
            gate=gate,
            level=gate.false_promotions,
            noise=_ASSUMED,
            seed=comparison.seed,
        )
        return Outcome(found.verdict == "PROMOTE")


@dataclass(frozen=True)
class Gate:
    """The actual gate, `decide_promotion`; it is only run if a promotion is possible."""

    name: str = "the gate"
    retraining_noise: float | None = None

    @property
    def config(self) -> GateConfig:
        return GateConfig(metric="accuracy", retraining_noise=self.retraining_noise)

    def judge(self, comparison: Comparison) -> Outcome:
        if not self.is_near(comparison):
            return Outcome(False)
        decision = self.decide(comparison)
        failed = {rule.rule for rule in decision.rules if not rule.passed}
        return Outcome(decision.verdict == "PROMOTE", held_by_guards=failed == {GUARDS})

    def is_near(self, comparison: Comparison) -> bool:
        """Return whether the difference is near the bound, by the standard error of a linear estimate."""
        split, tested = comparison.split, comparison.tested
        challenger, champion = split.counts(comparison.challenger), split.counts(comparison.champion)
        has_recent = FEWEST_RECENT <= len(challenger) - tested < len(challenger)
        level = self.config.false_promotions / self.config.horizon / (2 if has_recent else 1)
        parts = [(challenger, champion), *([(challenger[tested:], champion[tested:])] if has_recent else [])]
        return any(
            standard_deviations(*part) >= NEAR * t_reach(1 - level, len(part[0]), deviation=1.0)
            for part in parts
        )

    def decide(self, comparison: Comparison) -> Decision:
        """Return the decision of the gate, from files of predictions."""
        gate, split = self.config, comparison.split
        with tempfile.TemporaryDirectory() as folder:
            challenger, champion = Path(folder, "challenger.parquet"), Path(folder, "champion.parquet")
            split.write(comparison.challenger, challenger)
            split.write(comparison.champion, champion, tested=comparison.tested)
            return decide_promotion(
                challenger,
                Opponent("1", champion, split.pool.tags),
                tags=split.pool.tags,
                scheme="none",
                gate=gate,
                evaluate=EvaluateConfig(),
                metric="accuracy",
                seed=comparison.seed,
                budget=Budget(comparison.number, comparison.number * gate.false_promotions / gate.horizon),
                earlier_scores=comparison.earlier_scores,
            )


def standard_deviations(challenger: npt.NDArray[np.float32], champion: npt.NDArray[np.float32]) -> float:
    """Return the difference in accuracy divided by its linearized standard error, 0 for equal models."""
    tokens = champion[:, 1].astype(np.float64)
    apart = challenger[:, 0].astype(np.float64) - champion[:, 0]
    difference = apart.sum() / tokens.sum()
    spread = math.sqrt(((apart - difference * tokens) ** 2).sum()) / tokens.sum()
    return float(difference / spread) if spread else 0.0
