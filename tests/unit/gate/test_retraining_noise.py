"""Retraining noise: configured, assumed or estimated."""

from __future__ import annotations

import doctest
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.gate import Opponent, decide_promotion, retraining_noise
from seqtag.gate.decision import Decision
from seqtag.gate.retraining_noise import RetrainingNoise

WritePredictions = Callable[..., Path]

RIGHT, WRONG = ("a b", "B-X O", "B-X O"), ("a b", "B-X O", "O O")


def noise(scores: Sequence[float], **gate: Any) -> RetrainingNoise:
    return retraining_noise.retraining_noise(scores, GateConfig(**gate))


def test_configured_noise_overrides_measurements() -> None:
    found = noise([0.5, 0.9, 0.5], retraining_noise=0.002)
    assert found == RetrainingNoise(0.002, "configured as gate.retraining_noise")


@pytest.mark.parametrize("scores", [[], [0.9]])
def test_without_measurements_a_tenth_of_a_point_is_assumed(scores: list[float]) -> None:
    found = noise(scores)
    assert found.value == pytest.approx(0.001)
    assert found.source == "assumed: no earlier runs of this configuration on this test split"


def test_noise_is_estimated_from_earlier_runs_of_the_configuration() -> None:
    """Half the squared differences, 0.0004, plus 4 * 0.001 ** 2, divided by 4 + 2."""
    found = noise([1.0, 0.98, 1.0])
    assert found.value == pytest.approx((0.000404 / 6) ** 0.5)
    assert found.source == "estimated from 3 runs of this configuration on this test split"


def test_many_runs_outweigh_the_assumption() -> None:
    """Scores that alternate by 0.5 points differ like draws with a standard deviation of 0.35."""
    assert noise([0.900, 0.905] * 10).value == pytest.approx(0.00325, abs=0.00001)
    assert noise([0.9] * 21).value == pytest.approx(0.001 / 6**0.5)


def test_scores_that_grow_with_the_data_add_little_noise() -> None:
    """A gain of one point per run: the standard deviation is 1.87 points, the noise 0.53."""
    assert noise([0.90, 0.91, 0.92, 0.93, 0.94, 0.95]).value == pytest.approx(0.00531, abs=0.00001)


@pytest.fixture
def decide(write_predictions: WritePredictions) -> Callable[..., Decision]:
    """Return a function that compares a model with 40 of 40 correct spans, an F1 of 1, and one with 20."""
    write = partial(write_predictions, numbered=True)
    challenger = write("challenger", [RIGHT] * 40)
    champion = write("champion", [RIGHT, WRONG] * 20)

    def decided(earlier_scores: Sequence[float] = (), **gate: Any) -> Decision:
        return decide_promotion(
            challenger,
            Opponent("3", champion, ("O", "B-X")),
            tags=("O", "B-X"),
            scheme="IOB2",
            gate=GateConfig(resamples=200, **gate),
            evaluate=EvaluateConfig(),
            metric="span_f1",
            seed=1,
            earlier_scores=earlier_scores,
        )

    return decided


@pytest.mark.parametrize(
    ("earlier", "gate", "value", "words"),
    [
        ((), {"retraining_noise": 0.002}, 0.002, "0.20 points (configured as gate.retraining_noise)"),
        ((), {}, 0.001, "0.10 points (assumed: no earlier runs of this configuration on this test split)"),
        (
            (1.0, 0.98),
            {},
            0.0082057,
            "0.82 points (estimated from 3 runs of this configuration on this test split)",
        ),
    ],
    ids=["configured", "assumed", "estimated"],
)
def test_a_decision_states_the_source_of_its_noise(
    decide: Callable[..., Decision],
    earlier: tuple[float, ...],
    gate: dict[str, float],
    value: float,
    words: str,
) -> None:
    decision = decide(earlier, **gate)
    rule = next(rule for rule in decision.rules if rule.rule == "the difference exceeds retraining noise")
    assert decision.noise == pytest.approx(value, abs=1e-7)
    assert decision.noise_source in rule.detail
    assert rule.detail.startswith("with retraining noise, the interval starts at +")
    assert rule.detail.endswith(f"; noise of {words}, 95% interval")
    assert (decision.verdict, rule.passed) == ("PROMOTE", True)


def test_measured_noise_holds_a_promotion_that_assumed_noise_would_allow(
    decide: Callable[..., Decision],
) -> None:
    """With scores that alternate between 1 and 0.5, a difference of 33 points may be noise."""
    decision = decide((1.0, 0.5, 1.0, 0.5))
    (failed,) = [rule for rule in decision.rules if not rule.passed]
    assert (decision.verdict, failed.rule) == ("HOLD", "the difference exceeds retraining noise")
    assert decision.bound > 0


def test_the_examples_hold() -> None:
    assert doctest.testmod(retraining_noise).failed == 0
