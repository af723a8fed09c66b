"""Decision record (decision.json): the verdict of the gate and the reasons for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AliasChoices, Field

from seqtag.config import Metric
from seqtag.evaluation.prf import Interval
from seqtag.formatting import percent, plural, short_name
from seqtag.gate.comparable_subset import Substitute
from seqtag.gate.error_budget import Gauge
from seqtag.gate.gate_rules import BUDGET, CHANCE, COMPARABLE, DIFFERING, MARGIN, NOISE, GateRule
from seqtag.gate.guardrails import Guardrail
from seqtag.gate.paired_test import GateVerdict
from seqtag.records import Record

Role = Literal["challenger", "champion"]


@dataclass(frozen=True)
class Recent:
    """The comparison on documents that were added to the test split after the champion was evaluated.

    The champion was selected by its score on the earlier documents, which is therefore too high, on average
    by `champion_before - champion`. The added documents carry no such selection bias.
    """

    challenger: float | None
    champion: float | None
    champion_before: float | None  # on the earlier documents
    difference: Interval
    n_documents: int


@dataclass(frozen=True)
class Decision(Record):
    """decision.json. Scores are fractions in [0, 1], None if they are undefined or unknown.

    With a champion, scores are those on the `n_sequences` on which both models can be compared. `n_left_out`
    counts the sequences that only one model was trained on, or with a tag that only one of them knows.
    """

    FORMAT: ClassVar[str] = "decision/1"

    verdict: GateVerdict
    sentence: str  # the verdict, and the number that decided
    metric: Metric
    challenger: float | None
    champion: float | None
    champion_version: str | None
    is_champion_retrained: Annotated[  # its scores are those of its recipe, retrained on this split
        bool, Field(validation_alias=AliasChoices("is_champion_retrained", "is_anchored"))  # the older name
    ]
    difference: Interval | None
    standard_error: float | None  # of the difference, without retraining noise
    bound: float | None  # lower bound of the difference at the error level of this comparison
    p_better: float | None
    p_value: float | None  # of approximate randomization, two-sided
    margin: float
    floor: float
    confidence: float
    resamples: int
    level: float  # error level: probability of a false promotion; 0: nothing was compared
    noise: float | None  # standard deviation of the score between equally good retrainings
    noise_source: str
    gauge: Gauge | None
    recent: Recent | None
    n_sequences: int
    n_documents: int
    n_left_out: int
    rules: Sequence[GateRule]
    would_pass: Sequence[str]  # changes that together would make it PROMOTE; empty if it is, or none would
    guards: Sequence[Guardrail]
    evidence: str = ""  # digest of both models' predictions; "" if nothing new was compared

    def score(self, role: Role) -> float | None:
        return self.challenger if role == "challenger" else self.champion


@dataclass(frozen=True)
class Opponent:
    """The champion that a challenger is compared with."""

    version: str
    predictions: Path | None  # on the same test split, by the champion or its substitute
    tags: tuple[str, ...]
    error: str | None = None  # why it could not be loaded or scored
    substitute: Substitute | None = None  # None: the champion itself can be compared
    tag_counts: Mapping[str, int] = field(default_factory=dict)  # its training tokens by tag
    is_same_model: bool = False  # the challenger has the same files; only the serving code differs


def with_verdict(decision: Decision, grounds: str) -> Decision:
    """State the verdict with the number that decided, a HOLD if a rule failed, and fill `would_pass`.

    Args:
        grounds: what decided if the verdict is not a HOLD.
    """
    failed = [rule for rule in decision.rules if not rule.passed]
    verdict: GateVerdict = "HOLD" if decision.verdict == "PROMOTE" and failed else decision.verdict
    grounds = _first_failure(failed) if verdict == "HOLD" else grounds
    changes = list(dict.fromkeys(rule.change for rule in failed))
    would_pass = changes if all(changes) else []
    return replace(decision, verdict=verdict, sentence=f"{verdict}: {grounds}.", would_pass=would_pass)


def _first_failure(failed: Sequence[GateRule]) -> str:
    """Return the number of the failed rule that decided, and how many other rules failed.

    Without a fair comparison and a budget the other rules mean nothing. Too few differing documents, or a
    difference below the margin, imply that the rules after them fail.
    """
    names = [rule.rule for rule in failed]
    ranked = sorted(failed, key=lambda rule: rule.rule not in (COMPARABLE, BUDGET))
    implied = () if not {DIFFERING, MARGIN} & {*names} else (CHANCE, NOISE)
    implied = implied if DIFFERING not in names else (MARGIN, *implied)
    n_others = sum(name not in implied for name in names) - 1
    others = f"; {plural(n_others, 'other rule')} failed" if n_others > 0 else ""
    return f"{ranked[0].number}{others}"


def scored_rule(decision: Decision, role: Role) -> GateRule:
    """Require a defined score."""
    model = "champion's recipe" if role == "champion" and decision.is_champion_retrained else role
    detail = f"the {model} has {score_text(decision, role)}"
    return GateRule(
        rule=f"the {role} is scored", passed=decision.score(role) is not None, detail=detail, change=""
    )


def floor_rule(decision: Decision) -> GateRule:
    """Require the minimum score for a model that has no champion to beat."""
    score, floor = decision.challenger, decision.floor
    words = "to compare with" if score is None else "reaches" if score >= floor else "is below"
    detail = f"{score_text(decision, 'challenger')} {words} the floor of {percent(floor)}"
    passed = score is not None and score >= floor
    change = "" if score is None or passed else f"gate.floor = {math.floor(1e4 * score) / 1e4:g}"
    return GateRule(rule="the floor is reached", passed=passed, detail=detail, change=change)


def score_of(counts: npt.NDArray[np.float32]) -> float | None:
    """Return the metric from `<float32>[n_sequences, 2]`, None for 0 / 0."""
    sums = counts.sum(axis=0, dtype=np.float64)
    return float(sums[0] / sums[1]) if sums[1] else None


def champion_text(decision: Decision) -> str:
    """Return the name of the champion, with its version if known."""
    version = decision.champion_version
    return "the champion" if version is None else f"champion v{version}"


def score_text(decision: Decision, role: Role) -> str:
    """Return a model's score with the name of the metric."""
    score = decision.score(role)
    name = short_name(decision.metric)
    return f"no {name} (nothing to count)" if score is None else f"{name} {percent(score)}"
