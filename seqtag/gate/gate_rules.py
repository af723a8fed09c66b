"""Gate rules: each returns whether it passed, with its numbers and the change that would make it pass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seqtag.config import GateConfig
from seqtag.evaluation.split_scores import Costs
from seqtag.formatting import fine_points
from seqtag.gate.comparable_subset import Substitute, TagChange
from seqtag.gate.error_budget import Budget, fewest_documents
from seqtag.gate.guardrails import Guardrail
from seqtag.gate.retraining_noise import RetrainingNoise
from seqtag.records import Passed

MARGIN: Final = "the difference clears the margin"
DIFFERING: Final = "enough documents differ"
CHANCE: Final = "the difference is not due to chance"
NOISE: Final = "the difference exceeds retraining noise"
COMPARABLE: Final = "the test split is fair to both"
BUDGET: Final = "the error budget is not used up"
_MOST_NAMES = 3  # in a detail


@dataclass(frozen=True)
class GateRule:
    """One condition of a promotion and its result.

    `detail` is the number that decides, and further ones after a semicolon. `change` is the smallest change
    with which the rule would pass, all else being equal; "" if it passed, or no change would make it pass.
    """

    rule: str
    passed: Passed
    detail: str
    change: str

    @property
    def number(self) -> str:
        """The number that decides, with what it is compared with."""
        return self.detail.partition("; ")[0]


def budget_rule(level: float, budget: Budget, gate: GateConfig) -> GateRule:
    """Require that the error budget of the horizon is not used up."""
    share = gate.false_promotions / gate.horizon
    detail = (
        f"{budget.comparisons:,} of the horizon's {gate.horizon:,} comparisons have used {budget.spent:.2%} "
        f"of the error budget of {gate.false_promotions:.2%}; this one may use {level:.4%}"
    )
    change = f"gate.false_promotions = {math.ceil(1e6 * (budget.spent + share)) / 1e6:g}"
    return _rule(BUDGET, level > 0, detail, change)


def enough_differ_rule(
    challenger: npt.NDArray[np.float64], champion: npt.NDArray[np.float64], level: float
) -> GateRule:
    """Require as many differing documents as a sign test would need if all favoured one side.

    With fewer, the interval of the bootstrap is narrower than the evidence allows.

    Args:
        challenger, champion: `<float64>[n_units, 2]`, numerator and denominator of the metric.
        level: error level of the comparison.
    """
    differing = int((challenger != champion).any(axis=1).sum())
    needed = fewest_documents(level)
    detail = f"scores differ on {differing:,} documents, {needed} are needed"
    if not differing:
        detail = f"a tie on all {len(challenger):,} documents keeps the champion"
    change = f"{needed} differing documents instead of {differing}"
    change = change if differing else ""  # a tie: no change to suggest
    return _rule(DIFFERING, differing >= needed, detail, change)


def margin_rule(difference: float, bound: float, *, level: float, margin: float, needed: float) -> GateRule:
    """Require a lower bound of the difference above the margin.

    Args:
        needed: the difference with which this rule and that on noise would pass.
    """
    detail = (
        f"the difference is at least {fine_points(max(bound, -1.0))} points, the margin is "
        f"{fine_points(margin)}; lower bound at an error level of {level:.4%}"
    )
    changes = [_larger_difference(difference, needed)]
    lower = math.floor(1e4 * bound) / 1e4 if 0 < bound <= margin else 0.0
    if lower > 0:
        changes.append(f"gate.margin below {lower:.4f}")
    return _rule(MARGIN, bound > margin, detail, ", or ".join(filter(None, changes)))


def noise_rule(
    difference: float, low: float, *, noise: RetrainingNoise, gate: GateConfig, needed: float
) -> GateRule:
    """Require a difference larger than retraining the same configuration would make; `needed` as above."""
    detail = (
        f"with retraining noise, the interval starts at {fine_points(max(low, -1.0))} points, the margin is "
        f"{fine_points(gate.margin)}; noise of {100 * noise.value:.2f} points ({noise.source}), "
        f"{gate.confidence:.0%} interval"
    )
    change = _larger_difference(difference, needed)
    return _rule(NOISE, low > gate.margin, detail, change)


def chance_rule(p_value: float, level: float) -> GateRule:
    """Require that approximate randomization confirms the bootstrap: the difference is not due to chance."""
    detail = f"approximate randomization gives p = {p_value:.5f}, it must be below {2 * level:.3g}"
    return _rule(CHANCE, p_value < 2 * level, detail, "a difference that is not due to chance")


def comparable_rule(
    seen: Sequence[npt.NDArray[np.bool_]],
    *,
    known: Sequence[bool],
    substitute: Substitute | None,
    gate: GateConfig,
) -> GateRule:
    """Require that few test sequences were in the training data of the champion alone.

    A sequence that only one model was trained on favours that model and is left out. A sequence that both
    were trained on is a repetition, as in production traffic, and is kept. Sequences that only the challenger
    was trained on, such as a new template of log lines, have no limit: it gains nothing from them.

    Args:
        seen: `<bool>[n_sequences]` each, of challenger and champion: trained on an equal sequence.
        known: for challenger and champion, False if `seen` is unknown.
        substitute: the opponent in place of the champion, if any.
    """
    if substitute is not None and substitute.kind == "none":
        detail = (
            "the champion cannot be compared, and its recipe cannot be retrained; "
            f"{substitute.reason}; its configuration is not readable"
        )
        return _rule(COMPARABLE, False, detail, "")
    if not all(known):
        who = " and ".join(n for n, k in zip(("challenger", "champion"), known, strict=True) if not k)
        return _rule(COMPARABLE, False, f"the training sequences of the {who} are unknown", "")
    n = len(seen[0])
    challenger, champion = seen
    both, challenger_alone, champion_alone = (
        float(part.mean()) if n else 0.0
        for part in (challenger & champion, challenger & ~champion, champion & ~challenger)
    )
    detail = (
        f"only the champion was trained on {champion_alone:.1%} of {n:,} test sequences, {gate.max_seen:.1%} "
        f"is allowed; only the challenger on {challenger_alone:.1%}; what only one was trained on is left "
        f"out; both were trained on {both:.1%}, which are kept as repetitions"
    )
    change = f"gate.max_seen = {math.ceil(1e4 * champion_alone - 1e-6) / 1e4:g}"
    return _rule(COMPARABLE, champion_alone <= gate.max_seen, detail, change)


def tag_rules(change: TagChange, *, n_foreign: int, gate: GateConfig) -> list[GateRule]:
    """Require that tags are new or removed only as the gate allows."""
    rules = []
    for what, names, policy in (
        ("new", change.new, gate.new_tags),
        ("removed", change.removed, gate.removed_tags),
    ):
        passed = not names or policy == "allow"
        detail = "none"
        if names:
            detail = (
                f'{what} since the champion: {_listed(names)} (gate.{what}_tags = "{policy}"); '
                f"{n_foreign:,} test sequences have tags that only one of the two models knows"
            )
        rules.append(_rule(f"{what} tags are allowed", passed, detail, f'gate.{what}_tags = "allow"'))
    return rules


def cost_rules(costs: Costs | None, gate: GateConfig) -> list[GateRule]:
    """Require costs within the limits relative to the champion's; no rules if one was not measured."""
    if costs is None or costs.champion is None:
        return []
    bounds: Mapping[str, tuple[float, float, float, str]] = {
        "size": (costs.challenger.size, costs.champion.size, gate.max_size_ratio, "bytes"),
        "latency": (
            1000 * costs.challenger.seconds,
            1000 * costs.champion.seconds,
            gate.max_latency_ratio,
            "CPU ms per 1,000 tokens",
        ),
        "memory": (
            costs.challenger.memory,
            costs.champion.memory,
            gate.max_memory_ratio,
            "bytes at peak",
        ),
    }
    rules = []
    for what, (challenger, champion, bound, unit) in bounds.items():
        ratio = challenger / champion if champion else math.inf
        detail = f"{_number(challenger)} against {_number(champion)} {unit}, {ratio:.2f} times as much"
        detail += f", {bound:g} is allowed" if bound else ", no limit is set"
        passed = not bound or ratio <= bound
        change = f"gate.max_{what}_ratio = {math.ceil(100 * ratio) / 100:g}" if ratio < math.inf else ""
        rules.append(_rule(f"{what} is within its budget", passed, detail, change))
    return rules


def guard_rules(guards: Sequence[Guardrail], gate: GateConfig) -> list[GateRule]:
    """Require that no type or slice is clearly worse; one failed rule for each that is, else one for all."""
    worse = sorted((g for g in guards if g.high < -gate.guard_margin), key=lambda g: g.difference)
    if not worse:
        detail = f"{len(guards)} compared (support of at least {gate.min_support}), none clearly worse"
        return [_rule("no type or slice is worse", True, detail, "")]
    margin = max(math.ceil(-1e4 * guard.high) / 1e4 for guard in worse)  # one change, for all of them
    change = f"gate.guard_margin = {margin:g}, or gate.min_support above {max(g.support for g in worse)}"
    rules = []
    for guard in worse:
        detail = (
            f"{guard.what} loses {-100 * guard.difference:.2f} points, {100 * gate.guard_margin:.2f} is "
            f"allowed; interval [{fine_points(guard.low)}, {fine_points(guard.high)}], support "
            f"{guard.support:,} in {guard.documents:,} documents"
        )
        rules.append(_rule("no type or slice is worse", False, detail, change))
    return rules


def _rule(name: str, passed: bool, detail: str, change: str) -> GateRule:
    return GateRule(rule=name, passed=bool(passed), detail=detail, change="" if passed else change)


def _larger_difference(difference: float, needed: float) -> str:
    """Return the difference that would be enough; "" if no two scores can differ that much."""
    if needed >= 1:
        return ""
    return f"a difference above {fine_points(needed)} points instead of {fine_points(difference)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
