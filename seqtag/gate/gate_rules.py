"""The rules of the gate: each says whether it held, with its numbers, and what would have made it hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import GateConfig
from seqtag.gate.comparable_subset import Anchor, TagChange
from seqtag.gate.error_budget import Budget, fewest_documents
from seqtag.gate.guardrails import Guardrail
from seqtag.gate.retraining_noise import RetrainingNoise

MARGIN: Final = "the difference clears the margin"
DIFFERING: Final = "enough documents differ"
CHANCE: Final = "the difference is no chance"
NOISE: Final = "the difference exceeds retraining noise"
COMPARABLE: Final = "the test split is fair to both"
BUDGET: Final = "the error budget is not used up"


class GateRule(TypedDict):
    """One condition of a promotion, and whether it held.

    `change` is the smallest one, all else being equal, with which it would have; "" if it did, or none would.
    """

    rule: str
    held: bool
    detail: str
    change: str


class Cost(TypedDict):
    """What a tagger takes."""

    size: int  # bytes of its files
    seconds: float  # CPU time of tagging 1,000 tokens, the best of several turns
    memory: int  # bytes at the most, of a process that loads it and tags


class Costs(TypedDict):
    """What both take, measured one after the other on the same machine."""

    challenger: Cost
    champion: Cost | None


def budget_rule(level: float, budget: Budget, gate: GateConfig) -> GateRule:
    """Ask that the error budget of the horizon be not used up."""
    share = gate.false_promotions / gate.horizon
    detail = (
        f"{budget.comparisons:,} of the {gate.horizon:,} comparisons of a horizon took {budget.spent:.2%} of "
        f"the {gate.false_promotions:.2%} that false promotions may take; this one may take {level:.4%}"
    )
    change = f"gate.false_promotions = {math.ceil(1e6 * (budget.spent + share)) / 1e6:g}"
    return _rule(BUDGET, level > 0, detail, change)


def enough_differ_rule(
    ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64], level: float
) -> GateRule:
    """Ask for as many differing documents as a sign test would need if all spoke for one side.

    With fewer, the bootstrap's interval is narrower than the evidence.

    Args:
        ours, theirs: `<float64>[n_units, 2]`.
    """
    differing = int((ours != theirs).any(axis=1).sum())
    needed = fewest_documents(level)
    detail = f"{differing:,} documents are scored differently, {needed} are needed"
    if not differing:
        detail = "a tie keeps the champion"
    change = f"{needed} differing documents instead of {differing}"
    change = change if differing else ""  # no difference would do, it is the same answer
    return _rule(DIFFERING, differing >= needed, detail, change)


def margin_rule(difference: float, bound: float, *, level: float, margin: float) -> GateRule:
    """Ask that the lower bound of the difference lie above the margin."""
    detail = (
        f"at an error level of {level:.4%} the difference is at least {points(max(bound, -1.0))} points, "
        f"the margin is {points(margin)}"
    )
    changes = [_larger_difference(difference, margin + (difference - bound))]
    lower = math.floor(1e4 * bound) / 1e4 if 0 < bound <= margin else 0.0
    if lower > 0:
        changes.append(f"gate.margin below {lower:.4f}")
    return _rule(MARGIN, bound > margin, detail, ", or ".join(filter(None, changes)))


def noise_rule(difference: float, low: float, *, noise: RetrainingNoise, gate: GateConfig) -> GateRule:
    """Ask that the difference be larger than what another training of the same configuration would change."""
    detail = (
        f"with retraining noise of {100 * noise.value:.2f} points ({noise.source}) the {gate.confidence:.0%} "
        f"interval begins at {points(max(low, -1.0))} points, the margin is {points(gate.margin)}"
    )
    change = _larger_difference(difference, gate.margin + (difference - low))
    return _rule(NOISE, low > gate.margin, detail, change)


def chance_rule(p_value: float, level: float) -> GateRule:
    """Ask that approximate randomization agree with the bootstrap that it is no chance."""
    detail = f"approximate randomization gives p = {p_value:.5f}, {2 * level:.3g} is allowed"
    return _rule(CHANCE, p_value < 2 * level, detail, "a difference that is no chance")


def comparable_rule(
    seen: Sequence[npt.NDArray[np.bool_]], *, known: Sequence[bool], anchor: Anchor | None, gate: GateConfig
) -> GateRule:
    """Ask that the champion alone was trained on few sequences of the test split, and that this is known.

    What only one of both was trained on favours it, and is left out. A sequence that both were trained on is
    a repetition, which traffic has as well, and stays. There is no bound for what the challenger alone was
    trained on, such as a new template of log lines: it gains nothing by sequences that are left out.

    Args:
        seen: `<bool>[n_sequences]` of the challenger, and of the champion.
        known: the same two, whether it is known.
        anchor: the opponent in the champion's place, if any.
    """
    if anchor is not None and anchor.kind == "none":
        detail = f"{anchor.reason}, and its recipe cannot be retrained: its configuration is not readable"
        return _rule(COMPARABLE, False, detail, "")
    if not all(known):
        who = " and ".join(n for n, k in zip(("challenger", "champion"), known, strict=True) if not k)
        return _rule(COMPARABLE, False, f"it is not known which sequences the {who} was trained on", "")
    n = len(seen[0])
    challenger, champion = seen
    both, ours, theirs = (
        float(part.mean()) if n else 0.0
        for part in (challenger & champion, challenger & ~champion, champion & ~challenger)
    )
    detail = (
        f"of {n:,} test sequences both models were trained on {both:.1%}, which stay as repetitions; the "
        f"challenger alone on {ours:.1%} and the champion alone on {theirs:.1%}, which are left out; "
        f"{gate.max_seen:.1%} is allowed of the champion's"
    )
    change = f"gate.max_seen = {math.ceil(1e4 * theirs - 1e-6) / 1e4:g}"
    return _rule(COMPARABLE, theirs <= gate.max_seen, detail, change)


def tag_rules(change: TagChange, *, n_foreign: int, gate: GateConfig) -> list[GateRule]:
    """Ask that a tag set changed only as it is allowed to."""
    rules = []
    for what, names, policy in (
        ("new", change.new, gate.new_tags),
        ("removed", change.removed, gate.removed_tags),
    ):
        held = not names or policy == "allow"
        detail = "none"
        if names:
            detail = (
                f'{what} since the champion: {", ".join(names)} (gate.{what}_tags = "{policy}"); '
                f"{n_foreign:,} test sequences have tags that one of the two models does not know"
            )
        rules.append(_rule(f"{what} tags are allowed", held, detail, f'gate.{what}_tags = "allow"'))
    return rules


def cost_rules(costs: Costs | None, gate: GateConfig) -> list[GateRule]:
    """Ask that the challenger take little more than the champion, where both were measured."""
    if costs is None or costs["champion"] is None:
        return []
    bounds: Mapping[str, tuple[float, float, float, str]] = {
        "size": (costs["challenger"]["size"], costs["champion"]["size"], gate.max_size_ratio, "bytes"),
        "latency": (
            1000 * costs["challenger"]["seconds"],
            1000 * costs["champion"]["seconds"],
            gate.max_latency_ratio,
            "CPU ms per 1,000 tokens",
        ),
        "memory": (
            costs["challenger"]["memory"],
            costs["champion"]["memory"],
            gate.max_memory_ratio,
            "bytes at the most",
        ),
    }
    rules = []
    for what, (ours, theirs, bound, unit) in bounds.items():
        ratio = ours / theirs if theirs else math.inf
        detail = f"{_number(ours)} against {_number(theirs)} {unit}, {ratio:.2f} times as much"
        detail += f", {bound:g} is allowed" if bound else ", with no bound"
        held = not bound or ratio <= bound
        change = f"gate.max_{what}_ratio = {math.ceil(100 * ratio) / 100:g}" if ratio < math.inf else ""
        rules.append(_rule(f"{what} is within its budget", held, detail, change))
    return rules


def guard_rules(guards: Sequence[Guardrail], gate: GateConfig) -> list[GateRule]:
    """Ask that no type or slice be clearly worse; a rule for each that is, or one for all."""
    worse = [guard for guard in guards if guard["high"] < -gate.guard_margin]
    if not worse:
        detail = f"{len(guards)} with a support of {gate.min_support} or more, none clearly worse"
        return [_rule("no type or slice is worse", True, detail, "")]
    rules = []
    for guard in worse:
        detail = (
            f"{guard['what']} loses {points(guard['difference'])} points, interval "
            f"[{points(guard['low'])}, {points(guard['high'])}], support {guard['support']:,} in "
            f"{guard['documents']:,} documents; "
            f"{points(-gate.guard_margin)} is allowed"
        )
        change = f"gate.guard_margin = {math.ceil(-1e4 * guard['high']) / 1e4:g}, or gate.min_support above "
        rules.append(_rule("no type or slice is worse", False, detail, f"{change}{guard['support']}"))
    return rules


def points(fraction: float) -> str:
    """Return a difference in percentage points.

    >>> points(0.0123)
    '+1.23'
    """
    return f"{100 * fraction:+.2f}"


def _rule(name: str, held: bool, detail: str, change: str) -> GateRule:
    return GateRule(rule=name, held=bool(held), detail=detail, change="" if held else change)


def _larger_difference(difference: float, needed: float) -> str:
    """Return the change to a difference that would have been enough; "" if no two scores differ so much."""
    if needed >= 1:
        return ""
    return f"a difference above {points(needed)} points instead of {points(difference)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
