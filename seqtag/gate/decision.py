"""decision.json: what the gate decided and on what grounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import Metric
from seqtag.evaluation.prf import Interval
from seqtag.gate.comparable_subset import Anchor
from seqtag.gate.error_budget import Gauge
from seqtag.gate.gate_rules import CHANCE, DIFFERING, MARGIN, NOISE, GateRule
from seqtag.gate.guardrails import Guardrail
from seqtag.gate.paired_test import GateVerdict

METRIC_NAMES: dict[Metric, str] = {"accuracy": "accuracy", "span_f1": "span F1"}

Who = Literal["challenger", "champion"]


class Recent(TypedDict):
    """The comparison on the documents that came to the test split after the champion was judged on it.

    The champion was chosen by its score on the earlier ones, which is therefore too high by
    `champion_before - champion` in the mean; on these, nobody was chosen.
    """

    challenger: float | None
    champion: float | None
    champion_before: float | None  # on the earlier documents
    difference: Interval
    n_documents: int


class Decision(TypedDict):
    """decision.json. Scores are fractions in [0, 1], None where they are undefined or unknown.

    Where there is a champion, scores are of the `n_sequences` that both can be compared on; `n_left_out` are
    those that one of them alone was trained on, or that have a tag which one of them does not know.
    """

    verdict: GateVerdict
    sentence: str
    metric: Metric
    challenger: float | None
    champion: float | None
    champion_version: str | None
    is_anchored: bool  # the champion's figures are those of its recipe retrained on this split
    difference: Interval | None
    standard_error: float | None  # of the difference, from test split to test split
    bound: float | None  # of the difference from below, at the error level of this comparison
    p_better: float | None
    p_value: float | None  # of approximate randomization, two-sided
    margin: float
    floor: float
    confidence: float
    resamples: int
    level: float  # chance of a false promotion that this comparison takes; 0: nothing was compared
    noise: float | None  # standard deviation of the score between equally good retrainings
    noise_source: str
    gauge: Gauge | None
    recent: Recent | None
    n_sequences: int
    n_documents: int
    n_left_out: int
    rules: list[GateRule]
    would_pass: list[str]  # all the changes that would make it PROMOTE; empty if it is, or nothing would
    guards: list[Guardrail]


@dataclass(frozen=True)
class Opponent:
    """The champion that a challenger is judged against."""

    version: str
    predictions: Path | None  # on the same test split: its own, or those of the anchor
    tags: tuple[str, ...]
    error: str | None = None  # why it could not be loaded or scored
    anchor: Anchor | None = None  # None: the champion can be compared itself
    tag_counts: Mapping[str, int] = field(default_factory=dict)  # tokens of its train
    is_same_model: bool = False  # the challenger's files are its own; only the serving code differs


def with_verdict(decision: Decision) -> Decision:
    """Hold what would be promoted but for a rule, and say what would have to be otherwise."""
    failed = [rule for rule in decision["rules"] if not rule["held"]]
    verdict: GateVerdict = "HOLD" if decision["verdict"] == "PROMOTE" and failed else decision["verdict"]
    sentence = decision["sentence"]
    if decision["difference"] is not None:
        named = [rule for rule in failed if rule["rule"] != MARGIN]
        if {MARGIN, DIFFERING} & {rule["rule"] for rule in failed}:  # which say it already
            named = [rule for rule in named if rule["rule"] not in (CHANCE, NOISE)]
        remarks = "".join(f"; {rule['detail']}" for rule in named)
        sentence = f"{verdict}: {sentence.removesuffix('.')}{remarks}."
    changes = list(dict.fromkeys(rule["change"] for rule in failed))
    would_pass = changes if all(changes) else []
    return {**decision, "verdict": verdict, "sentence": sentence, "would_pass": would_pass}


def scored_rule(decision: Decision, who: Who) -> GateRule:
    """Ask that a model have a score."""
    model = "champion's recipe" if who == "champion" and decision["is_anchored"] else who
    detail = f"the {model} has {score_text(decision, who)}"
    return GateRule(rule=f"the {who} is scored", held=decision[who] is not None, detail=detail, change="")


def floor_rule(decision: Decision) -> GateRule:
    """Ask that a model without a champion to beat be good enough to serve at all."""
    score, floor = decision["challenger"], decision["floor"]
    words = "cannot be held against" if score is None else "reaches" if score >= floor else "is below"
    detail = f"{score_text(decision, 'challenger')} {words} the floor of {100 * floor:.1f}%"
    held = score is not None and score >= floor
    change = "" if score is None or held else f"gate.floor = {math.floor(1e4 * score) / 1e4:g}"
    return GateRule(rule="the floor is reached", held=held, detail=detail, change=change)


def score_of(counts: npt.NDArray[np.float32]) -> float | None:
    """Return the metric from `<float32>[n_sequences, 2]`, None for 0 / 0."""
    sums = counts.sum(axis=0, dtype=np.float64)
    return float(sums[0] / sums[1]) if sums[1] else None


def champion_text(decision: Decision) -> str:
    """Name the champion."""
    version = decision["champion_version"]
    return "the champion" if version is None else f"champion v{version}"


def score_text(decision: Decision, who: Who) -> str:
    """Write a model's score with the metric's name."""
    score = decision[who]
    name = METRIC_NAMES[decision["metric"]]
    return f"no {name} (nothing to count)" if score is None else f"{name} {100 * score:.1f}%"
