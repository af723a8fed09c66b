"""Promotion gate: decide PROMOTE, HOLD or REJECT for a challenger, with the numbers in one sentence.

It fails closed: a model that cannot be scored or compared is never promoted.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.errors import RunDirError, is_permanent
from seqtag.evaluation.metric import metric_counts, resolve_metric
from seqtag.evaluation.predictions import Predictions, read_predictions, same_gold
from seqtag.evaluation.split_scores import Costs
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
from seqtag.gate.gate_rules import GateRule
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

    PROMOTE if the difference exceeds the margin at the error level of this comparison and all other rules
    pass, REJECT if its interval lies below zero, else HOLD. A first model has no champion to beat; it has to
    reach a floor.

    Args:
        challenger: file of its predictions on the test split.
        opponent: None only if there is no champion.
        tags: the tags that the challenger knows.
        tag_counts: its training tokens by tag; None: not compared with the champion's.
        costs: size, speed and memory of both models; None: not measured.
        budget: error budget spent by earlier comparisons; None: there were none.
        earlier_scores: scores of runs of the same configuration on the same test split, oldest first.

    Raises:
        ConfigError: the metric is span F1, and the tags have no scheme.
        RunDirError: the challenger's predictions are damaged, or a file could not be read for a reason that
            may be temporary.
    """
    metric = resolve_metric(metric, scheme)
    predictions = read_predictions(challenger, scheme="none", columns=evaluate.slices)
    decision = Decision(
        verdict="HOLD",
        sentence="",
        metric=metric,
        challenger=score_of(metric_counts(predictions.pairs, metric=metric, scheme=scheme)),
        champion=None,
        champion_version=None if opponent is None else opponent.version,
        is_champion_retrained=_is_champion_retrained(opponent),
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
        n_sequences=predictions.pairs.n_sequences,
        n_documents=len(np.unique(predictions.units)),
        n_left_out=0,
        rules=[],
        would_pass=[],
        guards=[],
    )
    if opponent is None:
        decision = _decide_first_model(decision, predictions, gate)
    else:
        scores = [*earlier_scores, *([] if decision.challenger is None else [decision.challenger])]
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
            log.info("%s", decision.sentence)
            return decision
        champion, fault = _scored(predictions, opponent, evaluate)
        if champion is not None:
            champion = with_new_names(champion, gate.renamed_tags, scheme=scheme)
        if champion is None:
            decision = _without_opponent(decision, fault)
        elif opponent.substitute is not None and opponent.substitute.kind == "challenger":
            decision = _decide_renewal(decision, predictions, champion, opponent, by)
        else:
            decision = compared(decision, predictions, champion, opponent, by)
    log.info("%s", decision.sentence)
    return decision


def _is_champion_retrained(opponent: Opponent | None) -> bool:
    return opponent is not None and opponent.substitute is not None and opponent.substitute.kind == "trained"


def _scored(
    challenger: Predictions, opponent: Opponent, evaluate: EvaluateConfig
) -> tuple[Predictions | None, str]:
    """Return the champion's predictions, or None and the reason why they cannot be used."""
    if opponent.error is not None:
        return None, " ".join(opponent.error.split()) or "unknown error"
    if opponent.predictions is None:
        return None, "its predictions are missing"
    try:
        champion = read_predictions(opponent.predictions, scheme="none", columns=evaluate.slices)
    except RunDirError as damage:
        if damage.__cause__ is not None and not is_permanent(damage.__cause__):
            raise  # it may be temporary, but a verdict is final
        return None, " ".join(str(damage).split())
    if not same_gold(challenger, champion):
        return None, "its predictions are for other sequences or gold tags"
    return champion, ""


def _with_new_serving_code(decision: Decision) -> Decision:
    """Promote the champion's own model with new serving code."""
    sentence = (
        f"PROMOTE: the model equals {champion_text(decision)} file by file, and only the serving code has "
        "changed."
    )
    return replace(decision, verdict="PROMOTE", sentence=sentence)


def _without_opponent(decision: Decision, fault: str) -> Decision:
    sentence = f"HOLD: {champion_text(decision)} could not be scored, so nothing is promoted."
    rule = GateRule(rule="the champion is scored", passed=False, detail=fault, change="")
    return replace(decision, verdict="HOLD", sentence=sentence, rules=[rule])


def _decide_first_model(decision: Decision, challenger: Predictions, gate: GateConfig) -> Decision:
    floor, new = floor_rule(decision), new_rule(challenger, gate)
    verdict: GateVerdict = "PROMOTE" if floor.passed else "REJECT"
    if decision.challenger is None:
        verdict = "HOLD"
    rules = [scored_rule(decision, "challenger"), floor, new]
    return with_verdict(replace(decision, verdict=verdict, rules=rules), f"{floor.detail} for a first model")


def _decide_renewal(
    decision: Decision,
    challenger: Predictions,
    champion: Predictions,
    opponent: Opponent,
    by: ComparisonSettings,
) -> Decision:
    """Decide on a renewal: the champion's recipe retrained, if the champion itself cannot be compared.

    A renewal claims no improvement; it adapts the champion to the current corpus. It has to reach the floor.
    It must not be clearly worse than the champion was in its own evaluation, as a whole and by type, nor on
    the sequences where the two can be compared.
    """
    reason = "" if opponent.substitute is None else opponent.substitute.reason
    renewed = "the champion cannot be compared, and this model renews it"
    rules = [
        scored_rule(decision, "challenger"),
        GateRule(renewed, passed=True, detail=f"{champion_text(decision)}: {reason}", change=""),
        floor_rule(decision),
        new_rule(challenger, by.gate),
        *policy_rules(challenger, opponent, by),
        _score_loss_rule(opponent),
        loss_rule(challenger, champion, opponent, decision.metric, by),
    ]
    grounds = (
        f"{score_text(decision, 'challenger')} renews {champion_text(decision)}, which cannot be compared on "
        "this test split"
    )
    return with_verdict(replace(decision, verdict="PROMOTE", rules=rules), grounds)


def _score_loss_rule(opponent: Opponent) -> GateRule:
    """Require that a renewal is not clearly worse than the champion was in its own evaluation."""
    losses = None if opponent.substitute is None else opponent.substitute.losses
    detail = "the champion's own scores are unknown" if losses is None else "; ".join(losses) or "none"
    return GateRule(
        rule="no clear loss against the champion's scores", passed=losses == (), detail=detail, change=""
    )
