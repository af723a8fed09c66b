"""Score losses between different test splits, for models that cannot be compared on the same one."""

from __future__ import annotations

from collections.abc import Mapping

from seqtag.config import GateConfig
from seqtag.evaluation.prf import Interval
from seqtag.evaluation.scores import Scores

WHOLE = "the whole test split"


def score_parts(scores: Scores) -> dict[str, Interval]:
    """Return the score on the whole test split and the F1 of each type (tag, without a scheme) by name."""
    spans = scores.spans
    word, by_name = ("type", spans["conlleval"].types) if spans else ("tag", scores.tags)
    return {WHOLE: scores.score, **{f"{word} {name}": prf.f1 for name, prf in by_name.items()}}


def clear_losses(
    before: Mapping[str, Interval] | None, now: Mapping[str, Interval], gate: GateConfig
) -> tuple[str, ...] | None:
    """Return the parts whose interval is now below the earlier one; None without earlier scores.

    A type needs a support of `gate.min_support` and may lose `gate.guard_margin`; the whole test split may
    lose nothing. The test splits differ, so only large losses are found.
    """
    if before is None:
        return None
    losses = []
    for name, old in before.items():
        new = now.get(name)
        margin, support = (0.0, 1) if name == WHOLE else (gate.guard_margin, gate.min_support)
        if old.low is None or old.support < support:
            continue
        if new is None or new.high is None:
            losses.append(f"{name} no longer has a score")
        elif new.high < old.low - margin:
            losses.append(f"{name} fell from {old.value:.1%} to {new.value:.1%} (at most {new.high:.1%})")
    return tuple(losses)
