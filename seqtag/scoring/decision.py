"""Whether a challenger takes the champion's place: PROMOTE, HOLD or REJECT, and a sentence with the numbers.

It fails closed: what cannot be scored or compared is never promoted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.errors import RunDirError
from seqtag.scoring.common_ground import TagChange, tag_change, where, with_new_names, with_types
from seqtag.scoring.difference import Verdict, paired_difference
from seqtag.scoring.figures import Interval
from seqtag.scoring.guards import Guarded, guarded
from seqtag.scoring.metric import metric_counts, resolve_metric
from seqtag.scoring.predictions import Predictions, read_predictions, same_gold
from seqtag.scoring.rules import (
    CHANCE,
    DIFFERING,
    MARGIN,
    Costs,
    Rule,
    cost_rules,
    guard_rules,
    points,
    tag_rules,
    unseen_rule,
)

log = logging.getLogger(__name__)

METRIC_NAMES: dict[Metric, str] = {"accuracy": "accuracy", "span_f1": "span F1"}


class Decision(TypedDict):
    """decision.json. Scores are fractions in [0, 1], None where they are undefined or unknown.

    Where there is a champion, scores are of the `n_sequences` that both can be compared on; `n_left_out` are
    those that one of them was trained on, or that have a tag which one of them does not know.
    """

    verdict: Verdict
    sentence: str
    metric: Metric
    challenger: float | None
    champion: float | None
    champion_version: str | None
    difference: Interval | None
    p_better: float | None
    p_value: float | None  # of approximate randomization, two-sided
    margin: float
    floor: float
    confidence: float
    resamples: int
    n_sequences: int
    n_left_out: int
    rules: list[Rule]
    would_pass: list[str]  # all the changes that would make it PROMOTE; empty if it is, or nothing would
    guards: list[Guarded]


@dataclass(frozen=True)
class Opponent:
    """The champion that a challenger is judged against."""

    version: str
    predictions: Path | None  # on the same test split
    tags: tuple[str, ...]
    error: str | None = None  # why it could not be loaded or scored


def decide_promotion(
    challenger: Path,
    opponent: Opponent | None,
    *,
    tags: Sequence[str],
    scheme: SchemeName,
    gate: GateConfig,
    evaluate: EvaluateConfig,
    metric: Metric,
    seed: int,
    costs: Costs | None = None,
) -> Decision:
    """Decide by a paired bootstrap over the test sequences (Berg-Kirkpatrick et al. 2012) and further rules.

    PROMOTE where the interval of the difference lies above the margin and all other rules hold, REJECT where
    it lies below zero, else HOLD. The first model has no champion to beat, but a floor to reach.

    Args:
        challenger: its predictions on the test split.
        opponent: None only if there is no champion.
        tags: the challenger's.
        costs: what tagging took each of them; None: not measured.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
        RunDirError: the challenger's predictions are damaged.
    """
    metric = resolve_metric(metric, scheme)
    ours = read_predictions(challenger, scheme="none", columns=evaluate.slices)
    decision = Decision(
        verdict="HOLD",
        sentence="",
        metric=metric,
        challenger=_score(metric_counts(ours.pairs, metric=metric, scheme=scheme)),
        champion=None,
        champion_version=None if opponent is None else opponent.version,
        difference=None,
        p_better=None,
        p_value=None,
        margin=gate.margin,
        floor=gate.floor,
        confidence=gate.confidence,
        resamples=gate.resamples,
        n_sequences=ours.pairs.n_sequences,
        n_left_out=0,
        rules=[],
        would_pass=[],
        guards=[],
    )
    if opponent is None:
        decision = _first_model(decision)
    else:
        theirs, fault = _scored(ours, opponent, evaluate)
        if theirs is None:
            decision = _without_opponent(decision, fault)
        else:
            theirs = with_new_names(theirs, gate.renamed_tags, scheme=scheme)
            change = tag_change(tags, opponent.tags, scheme=scheme, renamed=gate.renamed_tags)
            decision = _compared(
                decision,
                ours,
                theirs,
                change=change,
                costs=costs,
                scheme=scheme,
                gate=gate,
                evaluate=evaluate,
                seed=seed,
            )
    log.info("%s", decision["sentence"])
    return decision


def _scored(
    ours: Predictions, opponent: Opponent, evaluate: EvaluateConfig
) -> tuple[Predictions | None, str]:
    """Return the champion's predictions, or why there are none although there is a champion."""
    if opponent.error is not None:
        return None, " ".join(opponent.error.split()) or "unknown error"
    if opponent.predictions is None:
        return None, "there are no predictions of it"
    try:
        theirs = read_predictions(opponent.predictions, scheme="none", columns=evaluate.slices)
    except RunDirError as damage:
        return None, " ".join(str(damage).split())
    if not same_gold(ours, theirs):
        return None, "its predictions are for other sequences or gold tags"
    return theirs, ""


def _without_opponent(decision: Decision, fault: str) -> Decision:
    sentence = (
        f"HOLD: {_champion(decision)} could not be scored ({fault}), so that nothing is promoted; the "
        f"challenger has {_percent(decision, 'challenger')} on {decision['n_sequences']:,} sequences."
    )
    rule = Rule(rule="the champion is scored", held=False, detail=fault, change="")
    return {**decision, "verdict": "HOLD", "sentence": sentence, "rules": [rule]}


def _first_model(decision: Decision) -> Decision:
    score, floor = decision["challenger"], decision["floor"]
    verdict: Verdict = "HOLD" if score is None else "PROMOTE" if score >= floor else "REJECT"
    words = {"HOLD": "cannot be held against", "PROMOTE": "reaches", "REJECT": "is below"}[verdict]
    detail = f"{_percent(decision, 'challenger')} {words} the floor of {100 * floor:.1f}%"
    sentence = f"{verdict}: {detail} for a first model, on {decision['n_sequences']:,} sequences."
    change = "" if score is None or verdict == "PROMOTE" else f"gate.floor = {score:.4f}"
    rules = [
        _is_scored(decision, "challenger"),
        Rule(rule="the floor is reached", held=verdict == "PROMOTE", detail=detail, change=change),
    ]
    return _concluded({**decision, "verdict": verdict, "sentence": sentence, "rules": rules})


def _compared(
    decision: Decision,
    ours: Predictions,
    theirs: Predictions,
    *,
    change: TagChange,
    costs: Costs | None,
    scheme: SchemeName,
    gate: GateConfig,
    evaluate: EvaluateConfig,
    seed: int,
) -> Decision:
    """Decide on the sequences on which both can be compared."""
    seen = [np.zeros(len(ours.rows), np.bool_) if each.seen is None else each.seen for each in (ours, theirs)]
    foreign = with_types(ours.pairs, {*change.new, *change.removed}, scheme=scheme)
    kept = ~(seen[0] | seen[1] | foreign)
    ours_kept, theirs_kept = where(ours, kept), where(theirs, kept)
    counts = [
        metric_counts(each.pairs, metric=decision["metric"], scheme=scheme)
        for each in (ours_kept, theirs_kept)
    ]
    decision = {
        **decision,
        "challenger": _score(counts[0]),
        "champion": _score(counts[1]),
        "n_sequences": int(kept.sum()),
        "n_left_out": int((~kept).sum()),
        "rules": [
            unseen_rule(seen, known=[each.seen is not None for each in (ours, theirs)], gate=gate),
            *tag_rules(change, n_foreign=int(foreign.sum()), gate=gate),
            *cost_rules(costs, gate),
        ],
    }
    decision = _paired(decision, *counts, gate=gate, seed=seed)
    if decision["difference"] is not None:
        guards = guarded(
            ours_kept,
            theirs_kept,
            scheme=scheme,
            metric=decision["metric"],
            gate=gate,
            evaluate=evaluate,
            seed=seed,
        )
        rules = [*decision["rules"], *guard_rules(guards, gate)]
        decision = {**decision, "guards": guards, "rules": rules}
    return _concluded(decision)


def _paired(
    decision: Decision,
    ours: npt.NDArray[np.float32],
    theirs: npt.NDArray[np.float32],
    *,
    gate: GateConfig,
    seed: int,
) -> Decision:
    """Compare the counts of both; the verdict is that of the difference alone."""
    scored = [_is_scored(decision, "challenger"), _is_scored(decision, "champion")]
    if not all(rule["held"] for rule in scored):
        sentence = f"HOLD: {scored[0]['detail']}, {scored[1]['detail']}, on {len(ours):,} sequences."
        return {**decision, "sentence": sentence, "rules": [*scored, *decision["rules"]]}
    found = paired_difference(ours, theirs, gate=gate, seed=seed)
    value, low, high = (found.interval[end] or 0.0 for end in ("value", "low", "high"))
    sentence = (
        f"{_percent(decision, 'challenger')} against {_champion(decision)}'s "
        f"{100 * (decision['champion'] or 0):.1f}% on {len(ours):,} sequences; difference "
        f"{points(value)} points, {100 * gate.confidence:g}% interval "
        f"[{points(low)}, {points(high)}], must clear {points(gate.margin)}."
    )
    return {
        **decision,
        "verdict": found.verdict,
        "sentence": sentence,
        "difference": found.interval,
        "p_better": found.p_better,
        "p_value": found.p_value,
        "rules": [*scored, *found.rules, *decision["rules"]],
    }


def _concluded(decision: Decision) -> Decision:
    """Hold what would be promoted but for a rule, and say what would have to be otherwise."""
    failed = [rule for rule in decision["rules"] if not rule["held"]]
    verdict: Verdict = "HOLD" if decision["verdict"] == "PROMOTE" and failed else decision["verdict"]
    sentence = decision["sentence"]
    if decision["difference"] is not None:
        named = [rule for rule in failed if rule["rule"] != MARGIN]
        if {MARGIN, DIFFERING} & {rule["rule"] for rule in failed}:  # which say it already
            named = [rule for rule in named if rule["rule"] != CHANCE]
        remarks = "".join(f"; {rule['detail']}" for rule in named)
        sentence = f"{verdict}: {sentence.removesuffix('.')}{remarks}."
    changes = [rule["change"] for rule in failed]
    would_pass = changes if all(changes) else []
    return {**decision, "verdict": verdict, "sentence": sentence, "would_pass": would_pass}


def _is_scored(decision: Decision, who: Literal["challenger", "champion"]) -> Rule:
    detail = f"the {who} has {_percent(decision, who)}"
    return Rule(rule=f"the {who} is scored", held=decision[who] is not None, detail=detail, change="")


def _score(counts: npt.NDArray[np.float32]) -> float | None:
    sums = counts.sum(axis=0, dtype=np.float64)
    return float(sums[0] / sums[1]) if sums[1] else None


def _champion(decision: Decision) -> str:
    version = decision["champion_version"]
    return "the champion" if version is None else f"champion v{version}"


def _percent(decision: Decision, who: Literal["challenger", "champion"]) -> str:
    score = decision[who]
    name = METRIC_NAMES[decision["metric"]]
    return f"no {name} (nothing to count)" if score is None else f"{name} {100 * score:.1f}%"
