"""Score losses between different test splits, and renewals that they hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.evaluation.prf import Interval
from seqtag.gate import Opponent, Substitute, clear_losses, decide_promotion
from seqtag.gate.decision import Decision
from seqtag.gate.score_losses import WHOLE

GATE = GateConfig(guard_margin=0.02, min_support=50)


def of(low: float, value: float, high: float, *, support: int = 100) -> Interval:
    return Interval(value=value, low=low, high=high, support=support, documents=40)


def test_an_interval_below_the_one_before_is_a_loss() -> None:
    before = {WHOLE: of(0.90, 0.92, 0.94)}
    assert clear_losses(before, {WHOLE: of(0.87, 0.88, 0.89)}, GATE) == (
        "the whole test split fell from 92.0% to 88.0% (at most 89.0%)",
    )
    assert clear_losses(before, {WHOLE: of(0.87, 0.89, 0.91)}, GATE) == ()


def test_a_type_may_lose_the_guard_margin_and_needs_support() -> None:
    before = {WHOLE: of(0.9, 0.9, 0.9), "type LOC": of(0.80, 0.85, 0.90)}
    whole = {WHOLE: of(0.9, 0.9, 0.9)}
    assert clear_losses(before, {**whole, "type LOC": of(0.7, 0.75, 0.79)}, GATE) == ()
    assert len(clear_losses(before, {**whole, "type LOC": of(0.7, 0.75, 0.77)}, GATE) or ()) == 1
    rare = {**before, "type LOC": of(0.80, 0.85, 0.90, support=49)}
    assert clear_losses(rare, {**whole, "type LOC": of(0.1, 0.2, 0.3)}, GATE) == ()


def test_a_type_without_a_score_is_a_loss() -> None:
    before = {WHOLE: of(0.9, 0.9, 0.9), "type LOC": of(0.80, 0.85, 0.90)}
    assert clear_losses(before, {WHOLE: of(0.9, 0.9, 0.9)}, GATE) == ("type LOC no longer has a score",)


def test_unknown_scores_give_no_losses() -> None:
    assert clear_losses(None, {WHOLE: of(0.9, 0.9, 0.9)}, GATE) is None


@pytest.mark.parametrize(
    ("losses", "verdict"), [((), "PROMOTE"), (("type LOC no longer has a score",), "HOLD"), (None, "HOLD")]
)
def test_a_renewal_is_held_by_a_loss_or_unknown_losses(
    write_predictions: Callable[..., Path], losses: tuple[str, ...] | None, verdict: str
) -> None:
    """The whole test split was in the training data of the champion."""
    sequences = [("a b", "B-X O", "B-X O")] * 30
    challenger = write_predictions("challenger", sequences, numbered=True)
    champion = write_predictions("champion", sequences, numbered=True, seen=[True] * 30)
    opponent = Opponent(
        "3",
        champion,
        ("O", "B-X"),
        substitute=Substitute("it was trained on all of it", "challenger", losses),
    )
    decision: Decision = decide_promotion(
        challenger,
        opponent,
        tags=("O", "B-X"),
        scheme="IOB2",
        gate=GateConfig(resamples=200),
        evaluate=EvaluateConfig(),
        metric="span_f1",
        seed=1,
    )
    assert decision.verdict == verdict
    expected = {
        (): "span F1 100.0% renews champion v3, which cannot be compared on this test split",
        ("type LOC no longer has a score",): "type LOC no longer has a score",
        None: "the champion's own scores are unknown",
    }
    assert decision.sentence == f"{verdict}: {expected[losses]}."
    assert decision.rules[1].detail == "champion v3: it was trained on all of it"


def test_a_first_model_trained_on_the_test_split_is_held(write_predictions: Callable[..., Path]) -> None:
    seen = write_predictions("challenger", [("a b", "B-X O", "B-X O")] * 30, numbered=True, seen=[True] * 30)
    arguments = {"tags": ("O", "B-X"), "scheme": "IOB2", "evaluate": EvaluateConfig(), "metric": "span_f1"}
    decision = decide_promotion(seen, None, gate=GateConfig(resamples=200), seed=1, **arguments)
    assert decision.verdict == "HOLD"
    assert decision.sentence == (
        "HOLD: 0.0% of the test sequences are new to the challenger, 10.0% are needed."
    )
