"""Comparison of a challenger with its opponent, on the test sequences that are fair to both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.evaluation.metric import metric_counts, score_differences
from seqtag.evaluation.predictions import Predictions
from seqtag.evaluation.prf import Interval, standard_interval
from seqtag.evaluation.split_scores import Costs
from seqtag.formatting import fine_points, short_name
from seqtag.gate.comparable_subset import TagChange, faded_types, subset, tag_change, with_types
from seqtag.gate.decision import (
    Decision,
    Opponent,
    Recent,
    champion_text,
    score_of,
    scored_rule,
    with_verdict,
)
from seqtag.gate.error_budget import Budget, gauge
from seqtag.gate.gate_rules import (
    GateRule,
    budget_rule,
    comparable_rule,
    cost_rules,
    guard_rules,
    tag_rules,
)
from seqtag.gate.guardrails import guardrails
from seqtag.gate.paired_test import PairedDifference, paired_difference
from seqtag.gate.retraining_noise import RetrainingNoise

FEWEST_RECENT = 50  # documents added since the champion's promotion, for a separate comparison
_FEWEST_COMMON = 20  # documents needed to see a clear loss

Counts = npt.NDArray[np.float32]  # <float32>[n_sequences, 2], numerator and denominator of the metric
Units = npt.NDArray[np.uint64]  # <uint64>[n_sequences], equal for sequences that are drawn together


@dataclass(frozen=True)
class ComparisonSettings:
    """Settings and context of a comparison; tags and tag counts are the challenger's."""

    tags: tuple[str, ...]
    tag_counts: Mapping[str, int]  # training tokens by tag
    scheme: SchemeName
    gate: GateConfig
    evaluate: EvaluateConfig
    budget: Budget
    noise: RetrainingNoise
    costs: Costs | None
    seed: int


def compared(
    decision: Decision,
    challenger: Predictions,
    champion: Predictions,
    opponent: Opponent,
    by: ComparisonSettings,
) -> Decision:
    """Compare both models on their common sequences, and decide."""
    change, substitute = _change(opponent, by), opponent.substitute
    unshared_types = (
        () if decision.is_champion_retrained else (*change.new, *change.removed)
    )  # a retrained champion knows the tags
    common = _ComparableSequences.of(challenger, champion, unshared_types, by)
    counts = common.counts(decision.metric, by.scheme)
    level = by.budget.level(by.gate)
    known = [each.seen is not None for each in (challenger, champion)]
    decision = replace(
        decision,
        challenger=score_of(counts[0]),
        champion=score_of(counts[1]),
        level=level,
        noise=by.noise.value,
        noise_source=by.noise.source,
        n_sequences=int(common.kept.sum()),
        n_documents=common.n_documents,
        n_left_out=int((~common.kept).sum()),
        rules=[
            budget_rule(level, by.budget, by.gate),
            comparable_rule(common.seen, known=known, substitute=substitute, gate=by.gate),
            new_rule(challenger, by.gate),
            *policy_rules(challenger, opponent, by),
        ],
    )
    decision = _paired(decision, counts[0], counts[1], common.champion, by)
    if decision.difference is not None:
        guards = guardrails(
            common.challenger,
            common.champion,
            scheme=by.scheme,
            metric=decision.metric,
            gate=by.gate,
            evaluate=by.evaluate,
            noise=by.noise.value,
            seed=by.seed,
        )
        decision = replace(decision, guards=guards, rules=[*decision.rules, *guard_rules(guards, by.gate)])
    return with_verdict(decision, _grounds(decision))


def _grounds(decision: Decision) -> str:
    """Return the difference and its bound, which decide on a promotion or a rejection."""
    if decision.difference is None or decision.difference.value is None:
        return ""
    opponent = f"{champion_text(decision)}'s"
    opponent = (
        f"the retrained recipe of {champion_text(decision)}" if decision.is_champion_retrained else opponent
    )
    side = "below" if decision.verdict == "REJECT" else "above"
    value = f"{100 * abs(decision.difference.value):.2f} points {side} {opponent}"
    if decision.verdict == "REJECT":
        bound = f"{100 * abs(decision.difference.high or 0.0):.2f}"
    else:
        bound = f"{fine_points(decision.bound or 0.0)}; the margin is {fine_points(decision.margin)}"
    return f"{short_name(decision.metric)} is {value}, at least {bound}"


def policy_rules(challenger: Predictions, opponent: Opponent, by: ComparisonSettings) -> list[GateRule]:
    """Require that tags changed and costs grew only as the gate allows."""
    change = _change(opponent, by)
    unshared_types = with_types(challenger.pairs, {*change.new, *change.removed}, scheme=by.scheme)
    return [
        *tag_rules(change, n_foreign=int(unshared_types.sum()), gate=by.gate),
        *cost_rules(by.costs, by.gate),
    ]


def loss_rule(
    challenger: Predictions, champion: Predictions, opponent: Opponent, metric: Metric, by: ComparisonSettings
) -> GateRule:
    """Require that a renewal is not clearly worse than the champion where the two can be compared."""
    name, change = "no clear loss where both can be compared", _change(opponent, by)
    common = _ComparableSequences.of(challenger, champion, (*change.new, *change.removed), by)
    counts = common.counts(metric, by.scheme)
    if common.n_documents < _FEWEST_COMMON or not all(each[:, 1].any() for each in counts):
        detail = f"not checked: too little can be compared ({common.n_documents} documents)"
        return GateRule(rule=name, passed=True, detail=detail, change="")
    differences = score_differences(
        *counts, units=common.challenger.units, resamples=by.gate.resamples, seed=by.seed
    )
    found = standard_interval(
        differences,
        support=len(counts[0]),
        n_units=common.n_documents,
        confidence=by.gate.confidence,
    )
    value, low, high = (end or 0.0 for end in (found.value, found.low, found.high))
    detail = (
        f"difference {fine_points(value)} points, {by.gate.confidence:.0%} interval [{fine_points(low)}, "
        f"{fine_points(high)}], on the {common.n_documents:,} documents that can be compared"
    )
    return GateRule(rule=name, passed=high >= 0, detail=detail, change="")


def new_rule(challenger: Predictions, gate: GateConfig) -> GateRule:
    """Require enough test sequences that are new to the challenger; else its score only shows memory."""
    share = 1.0 if challenger.seen is None or not len(challenger.seen) else float((~challenger.seen).mean())
    detail = f"{share:.1%} of the test sequences are new to the challenger, {gate.min_new:.1%} are needed"
    return GateRule(
        rule="enough of the test split is new",
        passed=share >= gate.min_new,
        detail=detail,
        change="" if share >= gate.min_new else f"gate.min_new = {math.floor(1e4 * share) / 1e4:g}",
    )


def _paired(
    decision: Decision,
    challenger: Counts,
    champion: Counts,
    predictions: Predictions,
    by: ComparisonSettings,
) -> Decision:
    """Compare the counts of both models and set the verdict by the difference alone.

    If enough documents were added after the champion was evaluated, these are also compared separately. Each
    of the two comparisons then has half of the error level, and the challenger has to pass one of them. The
    reason: the champion was selected by its score on the earlier documents, so that score is biased upwards.

    Args:
        predictions: the champion's, for units and `tested`.
    """
    scored = [scored_rule(decision, "challenger"), scored_rule(decision, "champion")]
    if not all(rule.passed for rule in scored):
        return replace(decision, level=0.0, rules=[*scored, *decision.rules])
    units, tested = predictions.units, predictions.tested
    is_recent = np.zeros(len(units), np.bool_) if tested is None else ~tested
    recent = _Recent.of(challenger, champion, units, is_recent)
    level = decision.level or by.gate.false_promotions / by.gate.horizon  # 0: the budget rule will hold it
    level = level if recent is None else level / 2

    def difference(one: Counts, other: Counts, units: Units) -> PairedDifference:
        return paired_difference(
            one, other, units=units, gate=by.gate, level=level, noise=by.noise, seed=by.seed
        )

    found = difference(challenger, champion, units)
    decision = replace(
        decision,
        standard_error=found.standard_error,
        gauge=gauge(
            by.budget,
            standard_error=found.standard_error,
            noise=by.noise.value,
            n_units=decision.n_documents,
            gate=by.gate,
        ),
    )
    if recent is not None:
        alone = difference(recent.challenger, recent.champion, recent.units)
        before = score_of(champion[~is_recent])
        decision = replace(decision, recent=recent.compared(alone.interval, champion_before=before))
        if found.verdict == "HOLD" and alone.verdict == "PROMOTE":  # but not if it is worse on the whole
            found = alone
            decision = replace(
                decision,
                challenger=score_of(recent.challenger),
                champion=score_of(recent.champion),
                n_sequences=len(recent.challenger),
                n_documents=recent.n_documents,
                standard_error=alone.standard_error,
            )
    return replace(
        decision,
        verdict=found.verdict,
        difference=found.interval,
        bound=found.bound,
        p_better=found.p_better,
        p_value=found.p_value,
        rules=[*scored, *found.rules, *decision.rules],
    )


@dataclass(frozen=True, eq=False)
class _Recent:
    """Counts on the sequences that were added to the test split after the champion was evaluated."""

    challenger: Counts
    champion: Counts
    units: Units
    n_documents: int

    @classmethod
    def of(
        cls,
        challenger: Counts,
        champion: Counts,
        units: Units,
        is_recent: npt.NDArray[np.bool_],
    ) -> Self | None:
        """Return the counts; None if there are too few documents, all are recent, or a score is undefined."""
        n_documents = len(np.unique(units[is_recent]))
        found = cls(challenger[is_recent], champion[is_recent], units[is_recent], n_documents)
        is_part = n_documents >= FEWEST_RECENT and not is_recent.all()
        return found if is_part and found.challenger[:, 1].any() and found.champion[:, 1].any() else None

    def compared(self, difference: Interval, *, champion_before: float | None) -> Recent:
        return Recent(
            challenger=score_of(self.challenger),
            champion=score_of(self.champion),
            champion_before=champion_before,
            difference=difference,
            n_documents=self.n_documents,
        )


@dataclass(frozen=True, eq=False)
class _ComparableSequences:
    """Common sequences, on which two models can be compared.

    seen: <bool>[n_sequences] each, of challenger and champion: trained on an equal sequence
    kept: <bool>[n_sequences]
    challenger, champion: predictions for the sequences that are kept
    """

    seen: Sequence[npt.NDArray[np.bool_]]
    kept: npt.NDArray[np.bool_]
    challenger: Predictions
    champion: Predictions

    @classmethod
    def of(
        cls,
        challenger: Predictions,
        champion: Predictions,
        unshared_types: Sequence[str],
        by: ComparisonSettings,
    ) -> Self:
        """Leave out the sequences that only one model was trained on, or whose types only one knows."""
        unknown = np.zeros(len(challenger.rows), np.bool_)
        seen = [unknown if each.seen is None else each.seen for each in (challenger, champion)]
        kept = ~((seen[0] ^ seen[1]) | with_types(challenger.pairs, unshared_types, scheme=by.scheme))
        return cls(seen, kept, subset(challenger, kept), subset(champion, kept))

    @property
    def n_documents(self) -> int:
        return len(np.unique(self.challenger.units))

    def counts(self, metric: Metric, scheme: SchemeName) -> tuple[Counts, Counts]:
        """Return the counts of challenger and champion."""
        one, other = (
            metric_counts(each.pairs, metric=metric, scheme=scheme)
            for each in (self.challenger, self.champion)
        )
        return one, other


def _change(opponent: Opponent, by: ComparisonSettings) -> TagChange:
    renamed = by.gate.renamed_tags
    change = tag_change(by.tags, opponent.tags, scheme=by.scheme, renamed=renamed)
    faded = faded_types(by.tag_counts, opponent.tag_counts, scheme=by.scheme, renamed=renamed)
    return TagChange(change.new, tuple(sorted({*change.removed, *faded})))
