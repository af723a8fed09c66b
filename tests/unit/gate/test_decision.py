"""Decisions of the gate: promotions, holds, rejections, and failing closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.errors import ConfigError, RunDirError
from seqtag.evaluation.prf import Interval
from seqtag.gate import Opponent, decide_promotion
from seqtag.gate.decision import Decision

WritePredictions = Callable[..., Path]

GOLD = "B-X O"
RIGHT, WRONG = ("a b", GOLD, GOLD), ("a b", GOLD, "O O")
NO_SPANS = ("a b", "O O", "O O")
ONE_COMPARISON = GateConfig(resamples=200, retraining_noise=0, horizon=1, false_promotions=0.025)


@pytest.fixture
def write_predictions(write_predictions: WritePredictions) -> WritePredictions:
    """Return a function that writes distinct sequences."""
    return partial(write_predictions, numbered=True)


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
    return {rule.rule: rule.passed for rule in decision.rules}


def test_a_clearly_better_challenger_is_promoted(write_predictions: WritePredictions) -> None:
    """40 against 20 of 40 spans found: F1 100% against 2 * 20 / (40 + 20) = 66.7%."""
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [RIGHT, WRONG] * 20)
    decision = decide(challenger, champion)
    assert decision.verdict == "PROMOTE"
    assert decision.challenger == 1
    assert decision.champion == 40 / 60
    assert decision.difference.value == pytest.approx(1 / 3)
    assert 0 < decision.difference.low < 1 / 3 < decision.difference.high
    assert decision.difference.support == decision.n_sequences == 40
    assert decision.difference.documents == decision.n_documents == 40
    assert decision.p_better == 1
    assert all(held(decision).values())


def test_the_sentence_states_the_numbers(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [RIGHT, WRONG] * 20)
    decision = decide(challenger, champion)
    assert decision.sentence == (
        "PROMOTE: span F1 is 33.33 points above champion v3's, at least +5.47; the margin is +0.00."
    )


def test_a_clearly_worse_challenger_is_rejected(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT, WRONG] * 20)
    champion = write_predictions("champion", [RIGHT] * 40)
    decision = decide(challenger, champion)
    assert decision.verdict == "REJECT"
    least = f"{-100 * decision.difference.high:.2f}"
    assert decision.sentence == (f"REJECT: span F1 is 33.33 points below champion v3's, at least {least}.")
    assert decision.difference.high < 0
    assert decision.p_better == 0


def test_a_difference_that_may_be_due_to_chance_is_held(write_predictions: WritePredictions) -> None:
    """12 sequences favour the challenger, 9 the champion."""
    challenger = write_predictions("challenger", [RIGHT] * 12 + [WRONG] * 9 + [RIGHT] * 9)
    champion = write_predictions("champion", [WRONG] * 12 + [RIGHT] * 9 + [RIGHT] * 9)
    decision = decide(challenger, champion)
    assert decision.verdict == "HOLD"
    assert decision.difference.low < 0 < decision.difference.high
    assert 0.5 < decision.p_better < 0.95
    assert held(decision)["the difference clears the margin"] is False


def test_the_margin_must_be_cleared(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [RIGHT, WRONG] * 20)
    decision = decide(challenger, champion, gate=GateConfig(resamples=200, margin=0.3, retraining_noise=0))
    assert decision.verdict == "HOLD"
    assert decision.sentence.endswith("the margin is +30.00.")
    assert held(decision)["the difference clears the margin"] is False


def test_a_tie_keeps_the_champion(write_predictions: WritePredictions) -> None:
    same = [RIGHT, WRONG] * 20
    decision = decide(write_predictions("challenger", same), write_predictions("champion", same))
    assert decision.verdict == "HOLD"
    assert decision.sentence == "HOLD: a tie on all 40 documents keeps the champion."
    assert decision.would_pass == []
    assert decision.difference == Interval(value=0, low=0, high=0, support=40, documents=40)
    assert decision.p_better == 0
    assert decision.gauge is None


def test_five_better_sequences_are_too_few_and_six_are_enough(write_predictions: WritePredictions) -> None:
    """In a single comparison: (1/2) ** 5 is above 2.5 %, (1/2) ** 6 is below."""
    champion = write_predictions("champion", [WRONG] * 6 + [RIGHT] * 14)
    challenger = write_predictions("challenger", [RIGHT] * 5 + [WRONG] + [RIGHT] * 14)
    five = decide(challenger, champion, gate=ONE_COMPARISON)
    six = decide(write_predictions("challenger", [RIGHT] * 20), champion, gate=ONE_COMPARISON)
    assert five.difference.low > 0
    assert five.verdict == "HOLD"
    assert "scores differ on 5 documents, 6 are needed" in five.sentence
    assert held(five)["enough documents differ"] is False
    assert six.verdict == "PROMOTE"


def test_over_a_year_twelve_better_documents_are_too_few_and_thirteen_are_enough(
    write_predictions: WritePredictions,
) -> None:
    """(1/2) ** 12 is above 5 % / 365 = 1 / 7300, (1/2) ** 13 is below."""
    champion = write_predictions("champion", [WRONG] * 13 + [RIGHT] * 27)
    challenger = write_predictions("challenger", [RIGHT] * 12 + [WRONG] + [RIGHT] * 27)
    twelve = decide(challenger, champion, metric="accuracy")
    thirteen = decide(write_predictions("challenger", [RIGHT] * 40), champion, metric="accuracy")
    assert twelve.bound > 0
    assert twelve.verdict == "HOLD"
    assert "scores differ on 12 documents, 13 are needed" in twelve.sentence
    assert "13 differing documents instead of 12" in twelve.would_pass
    assert thirteen.level == 0.05 / 365
    assert thirteen.verdict == "PROMOTE"


def test_evidence_is_counted_in_documents(write_predictions: WritePredictions) -> None:
    """48 sequences tagged better, in 12 documents or in 13."""
    challenger, champion = [RIGHT] * 100, [WRONG] * 48 + [RIGHT] * 52

    def decided(n_better: int) -> Decision:
        documents = [f"d{i % n_better}" for i in range(48)] + [f"e{i % 30}" for i in range(52)]
        return decide(
            write_predictions("challenger", challenger, documents=documents),
            write_predictions("champion", champion, documents=documents),
        )

    twelve, thirteen = decided(12), decided(13)
    assert "scores differ on 12 documents, 13 are needed" in twelve.sentence
    assert (twelve.verdict, twelve.n_sequences, twelve.n_documents) == ("HOLD", 100, 42)
    assert (thirteen.verdict, thirteen.n_documents) == ("PROMOTE", 43)


def test_a_repeated_sequence_counts_as_one_document(write_predictions: WritePredictions) -> None:
    """The 48 better ones are 12 sequences, each in 4 documents."""
    challenger, champion = [RIGHT] * 100, [WRONG] * 48 + [RIGHT] * 52
    words = [f"a{i % 12} b" if i < 48 else f"c{i} d" for i in range(100)]
    paths = [
        write_predictions(name, [(w, *tags) for w, (_, *tags) in zip(words, of, strict=True)], numbered=False)
        for name, of in (("challenger", challenger), ("champion", champion))
    ]
    decision = decide(*paths)
    assert (decision.verdict, decision.n_documents) == ("HOLD", 12 + 52)
    assert "scores differ on 12 documents, 13 are needed" in decision.sentence


def test_a_test_split_of_one_document_decides_nothing(write_predictions: WritePredictions) -> None:
    """The variance between documents is unknown; decision.json must contain no infinity."""
    documents = ["all"] * 40
    champion = write_predictions("champion", [RIGHT, WRONG] * 20, documents=documents)
    decision = decide(write_predictions("challenger", [RIGHT] * 40, documents=documents), champion)
    assert decision.verdict == "HOLD"
    difference = decision.difference
    assert (difference.low, difference.high, difference.documents) == (-1, 1, 1)
    assert decision.bound == -1
    assert decision.would_pass == []
    assert "Infinity" not in json.dumps(decision.content())
    tie = decide(champion, champion)
    assert (tie.verdict, tie.difference.low, tie.difference.high) == ("HOLD", -1, 1)
    assert "NaN" not in json.dumps(tie.content())


def test_the_first_model_is_promoted_at_its_floor(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT, WRONG])  # F1 2 / 3, accuracy 3 / 4
    at_floor = decide(challenger, None, metric="accuracy", gate=GateConfig(floor=0.75))
    assert at_floor.verdict == "PROMOTE"
    assert at_floor.sentence == "PROMOTE: accuracy 75.0% reaches the floor of 75.0% for a first model."
    assert at_floor.champion is None
    assert at_floor.difference is None
    below = decide(challenger, None, gate=GateConfig(floor=0.67))
    assert below.verdict == "REJECT"
    assert held(below) == {
        "the challenger is scored": True,
        "the floor is reached": False,
        "enough of the test split is new": True,
    }
    assert below.would_pass == ["gate.floor = 0.6666"]
    assert decide(challenger, None, gate=GateConfig(floor=0.6666)).verdict == "PROMOTE"


def test_a_first_model_without_a_score_is_held(write_predictions: WritePredictions) -> None:
    nothing = write_predictions("challenger", [("a", "O", "O")])
    decision = decide(nothing, None)
    assert decision.verdict == "HOLD"
    assert decision.challenger is None
    assert decide(write_predictions("challenger", []), None).verdict == "HOLD"


@pytest.mark.parametrize("undefined", ["challenger", "champion"])
def test_an_undefined_score_is_never_promoted(write_predictions: WritePredictions, undefined: str) -> None:
    """No gold span and none predicted on one side; a wrong one in each of 40 sequences on the other."""
    paths = {
        who: write_predictions(who, [NO_SPANS if who == undefined else ("a b", "O O", "B-X O")] * 40)
        for who in ("challenger", "champion")
    }
    decision = decide(paths["challenger"], paths["champion"])
    assert decision.verdict == "HOLD"
    assert decision.score(undefined) is None
    assert f"the {undefined} has no span F1 (nothing to count)" in decision.sentence
    assert held(decision)[f"the {undefined} is scored"] is False
    assert decision.difference is None
    assert decision.level == 0


def test_a_champion_that_could_not_be_scored_blocks_every_promotion(
    write_predictions: WritePredictions,
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    decision = decide(challenger, None, champion_version="3", champion_error="weights.npz:\n digest differs")
    assert decision.verdict == "HOLD"
    assert decision.sentence == "HOLD: champion v3 could not be scored, so nothing is promoted."
    assert decision.rules[0].detail == "weights.npz: digest differs"
    assert held(decision) == {"the champion is scored": False}


def test_an_error_counts_even_if_there_are_predictions(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    champion = write_predictions("champion", [WRONG] * 40)
    assert decide(challenger, champion, champion_error="").verdict == "HOLD"


def test_a_champion_without_predictions_blocks_every_promotion(
    write_predictions: WritePredictions, tmp_path: Path
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    missing = decide(challenger, None, champion_version="3")
    assert missing.verdict == "HOLD"
    assert missing.rules[0].detail == "its predictions are missing"
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1")
    assert decide(challenger, damaged).verdict == "HOLD"


def test_unreachable_predictions_of_the_champion_raise_instead_of_deciding(
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
def test_champion_predictions_for_other_data_block_every_promotion(
    write_predictions: WritePredictions, sequences: list[tuple[str, str, str]], first_row: int
) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 40)
    decision = decide(challenger, write_predictions("champion", sequences, first_row=first_row))
    assert decision.verdict == "HOLD"
    assert decision.rules[0].detail == "its predictions are for other sequences or gold tags"


def test_a_damaged_challenger_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="gone"):
        decide(tmp_path / "gone.parquet", None)


def test_span_f1_without_a_scheme_is_rejected(write_predictions: WritePredictions) -> None:
    with pytest.raises(ConfigError, match=r"gate\.metric has no spans to score"):
        decide(write_predictions("challenger", [RIGHT]), None, scheme="none")


def test_decisions_are_plain_json_and_reproducible_by_seed(write_predictions: WritePredictions) -> None:
    challenger = write_predictions("challenger", [RIGHT] * 12 + [WRONG] * 9)
    champion = write_predictions("champion", [WRONG] * 12 + [RIGHT] * 9)
    once = json.dumps(decide(challenger, champion).content(), allow_nan=False)
    assert once == json.dumps(decide(challenger, champion).content(), allow_nan=False)
    assert once != json.dumps(decide(challenger, champion, seed=2).content(), allow_nan=False)
