"""Scores of two models on different test splits, held against each other where nothing else can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.config import GateConfig
from seqtag.evaluation.prf import Interval
from seqtag.evaluation.scores import Scores

WHOLE = "the whole test split"


def score_parts(scores: Scores | Mapping[str, Any]) -> dict[str, Interval]:
    """Return the score on the whole test split and the F1 of each type, or tag, by name."""
    spans = scores["spans"]
    word, by_name = ("type", spans["conlleval"]["types"]) if spans else ("tag", scores["tags"])
    return {WHOLE: scores["score"], **{f"{word} {name}": prf["f1"] for name, prf in by_name.items()}}


def clear_losses(
    before: Mapping[str, Interval] | None, now: Mapping[str, Interval], gate: GateConfig
) -> tuple[str, ...] | None:
    """Return the parts in which the interval now lies below the one before; None if that is not known.

    A part counts from `gate.min_support` on, and may lose `gate.guard_margin`, which the whole may not. The
    test splits are different ones, so this finds coarse losses alone.
    """
    if before is None:
        return None
    losses = []
    for name, old in before.items():
        new = now.get(name)
        margin, support = (0.0, 1) if name == WHOLE else (gate.guard_margin, gate.min_support)
        if old["low"] is None or old["support"] < support:
            continue
        if new is None or new["high"] is None:
            losses.append(f"{name} has no score any more")
        elif new["high"] < old["low"] - margin:
            losses.append(
                f"{name} has {new['value']:.1%}, at most {new['high']:.1%}, after {old['value']:.1%}"
            )
    return tuple(losses)
