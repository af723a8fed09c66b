"""Retraining noise: configured, assumed, or estimated, and where it comes from."""

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


def test_what_is_configured_counts_whatever_was_measured() -> None:
    found = noise([0.5, 0.9, 0.5], retraining_noise=0.002)
    assert found == RetrainingNoise(0.002, "configured as gate.retraining_noise")


@pytest.mark.parametrize("scores", [[], [0.9]])
def test_before_anything_is_measured_a_tenth_of_a_point_is_assumed(scores: list[float]) -> None:
    found = noise(scores)
    assert found.value == pytest.approx(0.001)
    assert found.source == "assumed: no earlier runs of this configuration on this test split"


def test_earlier_runs_of_the_configuration_tell_the_noise() -> None:
    """Half the squared differences, 0.0004, and 4 * 0.001 ** 2; by 4 + 2."""
    found = noise([1.0, 0.98, 1.0])
    assert found.value == pytest.approx((0.000404 / 6) ** 0.5)
    assert found.source == "estimated from 3 runs of this configuration on this test split"


def test_many_runs_outweigh_the_assumption() -> None:
    """Scores in turns 0.5 points up and down differ by sqrt(2) * 0.35 points, as if drawn with 0.35."""
    assert noise([0.900, 0.905] * 10).value == pytest.approx(0.00325, abs=0.00001)
    assert noise([0.9] * 21).value == pytest.approx(0.001 / 6**0.5)


def test_scores_that_grow_with_the_data_are_hardly_noise() -> None:
    """A point more from run to run: their standard deviation is 1.87 points, the noise 0.53."""
    assert noise([0.90, 0.91, 0.92, 0.93, 0.94, 0.95]).value == pytest.approx(0.00531, abs=0.00001)


@pytest.fixture
def decide(write_predictions: WritePredictions) -> Callable[..., Decision]:
    """Return a function that compares 40 right of 40 spans, an F1 of 1, with 20."""
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
def test_a_decision_says_where_its_noise_comes_from(
    decide: Callable[..., Decision],
    earlier: tuple[float, ...],
    gate: dict[str, float],
    value: float,
    words: str,
) -> None:
    decision = decide(earlier, **gate)
    rule = next(
        rule for rule in decision["rules"] if rule["rule"] == "the difference exceeds retraining noise"
    )
    assert decision["noise"] == pytest.approx(value, abs=1e-7)
    assert decision["noise_source"] in rule["detail"]
    assert rule["detail"].startswith(f"with retraining noise of {words}, the 95% interval starts at +")
    assert (decision["verdict"], rule["held"]) == ("PROMOTE", True)


def test_noise_that_was_measured_holds_what_an_assumption_would_promote(
    decide: Callable[..., Decision],
) -> None:
    """Scores of 1 and 0.5 in turns make a difference of 33 points nothing new."""
    decision = decide((1.0, 0.5, 1.0, 0.5))
    (failed,) = [rule for rule in decision["rules"] if not rule["held"]]
    assert (decision["verdict"], failed["rule"]) == ("HOLD", "the difference exceeds retraining noise")
    assert decision["bound"] > 0


def test_the_examples_hold() -> None:
    assert doctest.testmod(retraining_noise).failed == 0
