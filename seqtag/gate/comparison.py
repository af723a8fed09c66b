"""The comparison of a challenger with its opponent, on the test sequences that are fair to both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.evaluation.metric import metric_counts, score_differences
from seqtag.evaluation.predictions import Predictions
from seqtag.evaluation.prf import Interval, standard_interval
from seqtag.gate.comparable_subset import TagChange, faded_types, subset, tag_change, with_types
from seqtag.gate.decision import (
    Decision,
    Opponent,
    Recent,
    champion_text,
    score_of,
    score_text,
    scored_rule,
    with_verdict,
)
from seqtag.gate.error_budget import Budget, gauge
from seqtag.gate.gate_rules import (
    Costs,
    GateRule,
    budget_rule,
    comparable_rule,
    cost_rules,
    guard_rules,
    points,
    tag_rules,
)
from seqtag.gate.guardrails import guardrails
from seqtag.gate.paired_test import PairedDifference, paired_difference
from seqtag.gate.retraining_noise import RetrainingNoise

FEWEST_RECENT = 50  # documents since the champion's promotion, from which on they are also compared alone
_FEWEST_COMMON = 20  # documents that a clear loss can be seen on

Counts = npt.NDArray[np.float32]  # <float32>[n_sequences, 2], numerator and denominator of the metric
Units = npt.NDArray[np.uint64]  # <uint64>[n_sequences], equal for sequences that are drawn together


@dataclass(frozen=True)
class ComparisonSettings:
    """All that a comparison depends on but the two models' predictions; tags are the challenger's."""

    tags: tuple[str, ...]
    tag_counts: Mapping[str, int]  # tokens of train
    scheme: SchemeName
    gate: GateConfig
    evaluate: EvaluateConfig
    budget: Budget
    noise: RetrainingNoise
    costs: Costs | None
    seed: int


def compared(
    decision: Decision, ours: Predictions, theirs: Predictions, opponent: Opponent, by: ComparisonSettings
) -> Decision:
    """Decide on the sequences on which both can be compared."""
    change, anchor = _change(opponent, by), opponent.anchor
    foreign = () if decision["is_anchored"] else (*change.new, *change.removed)  # an anchor knows the tags
    common = _Common.of(ours, theirs, foreign, by)
    counts = common.counts(decision["metric"], by.scheme)
    level = by.budget.level(by.gate)
    known = [each.seen is not None for each in (ours, theirs)]
    decision = {
        **decision,
        "challenger": score_of(counts[0]),
        "champion": score_of(counts[1]),
        "level": level,
        "noise": by.noise.value,
        "noise_source": by.noise.source,
        "n_sequences": int(common.kept.sum()),
        "n_documents": common.n_documents,
        "n_left_out": int((~common.kept).sum()),
        "rules": [
            budget_rule(level, by.budget, by.gate),
            comparable_rule(common.seen, known=known, anchor=anchor, gate=by.gate),
            new_rule(ours, by.gate),
            *policy_rules(ours, opponent, by),
        ],
    }
    decision = _paired(decision, counts[0], counts[1], common.theirs, by)
    if decision["difference"] is not None:
        guards = guardrails(
            common.ours,
            common.theirs,
            scheme=by.scheme,
            metric=decision["metric"],
            gate=by.gate,
            evaluate=by.evaluate,
            noise=by.noise.value,
            seed=by.seed,
        )
        decision = {
            **decision,
            "guards": guards,
            "rules": [*decision["rules"], *guard_rules(guards, by.gate)],
        }
    return with_verdict(decision)


def policy_rules(ours: Predictions, opponent: Opponent, by: ComparisonSettings) -> list[GateRule]:
    """Ask that the tag set changed, and the cost grew, only as they are allowed to."""
    change = _change(opponent, by)
    foreign = with_types(ours.pairs, {*change.new, *change.removed}, scheme=by.scheme)
    return [
        *tag_rules(change, n_foreign=int(foreign.sum()), gate=by.gate),
        *cost_rules(by.costs, by.gate),
    ]


def loss_rule(
    ours: Predictions, theirs: Predictions, opponent: Opponent, metric: Metric, by: ComparisonSettings
) -> GateRule:
    """Ask that a recipe retrained be not clearly worse on what is left of the test split to compare it on."""
    name, change = "no clear loss where both can be compared", _change(opponent, by)
    common = _Common.of(ours, theirs, (*change.new, *change.removed), by)
    counts = common.counts(metric, by.scheme)
    if common.n_documents < _FEWEST_COMMON or not all(each[:, 1].any() for each in counts):
        return GateRule(rule=name, held=True, detail=f"too little: {common.n_documents} documents", change="")
    differences = score_differences(
        *counts, units=common.ours.units, resamples=by.gate.resamples, seed=by.seed
    )
    found = standard_interval(
        differences,
        support=len(counts[0]),
        n_units=common.n_documents,
        confidence=by.gate.confidence,
    )
    value, low, high = (found[end] or 0.0 for end in ("value", "low", "high"))
    detail = (
        f"difference {points(value)} points, {by.gate.confidence:.0%} interval [{points(low)}, "
        f"{points(high)}], on {common.n_documents:,} documents that neither model was trained on alone"
    )
    return GateRule(rule=name, held=high >= 0, detail=detail, change="")


def new_rule(ours: Predictions, gate: GateConfig) -> GateRule:
    """Ask that enough of the test split be new to the challenger, or its score is one of memory."""
    share = 1.0 if ours.seen is None or not len(ours.seen) else float((~ours.seen).mean())
    detail = f"{share:.1%} of the test sequences are not in its training data, {gate.min_new:.1%} are needed"
    return GateRule(
        rule="enough of the test split is new",
        held=share >= gate.min_new,
        detail=detail,
        change="" if share >= gate.min_new else f"gate.min_new = {math.floor(1e4 * share) / 1e4:g}",
    )


def _paired(
    decision: Decision,
    ours: Counts,
    theirs: Counts,
    champion: Predictions,
    by: ComparisonSettings,
) -> Decision:
    """Compare the counts of both; the verdict is that of the difference alone.

    Where enough documents came after the champion was judged, they are also compared alone, each time at
    half of the error level, and the challenger has to be better by one of the two: the champion's score on
    the earlier documents is too high, since it was chosen by it.
    """
    scored = [scored_rule(decision, "challenger"), scored_rule(decision, "champion")]
    if not all(rule["held"] for rule in scored):
        sentence = f"HOLD: {scored[0]['detail']}, {scored[1]['detail']}, on {len(ours):,} sequences."
        return {**decision, "level": 0.0, "sentence": sentence, "rules": [*scored, *decision["rules"]]}
    units = champion.units
    is_recent = np.zeros(len(units), np.bool_) if champion.tested is None else ~champion.tested
    recent = _Recent.of(ours, theirs, units, is_recent)
    level = decision["level"] or by.gate.false_promotions / by.gate.horizon  # a budget rule holds it then
    level = level if recent is None else level / 2

    def difference(one: Counts, other: Counts, units: Units) -> PairedDifference:
        return paired_difference(
            one, other, units=units, gate=by.gate, level=level, noise=by.noise, seed=by.seed
        )

    found, which = difference(ours, theirs, units), ""
    decision = {
        **decision,
        "standard_error": found.standard_error,
        "gauge": gauge(
            by.budget,
            standard_error=found.standard_error,
            noise=by.noise.value,
            n_units=decision["n_documents"],
            gate=by.gate,
        ),
    }
    if recent is not None:
        alone = difference(recent.ours, recent.theirs, recent.units)
        before = score_of(theirs[~is_recent])
        decision = {**decision, "recent": recent.compared(alone.interval, champion_before=before)}
        if found.verdict == "HOLD" and alone.verdict == "PROMOTE":  # not where it is worse on the whole
            found, which = alone, f", the {recent.n_documents:,} that came after it was promoted"
            decision = {
                **decision,
                "challenger": score_of(recent.ours),
                "champion": score_of(recent.theirs),
                "n_sequences": len(recent.ours),
                "n_documents": recent.n_documents,
                "standard_error": alone.standard_error,
            }
    opposed = f"{champion_text(decision)}'s {100 * (decision['champion'] or 0):.1f}%"
    if decision["is_anchored"]:
        opposed += " by its recipe retrained on this split, since it cannot be compared itself,"
    value, low, high = (found.interval[end] or 0.0 for end in ("value", "low", "high"))
    sentence = (
        f"{score_text(decision, 'challenger')} against {opposed} on {decision['n_sequences']:,} sequences in "
        f"{decision['n_documents']:,} documents{which}; difference "
        f"{points(value)} points, {100 * by.gate.confidence:g}% interval "
        f"[{points(low)}, {points(high)}], at an error level of {level:.4%} at least {points(found.bound)}, "
        f"must clear {points(by.gate.margin)}."
    )
    return {
        **decision,
        "verdict": found.verdict,
        "sentence": sentence,
        "difference": found.interval,
        "bound": found.bound,
        "p_better": found.p_better,
        "p_value": found.p_value,
        "rules": [*scored, *found.rules, *decision["rules"]],
    }


@dataclass(frozen=True, eq=False)
class _Recent:
    """Counts of the sequences that came to the test split after the champion was judged on it."""

    ours: Counts
    theirs: Counts
    units: Units
    n_documents: int

    @classmethod
    def of(
        cls,
        ours: Counts,
        theirs: Counts,
        units: Units,
        is_recent: npt.NDArray[np.bool_],
    ) -> Self | None:
        """Return them, None if they are too few, all, or nothing is counted in them."""
        n_documents = len(np.unique(units[is_recent]))
        found = cls(ours[is_recent], theirs[is_recent], units[is_recent], n_documents)
        is_part = n_documents >= FEWEST_RECENT and not is_recent.all()
        return found if is_part and found.ours[:, 1].any() and found.theirs[:, 1].any() else None

    def compared(self, difference: Interval, *, champion_before: float | None) -> Recent:
        return Recent(
            challenger=score_of(self.ours),
            champion=score_of(self.theirs),
            champion_before=champion_before,
            difference=difference,
            n_documents=self.n_documents,
        )


@dataclass(frozen=True, eq=False)
class _Common:
    """What two models can be compared on, and what had to be left out.

    seen: <bool>[n_sequences] each, whether challenger and champion were trained on an equal sequence
    kept: <bool>[n_sequences]
    ours, theirs: predictions of the sequences that are kept
    """

    seen: Sequence[npt.NDArray[np.bool_]]
    kept: npt.NDArray[np.bool_]
    ours: Predictions
    theirs: Predictions

    @classmethod
    def of(
        cls, ours: Predictions, theirs: Predictions, foreign: Sequence[str], by: ComparisonSettings
    ) -> Self:
        """Leave out the sequences that one of both alone was trained on, or that have foreign types."""
        unknown = np.zeros(len(ours.rows), np.bool_)
        seen = [unknown if each.seen is None else each.seen for each in (ours, theirs)]
        kept = ~((seen[0] ^ seen[1]) | with_types(ours.pairs, foreign, scheme=by.scheme))
        return cls(seen, kept, subset(ours, kept), subset(theirs, kept))

    @property
    def n_documents(self) -> int:
        return len(np.unique(self.ours.units))

    def counts(self, metric: Metric, scheme: SchemeName) -> tuple[Counts, Counts]:
        """Return the challenger's counts, and the champion's."""
        ours, theirs = (
            metric_counts(each.pairs, metric=metric, scheme=scheme) for each in (self.ours, self.theirs)
        )
        return ours, theirs


def _change(opponent: Opponent, by: ComparisonSettings) -> TagChange:
    renamed = by.gate.renamed_tags
    change = tag_change(by.tags, opponent.tags, scheme=by.scheme, renamed=renamed)
    faded = faded_types(by.tag_counts, opponent.tag_counts, scheme=by.scheme, renamed=renamed)
    return TagChange(change.new, tuple(sorted({*change.removed, *faded})))
