"""The gate: PROMOTE, HOLD or REJECT for a challenger, with a sentence that has the numbers.

It fails closed: what cannot be scored or compared is never promoted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.errors import RunDirError, is_permanent
from seqtag.evaluation.metric import metric_counts, resolve_metric
from seqtag.evaluation.predictions import Predictions, read_predictions, same_gold
from seqtag.gate.comparable_subset import with_new_names
from seqtag.gate.comparison import ComparisonSettings, compared, loss_rule, new_rule, policy_rules
from seqtag.gate.decision import (
    Decision,
    Opponent,
    champion_text,
    floor_rule,
    score_of,
    score_text,
    scored_rule,
    with_verdict,
)
from seqtag.gate.error_budget import Budget
from seqtag.gate.gate_rules import Costs, GateRule
from seqtag.gate.paired_test import GateVerdict
from seqtag.gate.retraining_noise import retraining_noise

log = logging.getLogger(__name__)


def decide_promotion(
    challenger: Path,
    opponent: Opponent | None,
    *,
    tags: Sequence[str],
    tag_counts: Mapping[str, int] | None = None,
    scheme: SchemeName,
    gate: GateConfig,
    evaluate: EvaluateConfig,
    metric: Metric,
    seed: int,
    costs: Costs | None = None,
    budget: Budget | None = None,
    earlier_scores: Sequence[float] = (),
) -> Decision:
    """Decide by a paired bootstrap over documents (Berg-Kirkpatrick et al. 2012) and further rules.

    PROMOTE where the difference lies above the margin at the error level of this comparison and all other
    rules hold, REJECT where its interval lies below zero, else HOLD. The first model has no champion to
    beat, but a floor to reach.

    Args:
        challenger: its predictions on the test split.
        opponent: None only if there is no champion.
        tags: those that the challenger knows.
        tag_counts: tokens of its train by tag; None: not compared with the champion's.
        costs: what tagging took each of them; None: not measured.
        budget: what earlier comparisons spent; None: there were none.
        earlier_scores: of runs of the same configuration on the same test split, oldest first.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
        RunDirError: the challenger's predictions are damaged, or a file could not be read, which may pass.
    """
    metric = resolve_metric(metric, scheme)
    ours = read_predictions(challenger, scheme="none", columns=evaluate.slices)
    decision = Decision(
        verdict="HOLD",
        sentence="",
        metric=metric,
        challenger=score_of(metric_counts(ours.pairs, metric=metric, scheme=scheme)),
        champion=None,
        champion_version=None if opponent is None else opponent.version,
        is_anchored=_is_anchored(opponent),
        difference=None,
        standard_error=None,
        bound=None,
        p_better=None,
        p_value=None,
        margin=gate.margin,
        floor=gate.floor,
        confidence=gate.confidence,
        resamples=gate.resamples,
        level=0.0,
        noise=None,
        noise_source="",
        gauge=None,
        recent=None,
        n_sequences=ours.pairs.n_sequences,
        n_documents=len(np.unique(ours.units)),
        n_left_out=0,
        rules=[],
        would_pass=[],
        guards=[],
    )
    if opponent is None:
        decision = _first_model(decision, ours, gate)
    else:
        scores = [*earlier_scores, *([] if decision["challenger"] is None else [decision["challenger"]])]
        by = ComparisonSettings(
            tags=tuple(tags),
            tag_counts=tag_counts if tag_counts is not None else opponent.tag_counts,
            scheme=scheme,
            gate=gate,
            evaluate=evaluate,
            budget=budget or Budget(),
            noise=retraining_noise(scores, gate),
            costs=costs,
            seed=seed,
        )
        if opponent.is_same_model:
            decision = _with_new_serving_code(decision)
            log.info("%s", decision["sentence"])
            return decision
        theirs, fault = _scored(ours, opponent, evaluate)
        if theirs is not None:
            theirs = with_new_names(theirs, gate.renamed_tags, scheme=scheme)
        if theirs is None:
            decision = _without_opponent(decision, fault)
        elif opponent.anchor is not None and opponent.anchor.kind == "challenger":
            decision = _renewed(decision, ours, theirs, opponent, by)
        else:
            decision = compared(decision, ours, theirs, opponent, by)
    log.info("%s", decision["sentence"])
    return decision


def _is_anchored(opponent: Opponent | None) -> bool:
    return opponent is not None and opponent.anchor is not None and opponent.anchor.kind == "trained"


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
        if damage.__cause__ is not None and not is_permanent(damage.__cause__):
            raise  # it may pass, and a verdict stays
        return None, " ".join(str(damage).split())
    if not same_gold(ours, theirs):
        return None, "its predictions are for other sequences or gold tags"
    return theirs, ""


def _with_new_serving_code(decision: Decision) -> Decision:
    """Promote the champion's own model, since only the code that serves it has changed."""
    sentence = (
        f"PROMOTE: the model is that of {champion_text(decision)}, file by file, and only its serving code "
        f"has changed; {score_text(decision, 'challenger')} on {_extent(decision)}."
    )
    return {**decision, "verdict": "PROMOTE", "sentence": sentence}


def _without_opponent(decision: Decision, fault: str) -> Decision:
    sentence = (
        f"HOLD: {champion_text(decision)} could not be scored ({fault}), so that nothing is promoted; the "
        f"challenger has {score_text(decision, 'challenger')} on {_extent(decision)}."
    )
    rule = GateRule(rule="the champion is scored", held=False, detail=fault, change="")
    return {**decision, "verdict": "HOLD", "sentence": sentence, "rules": [rule]}


def _first_model(decision: Decision, ours: Predictions, gate: GateConfig) -> Decision:
    rules = [scored_rule(decision, "challenger"), floor_rule(decision), new_rule(ours, gate)]
    verdict: GateVerdict = "PROMOTE" if rules[1]["held"] else "REJECT"
    verdict = "HOLD" if decision["challenger"] is None else verdict
    sentence = f"{verdict}: {rules[1]['detail']} for a first model, on {_extent(decision)}."
    if verdict == "PROMOTE" and not rules[2]["held"]:
        sentence = sentence.removesuffix(".").replace("PROMOTE", "HOLD", 1) + f"; {rules[2]['detail']}."
    return with_verdict({**decision, "verdict": verdict, "sentence": sentence, "rules": rules})


def _renewed(
    decision: Decision, ours: Predictions, theirs: Predictions, opponent: Opponent, by: ComparisonSettings
) -> Decision:
    """Decide on the champion's recipe retrained, where the champion cannot be compared on this test split.

    It has no champion to beat, and claims no improvement: it renews the champion for the corpus as it is now.
    It has to reach the floor, and may be clearly worse neither than the champion was when it was judged, on
    the whole and in each type, nor where the two can be compared.
    """
    reason = "" if opponent.anchor is None else opponent.anchor.reason
    rules = [
        scored_rule(decision, "challenger"),
        floor_rule(decision),
        new_rule(ours, by.gate),
        *policy_rules(ours, opponent, by),
        _level_rule(opponent),
        loss_rule(ours, theirs, opponent, decision["metric"], by),
    ]
    sentence = (
        f"PROMOTE: {rules[1]['detail']}, on {_extent(decision)}; {champion_text(decision)} cannot be "
        f"compared on this test split ({reason}), and this is its recipe retrained on it."
    )
    failed = [rule["detail"] for rule in rules if not rule["held"]]
    if failed:
        sentence = f"{sentence.removesuffix('.')}; {'; '.join(failed)}.".replace("PROMOTE", "HOLD", 1)
    return with_verdict({**decision, "verdict": "PROMOTE", "sentence": sentence, "rules": rules})


def _level_rule(opponent: Opponent) -> GateRule:
    """Ask that a renewal be nowhere clearly worse than the champion was on the test split of its own time."""
    losses = None if opponent.anchor is None else opponent.anchor.losses
    detail = "the champion's own scores are not known" if losses is None else "; ".join(losses) or "none"
    return GateRule(
        rule="no clear loss against the champion's scores", held=losses == (), detail=detail, change=""
    )


def _extent(decision: Decision) -> str:
    return f"{decision['n_sequences']:,} sequences in {decision['n_documents']:,} documents"
