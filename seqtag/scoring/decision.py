"""Whether a challenger takes the champion's place: PROMOTE, HOLD or REJECT, and a sentence with the numbers.

It fails closed: what cannot be scored or compared is never promoted.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import GateConfig, Metric, SchemeName
from seqtag.errors import RunDirError
from seqtag.scoring.figures import Interval, interval
from seqtag.scoring.metric import metric_counts, resolve_metric, score_differences
from seqtag.scoring.predictions import Predictions, read_predictions, same_gold

log = logging.getLogger(__name__)

Verdict = Literal["PROMOTE", "HOLD", "REJECT"]
METRIC_NAMES: dict[Metric, str] = {"accuracy": "accuracy", "span_f1": "span F1"}


class Rule(TypedDict):
    """One condition of a promotion, and whether it held."""

    rule: str
    held: bool
    detail: str


class Decision(TypedDict):
    """decision.json. Scores are fractions in [0, 1], None where they are undefined or unknown."""

    verdict: Verdict
    sentence: str
    metric: Metric
    challenger: float | None
    champion: float | None
    champion_version: str | None
    difference: Interval | None
    p_better: float | None
    margin: float
    floor: float
    confidence: float
    resamples: int
    n_sequences: int
    rules: list[Rule]


def decide_promotion(
    challenger: Path,
    champion: Path | None,
    *,
    scheme: SchemeName,
    gate: GateConfig,
    metric: Metric,
    seed: int,
    champion_version: str | None = None,
    champion_error: str | None = None,
) -> Decision:
    """Decide by a paired bootstrap over the test sequences (Berg-Kirkpatrick et al. 2012).

    PROMOTE where the interval of the difference lies above the margin, REJECT where it lies below zero,
    else HOLD. The first model has no champion to beat, but a floor to reach.

    Args:
        challenger: its predictions on the test split.
        champion: those of the champion on the same sequences; None if there is none, or no predictions.
        champion_version: None only if there is no champion.
        champion_error: why the champion could not be loaded or scored.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
        RunDirError: the challenger's predictions are damaged.
    """
    metric = resolve_metric(metric, scheme)
    ours = read_predictions(challenger, scheme="none")
    our_counts = metric_counts(ours.pairs, metric=metric, scheme=scheme)
    decision = Decision(
        verdict="HOLD",
        sentence="",
        metric=metric,
        challenger=_score(our_counts),
        champion=None,
        champion_version=champion_version,
        difference=None,
        p_better=None,
        margin=gate.margin,
        floor=gate.floor,
        confidence=gate.confidence,
        resamples=gate.resamples,
        n_sequences=ours.pairs.n_sequences,
        rules=[],
    )
    theirs, fault = _opponent(ours, champion, version=champion_version, error=champion_error)
    if fault is not None:
        decision = _without_opponent(decision, fault)
    elif theirs is None:
        decision = _first_model(decision)
    else:
        their_counts = metric_counts(theirs.pairs, metric=metric, scheme=scheme)
        decision = _paired(decision, our_counts, their_counts, gate=gate, seed=seed)
    log.info("%s", decision["sentence"])
    return decision


def _opponent(
    ours: Predictions, champion: Path | None, *, version: str | None, error: str | None
) -> tuple[Predictions | None, str | None]:
    """Return the champion's predictions, or why there are none although there is a champion."""
    if error is not None:
        return None, " ".join(error.split()) or "unknown error"
    if champion is None:
        return None, None if version is None else "there are no predictions of it"
    try:
        theirs = read_predictions(champion, scheme="none")
    except RunDirError as damage:
        return None, " ".join(str(damage).split())
    if not same_gold(ours, theirs):
        return None, "its predictions are for other sequences or gold tags"
    return theirs, None


def _without_opponent(decision: Decision, fault: str) -> Decision:
    sentence = (
        f"HOLD: {_champion(decision)} could not be scored ({fault}), so that nothing is promoted; the "
        f"challenger has {_percent(decision, 'challenger')} on {decision['n_sequences']:,} sequences."
    )
    rule = Rule(rule="the champion is scored", held=False, detail=fault)
    return {**decision, "verdict": "HOLD", "sentence": sentence, "rules": [rule]}


def _first_model(decision: Decision) -> Decision:
    score, floor = decision["challenger"], decision["floor"]
    verdict: Verdict = "HOLD" if score is None else "PROMOTE" if score >= floor else "REJECT"
    words = {"HOLD": "cannot be held against", "PROMOTE": "reaches", "REJECT": "is below"}[verdict]
    detail = f"{_percent(decision, 'challenger')} {words} the floor of {100 * floor:.1f}%"
    sentence = f"{verdict}: {detail} for a first model, on {decision['n_sequences']:,} sequences."
    rules = [
        _is_scored(decision, "challenger"),
        Rule(rule="the floor is reached", held=verdict == "PROMOTE", detail=detail),
    ]
    return {**decision, "verdict": verdict, "sentence": sentence, "rules": rules}


def _paired(
    decision: Decision,
    ours: npt.NDArray[np.float32],
    theirs: npt.NDArray[np.float32],
    *,
    gate: GateConfig,
    seed: int,
) -> Decision:
    decision = {**decision, "champion": _score(theirs)}
    rules = [_is_scored(decision, "challenger"), _is_scored(decision, "champion")]
    if not all(rule["held"] for rule in rules):
        sentence = f"HOLD: {rules[0]['detail']}, {rules[1]['detail']}, on {len(ours):,} sequences."
        return {**decision, "sentence": sentence, "rules": rules}
    differences = score_differences(ours, theirs, resamples=gate.resamples, seed=seed)
    difference = interval(differences, len(ours), confidence=gate.confidence)
    low, high = difference["low"] or 0.0, difference["high"] or 0.0
    rules += [_enough_differ(ours, theirs, gate.confidence), _clears(low, gate.margin)]
    verdict: Verdict = "HOLD"
    if rules[2]["held"]:
        verdict = "PROMOTE" if rules[3]["held"] else "REJECT" if high < 0 else "HOLD"
    remark = "" if rules[2]["held"] else f"; {rules[2]['detail']}"
    sentence = (
        f"{verdict}: {_percent(decision, 'challenger')} against {_champion(decision)}'s "
        f"{100 * (decision['champion'] or 0):.1f}% on {len(ours):,} sequences; difference "
        f"{_points(differences[0])} points, {100 * gate.confidence:g}% interval "
        f"[{_points(low)}, {_points(high)}], must clear {_points(gate.margin)}{remark}."
    )
    return {
        **decision,
        "verdict": verdict,
        "sentence": sentence,
        "difference": difference,
        "p_better": float((differences[1:] > 0).mean()),
        "rules": rules,
    }


def _is_scored(decision: Decision, who: Literal["challenger", "champion"]) -> Rule:
    detail = f"the {who} has {_percent(decision, who)}"
    return Rule(rule=f"the {who} is scored", held=decision[who] is not None, detail=detail)


def _enough_differ(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32], confidence: float) -> Rule:
    """Ask for as many differing sequences as a sign test would need if all spoke for one side.

    With fewer, the bootstrap's interval is narrower than the evidence.
    """
    differing = int((ours != theirs).any(axis=1).sum())
    needed = math.ceil(math.log2(2 / (1 - confidence)))
    detail = f"{differing:,} sequences are scored differently, {needed} are needed"
    if not differing:
        detail = "a tie keeps the champion"
    return Rule(rule="enough sequences differ", held=differing >= needed, detail=detail)


def _clears(low: float, margin: float) -> Rule:
    detail = f"the interval begins at {_points(low)} points, the margin is {_points(margin)}"
    return Rule(rule="the difference clears the margin", held=low > margin, detail=detail)


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


def _points(fraction: float) -> str:
    return f"{100 * fraction:+.2f}"
