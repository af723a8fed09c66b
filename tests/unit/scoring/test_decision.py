"""The gate: what is promoted, held and rejected, and that it fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.errors import ConfigError, RunDirError
from seqtag.scoring import Opponent, decide_promotion
from seqtag.scoring.decision import Decision, _paired

WritePredictions = Callable[..., Path]

GOLD = "B-X O"
RIGHT, WRONG = ("a b", GOLD, GOLD), ("a b", GOLD, "O O")


def decide(
    challenger: Path,
    champion: Path | None,
    *,
    champion_version: str | None = None,
    champion_error: str | None = None,
    champion_tags: tuple[str, ...] = ("O", "B-X"),
    **changes: Any,
) -> Decision:
    opponent = None
    if champion is not None or champion_version is not None or champion_error is not None:
        opponent = Opponent(champion_version or "3", champion, champion_tags, champion_error)
    arguments = {
        "tags": ("O", "B-X"),
        "scheme": "IOB2",
        "gate": GateConfig(resamples=200, retraining_noise=0),
        "evaluate": EvaluateConfig(),
        "metric": "span_f1",
        "seed": 1,
        **changes,
    }
    return decide_promotion(challenger, opponent, **arguments)


def held(decision: Decision) -> dict[str, bool]:
    return {rule["rule"]: rule["held"] for rule in decision["rules"]}


def test_a_clearly_better_challenger_is_promoted(write_predictions: WritePredictions) -> None:
    """40 against 20 of 40 spans found: F1 100% against 2 * 20 / (40 + 20) = 66.7%."""
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [RIGHT, WRONG] * 20)
    decision = decide(challenger, champion)
    assert decision["verdict"] == "PROMOTE"
    assert decision["challenger"] == 1
    assert decision["champion"] == 40 / 60
    assert decision["difference"]["value"] == pytest.approx(1 / 3)
    assert 0 < decision["difference"]["low"] < 1 / 3 < decision["difference"]["high"]
    assert decision["difference"]["support"] == decision["n_sequences"] == 40
    assert decision["p_better"] == 1
    assert all(held(decision).values())


def test_the_sentence_holds_the_numbers(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [RIGHT, WRONG] * 20)
    decision = decide(challenger, champion)
    low, high = (f"{100 * decision['difference'][end]:+.2f}" for end in ("low", "high"))
    assert decision["sentence"] == (
        "PROMOTE: span F1 100.0% against champion v3's 66.7% on 40 sequences; difference +33.33 points, "
        f"95% interval [{low}, {high}], must clear +0.00."
    )


def test_a_clearly_worse_challenger_is_rejected(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT, WRONG] * 20)
    champion = write_predictions("champion", [RIGHT] * 40)
    decision = decide(challenger, champion)
    assert decision["verdict"] == "REJECT"
    assert decision["difference"]["high"] < 0
    assert decision["p_better"] == 0


def test_a_difference_that_may_be_chance_is_held(write_predictions: WritePredictions) -> None:
    """12 sequences for the challenger, 9 for the champion."""
    challenger = write_predictions("challenger", [RIGHT] * 12 + [WRONG] * 9 + [RIGHT] * 9)
    champion = write_predictions("champion", [WRONG] * 12 + [RIGHT] * 9 + [RIGHT] * 9)
    decision = decide(challenger, champion)
    assert decision["verdict"] == "HOLD"
    assert decision["difference"]["low"] < 0 < decision["difference"]["high"]
    assert 0.5 < decision["p_better"] < 0.95
    assert held(decision)["the difference clears the margin"] is False


def test_the_margin_must_be_cleared(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [RIGHT, WRONG] * 20)
    decision = decide(challenger, champion, gate=GateConfig(resamples=200, margin=0.3, retraining_noise=0))
    assert decision["verdict"] == "HOLD"
    assert decision["sentence"].endswith("must clear +30.00.")


def test_a_tie_keeps_the_champion(write_predictions: WritePredictions) -> None:
    same = [RIGHT, WRONG] * 20
    decision = decide(write_predictions("challenger", same), write_predictions("champion", same))
    assert decision["verdict"] == "HOLD"
    assert decision["sentence"].endswith("a tie keeps the champion.")
    assert decision["difference"] == {"value": 0, "low": 0, "high": 0, "support": 40}
    assert decision["p_better"] == 0


def test_five_better_sequences_are_too_few_and_six_are_enough(write_predictions: WritePredictions) -> None:
    """(1/2) ** 5 is above 2.5 %, (1/2) ** 6 is below."""
    champion = write_predictions("champion", [WRONG] * 6 + [RIGHT] * 14)
    five = decide(write_predictions("challenger", [RIGHT] * 5 + [WRONG] + [RIGHT] * 14), champion)
    six = decide(write_predictions("challenger", [RIGHT] * 20), champion)
    assert five["difference"]["low"] > 0
    assert five["verdict"] == "HOLD"
    assert five["sentence"].endswith("5 sequences are scored differently, 6 are needed.")
    assert six["verdict"] == "PROMOTE"


def test_the_first_model_is_promoted_at_its_floor(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT, WRONG])  # F1 2 / 3, accuracy 3 / 4
    at_floor = decide(challenger, None, metric="accuracy", gate=GateConfig(floor=0.75))
    assert at_floor["verdict"] == "PROMOTE"
    assert at_floor["sentence"] == (
        "PROMOTE: accuracy 75.0% reaches the floor of 75.0% for a first model, on 2 sequences."
    )
    assert at_floor["champion"] is None
    assert at_floor["difference"] is None
    below = decide(challenger, None, gate=GateConfig(floor=0.67))
    assert below["verdict"] == "REJECT"
    assert held(below) == {"the challenger is scored": True, "the floor is reached": False}


def test_a_first_model_without_a_score_is_held(write_predictions: WritePredictions) -> None:
    nothing = write_predictions("challenger", [("a", "O", "O")])
    decision = decide(nothing, None)
    assert decision["verdict"] == "HOLD"
    assert decision["challenger"] is None
    assert decide(write_predictions("challenger", []), None)["verdict"] == "HOLD"


@pytest.mark.parametrize("undefined", ["challenger", "champion"])
def test_an_undefined_score_is_never_promoted(undefined: str) -> None:
    """0 / 0 on one side, 40 of 40 on the other."""
    scored, nothing = np.ones((40, 2), np.float32), np.zeros((40, 2), np.float32)
    ours, theirs = (nothing, scored) if undefined == "challenger" else (scored, nothing)
    start = Decision(
        verdict="HOLD", sentence="", metric="span_f1", challenger=None if undefined == "challenger" else 1.0,
        champion=None, champion_version="3", difference=None, p_better=None, margin=0, floor=0,
        confidence=0.95, resamples=100, n_sequences=40, rules=[],
    )  # fmt: skip
    decision = _paired(start, ours, theirs, gate=GateConfig(resamples=100), seed=1)
    assert decision["verdict"] == "HOLD"
    assert "no span F1 (nothing to count)" in decision["sentence"]
    assert decision["difference"] is None


def test_a_champion_that_could_not_be_scored_blocks_every_promotion(
    write_predictions: WritePredictions,
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    decision = decide(challenger, None, champion_version="3", champion_error="weights.npz:\n digest differs")
    assert decision["verdict"] == "HOLD"
    assert decision["sentence"] == (
        "HOLD: champion v3 could not be scored (weights.npz: digest differs), so that nothing is promoted; "
        "the challenger has span F1 100.0% on 40 sequences."
    )
    assert held(decision) == {"the champion is scored": False}


def test_an_error_counts_even_where_predictions_lie_there(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [WRONG] * 40)
    assert decide(challenger, champion, champion_error="")["verdict"] == "HOLD"


def test_a_champion_without_predictions_blocks_every_promotion(
    write_predictions: WritePredictions, tmp_path: Path
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    missing = decide(challenger, None, champion_version="3")
    assert missing["verdict"] == "HOLD"
    assert "there are no predictions of it" in missing["sentence"]
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1")
    assert decide(challenger, damaged)["verdict"] == "HOLD"


def test_predictions_of_the_champion_that_cannot_be_reached_are_no_verdict(
    write_predictions: WritePredictions, tmp_path: Path
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    with pytest.raises(RunDirError) as raised:
        decide(challenger, tmp_path / "not mounted" / "champion.parquet")
    assert isinstance(raised.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("sequences", "first_row"),
    [([WRONG] * 39, 0), ([WRONG] * 40, 1), ([("a b", "O O", "O O")] * 40, 0)],
    ids=["fewer sequences", "other rows", "other gold tags"],
)
def test_champion_predictions_for_something_else_block_every_promotion(
    write_predictions: WritePredictions, sequences: list[tuple[str, str, str]], first_row: int
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    decision = decide(challenger, write_predictions("champion", sequences, first_row=first_row))
    assert decision["verdict"] == "HOLD"
    assert "its predictions are for other sequences or gold tags" in decision["sentence"]


def test_a_damaged_challenger_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="gone"):
        decide(tmp_path / "gone.parquet", None)


def test_span_f1_without_a_scheme_is_refused(write_predictions: WritePredictions) -> None:
    with pytest.raises(ConfigError, match="'accuracy' was required"):
        decide(write_predictions("challenger", [RIGHT]), None, scheme="none")


def test_decisions_are_plain_json_and_repeat_by_seed(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 12 + [WRONG] * 9)
    champion = write_predictions("champion", [WRONG] * 12 + [RIGHT] * 9)
    once = json.dumps(decide(challenger, champion), allow_nan=False)
    assert once == json.dumps(decide(challenger, champion), allow_nan=False)
    assert once != json.dumps(decide(challenger, champion, seed=2), allow_nan=False)


@pytest.mark.parametrize(("n_sequences", "share"), [(60, 0.2), (300, 0.05), (300, 0.5)])
def test_equally_good_taggers_are_seldom_promoted(n_sequences: int, share: float) -> None:
    """1000 pairs of taggers, either right on a span with the same probability: 2.5 % promotions at 95%.

    `share` of the sequences is tagged by each on its own, the rest alike. Four standard errors of room.
    """
    generator = np.random.default_rng(11)
    verdicts = []
    for trial in range(1000):
        n_spans = generator.integers(1, 4, n_sequences)
        ours, theirs = generator.binomial(n_spans, 0.8, (2, n_sequences))
        theirs = np.where(generator.random(n_sequences) < share, theirs, ours)
        start = Decision(
            verdict="HOLD", sentence="", metric="span_f1", challenger=0.8, champion=None,
            champion_version="3", difference=None, p_better=None, margin=0, floor=0, confidence=0.95,
            resamples=200, n_sequences=n_sequences, rules=[],
        )  # fmt: skip
        counts = [np.stack([2 * n, 2 * n_spans], axis=1).astype(np.float32) for n in (ours, theirs)]
        verdicts.append(
            _paired(start, *counts, gate=GateConfig(resamples=200, retraining_noise=0), seed=trial)["verdict"]
        )
    assert verdicts.count("PROMOTE") <= 45
    assert verdicts.count("REJECT") <= 45
    assert verdicts.count("HOLD") >= 900
