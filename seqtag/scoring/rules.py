"""The rules of the gate: each says whether it held, with its numbers, and what would have made it hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import GateConfig
from seqtag.scoring.common_ground import TagChange
from seqtag.scoring.guards import Guarded

MARGIN: Final = "the difference clears the margin"
DIFFERING: Final = "enough sequences differ"
CHANCE: Final = "the difference is no chance"


class Rule(TypedDict):
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
    seconds: float  # of tagging 1,000 tokens, the best of several turns
    memory: int  # bytes at the most, of a process that loads it and tags


class Costs(TypedDict):
    """What both take, measured one after the other on the same machine."""

    challenger: Cost
    champion: Cost | None


def enough_differ_rule(
    ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32], confidence: float
) -> Rule:
    """Ask for as many differing sequences as a sign test would need if all spoke for one side.

    With fewer, the bootstrap's interval is narrower than the evidence.
    """
    differing = int((ours != theirs).any(axis=1).sum())
    needed = math.ceil(math.log2(2 / (1 - confidence)))
    detail = f"{differing:,} sequences are scored differently, {needed} are needed"
    if not differing:
        detail = "a tie keeps the champion"
    change = f"{needed} differing sequences instead of {differing}"
    return _rule(DIFFERING, differing >= needed, detail, change)


def margin_rule(difference: float, low: float, margin: float) -> Rule:
    """Ask that the interval lie above the margin."""
    detail = f"the interval begins at {points(low)} points, the margin is {points(margin)}"
    needed = margin + (difference - low)
    change = f"a difference above {points(needed)} points instead of {points(difference)}"
    if 0 < low <= margin:
        change += f", or gate.margin below {low:.4f}"
    return _rule(MARGIN, low > margin, detail, change)


def chance_rule(p_value: float, confidence: float) -> Rule:
    """Ask that approximate randomization agree with the bootstrap that it is no chance."""
    detail = f"approximate randomization gives p = {p_value:.4f}, {1 - confidence:.3g} is allowed"
    change = f"gate.confidence below {1 - p_value:.4f}" if p_value < 0.5 else "a difference that is no chance"
    return _rule(CHANCE, p_value < 1 - confidence, detail, change)


def unseen_rule(seen: Sequence[npt.NDArray[np.bool_]], *, known: Sequence[bool], gate: GateConfig) -> Rule:
    """Ask that both were trained on little of the test split, and that this is known of both."""
    name = "the test split is new to both"
    if not all(known):
        who = " and ".join(n for n, k in zip(("challenger", "champion"), known, strict=True) if not k)
        return _rule(name, False, f"it is not known which sequences the {who} was trained on", "")
    n = len(seen[0])
    shares = [float(each.mean()) if n else 0.0 for each in seen]
    either = float((seen[0] | seen[1]).mean()) if n else 0.0
    detail = (
        f"of {n:,} sequences the challenger was trained on {100 * shares[0]:.1f}%, the champion on "
        f"{100 * shares[1]:.1f}%; these are left out, {100 * gate.max_seen:.1f}% is allowed"
    )
    return _rule(name, either <= gate.max_seen, detail, f"gate.max_seen = {either:.4f}")


def tag_rules(change: TagChange, *, n_foreign: int, gate: GateConfig) -> list[Rule]:
    """Ask that a tag set changed only as it is allowed to."""
    rules = []
    for what, names, policy in (
        ("new", change.new, gate.new_tags),
        ("removed", change.removed, gate.removed_tags),
    ):
        held = not names or policy == "allow"
        detail = f"{', '.join(names)}: {policy}" if names else "none"
        if names:
            detail += f"; the {n_foreign:,} sequences with tags that one of both does not know are left out"
        rules.append(_rule(f"{what} tags are allowed", held, detail, f'gate.{what}_tags = "allow"'))
    return rules


def cost_rules(costs: Costs | None, gate: GateConfig) -> list[Rule]:
    """Ask that the challenger take little more than the champion, where both were measured."""
    if costs is None or costs["champion"] is None:
        return []
    bounds: Mapping[str, tuple[float, float, float, str]] = {
        "size": (costs["challenger"]["size"], costs["champion"]["size"], gate.max_size_ratio, "bytes"),
        "latency": (
            1000 * costs["challenger"]["seconds"],
            1000 * costs["champion"]["seconds"],
            gate.max_latency_ratio,
            "ms per 1,000 tokens",
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


def guard_rules(guards: Sequence[Guarded], gate: GateConfig) -> list[Rule]:
    """Ask that no type or slice be clearly worse; a rule for each that is, or one for all."""
    worse = [guard for guard in guards if guard["high"] < -gate.guard_margin]
    if not worse:
        detail = f"{len(guards)} with a support of {gate.min_support} or more, none clearly worse"
        return [_rule("no type or slice is worse", True, detail, "")]
    rules = []
    for guard in worse:
        detail = (
            f"{guard['what']} loses {points(guard['difference'])} points, interval "
            f"[{points(guard['low'])}, {points(guard['high'])}], support {guard['support']:,}; "
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


def _rule(name: str, held: bool, detail: str, change: str) -> Rule:
    return Rule(rule=name, held=bool(held), detail=detail, change="" if held else change)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
