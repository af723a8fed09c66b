"""Gate rules other than the difference, and the changes that would make them pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.evaluation.split_scores import Cost, Costs
from seqtag.gate import Opponent, decide_promotion
from seqtag.gate.comparable_subset import TagChange, tag_change
from seqtag.gate.decision import Decision
from seqtag.gate.gate_rules import GateRule

WritePredictions = Callable[..., Path]

PER_RIGHT, PER_WRONG = ("a b", "B-PER O", "B-PER O"), ("a b", "B-PER O", "O O")
LOC_RIGHT, LOC_WRONG = ("a b", "B-LOC O", "B-LOC O"), ("a b", "B-LOC O", "O O")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


@pytest.fixture
def write_predictions(write_predictions: WritePredictions) -> WritePredictions:
    """Return a function that writes distinct sequences."""
    return partial(write_predictions, numbered=True)


def decide(
    challenger: Path, champion: Path, *, tags: tuple[str, ...] = TAGS, theirs: tuple[str, ...] = TAGS,
    evaluate: EvaluateConfig | None = None, costs: Any = None, **gate: Any,
) -> Decision:  # fmt: skip
    return decide_promotion(
        challenger,
        Opponent("3", champion, theirs),
        tags=tags,
        scheme="IOB2",
        gate=GateConfig(**{"resamples": 1000, "min_support": 20, **gate}),
        evaluate=evaluate or EvaluateConfig(),
        metric="span_f1",
        seed=1,
        costs=costs,
    )


def failed(decision: Decision) -> list[str]:
    return [rule.rule for rule in decision.rules if not rule.passed]


def the_rule(decision: Decision, name: str) -> GateRule:
    (found,) = [rule for rule in decision.rules if rule.rule == name]
    return found


@pytest.fixture
def better(write_predictions: WritePredictions) -> tuple[Path, Path]:
    """80 and 40 of 80 spans found."""
    return (
        write_predictions("challenger", [PER_RIGHT] * 40 + [LOC_RIGHT] * 40),
        write_predictions("champion", [PER_RIGHT, PER_WRONG] * 20 + [LOC_RIGHT, LOC_WRONG] * 20),
    )


def test_when_all_rules_hold_no_change_is_suggested(better: tuple[Path, Path]) -> None:
    decision = decide(*better)
    assert (decision.verdict, failed(decision), decision.would_pass) == ("PROMOTE", [], [])
    assert decision.p_value == 1 / (1 + 72 * 1024)  # 20 / (2 * 0.05 / 365) rounds
    assert {guard.what for guard in decision.guards} == {"type PER", "type LOC", "length = 1-10"}
    assert all(guard.difference > 0 for guard in decision.guards)


def test_a_clearly_worse_type_holds_a_challenger_that_is_better_overall(
    write_predictions: WritePredictions,
) -> None:
    """PER from 100 % to F1 2 * 20 / (40 + 20) = 66.7 %, LOC from 0 to 100 %."""
    challenger = write_predictions("challenger", [PER_RIGHT, PER_WRONG] * 20 + [LOC_RIGHT] * 120)
    champion = write_predictions("champion", [PER_RIGHT] * 40 + [LOC_WRONG] * 120)
    decision = decide(challenger, champion)
    assert decision.difference.low > 0
    assert (decision.verdict, failed(decision)) == ("HOLD", ["no type or slice is worse"])
    assert decision.sentence == "HOLD: type PER loses 33.33 points, 2.00 is allowed."
    assert the_rule(decision, "no type or slice is worse").detail.endswith("support 40 in 40 documents")
    (change,) = decision.would_pass
    assert change.startswith("gate.guard_margin = ")
    assert change.endswith(", or gate.min_support above 40")
    enough = float(change.split(" = ")[1].split(",")[0])
    assert decide(challenger, champion, guard_margin=enough).verdict == "PROMOTE"
    assert decide(challenger, champion, guard_margin=enough - 0.001).verdict == "HOLD"
    assert decide(challenger, champion, min_support=41).verdict == "PROMOTE"


def test_two_worse_types_need_one_change_and_the_sentence_counts_the_other(
    write_predictions: WritePredictions,
) -> None:
    """PER from 100 % to F1 2 * 20 / (40 + 20), LOC to F1 2 * 30 / (40 + 30), EVT from 0 to 100 %."""
    event_right, event_wrong = ("a b", "B-EVT O", "B-EVT O"), ("a b", "B-EVT O", "O O")
    challenger = write_predictions(
        "challenger",
        [PER_RIGHT, PER_WRONG] * 20 + [LOC_RIGHT] * 30 + [LOC_WRONG] * 10 + [event_right] * 200,
    )
    champion = write_predictions("champion", [PER_RIGHT] * 40 + [LOC_RIGHT] * 40 + [event_wrong] * 200)
    tags = ("O", *(f"{prefix}-{name}" for name in ("PER", "LOC", "EVT") for prefix in "BI"))
    decision = decide(challenger, champion, tags=tags, theirs=tags)
    assert decision.sentence == "HOLD: type PER loses 33.33 points, 2.00 is allowed; 1 other rule failed."
    (change,) = decision.would_pass
    assert change.endswith(", or gate.min_support above 40")
    enough = float(change.split(" = ")[1].split(",")[0])
    assert decide(challenger, champion, tags=tags, theirs=tags, guard_margin=enough).verdict == "PROMOTE"


def test_a_clearly_worse_slice_holds_too(write_predictions: WritePredictions) -> None:
    genre = ["email"] * 40 + ["news"] * 120
    challenger = write_predictions("challenger", [PER_RIGHT, PER_WRONG] * 20 + [PER_RIGHT] * 120, genre=genre)
    champion = write_predictions("champion", [PER_RIGHT] * 40 + [PER_WRONG] * 120, genre=genre)
    decision = decide(challenger, champion, evaluate=EvaluateConfig(slices=("genre",)))
    assert (decision.verdict, failed(decision)) == ("HOLD", ["no type or slice is worse"])
    assert "genre = email loses 33.33 points" in decision.sentence


def test_sequences_that_only_one_model_was_trained_on_are_left_out(
    write_predictions: WritePredictions,
) -> None:
    """10 of 100 sequences were seen by each model; only on these is the challenger better."""
    challenger = write_predictions("challenger", [PER_RIGHT] * 100, seen=[True] * 10 + [False] * 90)
    champion = write_predictions(
        "champion", [PER_WRONG] * 20 + [PER_RIGHT] * 80, seen=[False] * 10 + [True] * 10 + [False] * 80
    )
    decision = decide(challenger, champion)
    assert (decision.n_sequences, decision.n_left_out) == (80, 20)
    assert decision.difference.value == 0
    rule = the_rule(decision, "the test split is fair to both")
    assert rule.passed
    assert rule.detail == (
        "only the champion was trained on 10.0% of 100 test sequences, 20.0% is allowed; only the challenger "
        "on 10.0%; what only one was trained on is left out; both were trained on 0.0%, which are kept as "
        "repetitions"
    )
    barred = decide(challenger, champion, max_seen=0.09)
    assert "the test split is fair to both" in failed(barred)
    assert the_rule(barred, "the test split is fair to both").change == "gate.max_seen = 0.1"


def test_a_challenger_gains_nothing_from_test_sequences_in_its_training_data(
    write_predictions: WritePredictions,
) -> None:
    """It is better only on the 40 of 200 sequences that it was trained on."""
    challenger = write_predictions("challenger", [PER_RIGHT] * 200, seen=[True] * 40 + [False] * 160)
    champion = write_predictions("champion", [PER_WRONG] * 40 + [PER_RIGHT] * 160)
    decision = decide(challenger, champion)
    assert (decision.verdict, decision.n_sequences, decision.n_left_out) == ("HOLD", 160, 40)
    assert (decision.challenger, decision.champion) == (1, 1)
    assert failed(decision)[0] == "enough documents differ"


def test_a_champion_trained_on_more_than_max_seen_stays(
    write_predictions: WritePredictions,
) -> None:
    seen = [False] * 81 + [True] * 21
    champion = write_predictions("champion", [PER_WRONG] * 40 + [PER_RIGHT] * 62, seen=seen)
    challenger = write_predictions("challenger", [PER_RIGHT] * 102)
    decision = decide(challenger, champion)  # 21 / 102 = 0.20588
    assert (decision.verdict, failed(decision)) == ("HOLD", ["the test split is fair to both"])
    assert decision.would_pass == ["gate.max_seen = 0.2059"]
    assert decide(challenger, champion, max_seen=0.2059).verdict == "PROMOTE"
    assert decide(challenger, champion, max_seen=0.2058).verdict == "HOLD"


def test_sequences_that_only_the_challenger_was_trained_on_have_no_limit(
    write_predictions: WritePredictions,
) -> None:
    """Leaving out 100 of 180 is a disadvantage; on the other 80 it is better by 40."""
    challenger = write_predictions("challenger", [PER_RIGHT] * 180, seen=[True] * 100 + [False] * 80)
    champion = write_predictions("champion", [PER_WRONG] * 100 + [PER_RIGHT, PER_WRONG] * 40)
    decision = decide(challenger, champion)
    assert (decision.verdict, decision.n_sequences, decision.n_left_out) == ("PROMOTE", 80, 100)
    assert decision.champion == pytest.approx(2 * 40 / (80 + 40))


def test_sequences_in_both_training_sets_are_compared_and_guarded_as_repetitions(
    write_predictions: WritePredictions,
) -> None:
    """Half of 160 sequences repeat train, more than `max_seen` would allow for one model."""
    seen = [True] * 80 + [False] * 80
    challenger = write_predictions("challenger", [PER_RIGHT] * 160, seen=seen)
    champion = write_predictions("champion", [PER_RIGHT] * 80 + [PER_RIGHT, PER_WRONG] * 40, seen=seen)
    decision = decide(challenger, champion)
    assert (decision.verdict, failed(decision)) == ("PROMOTE", [])
    assert (decision.n_sequences, decision.n_left_out) == (160, 0)
    repeated, new = (
        next(guard for guard in decision.guards if guard.what == what)
        for what in ("sequence = repeats train", "sequence = new")
    )
    assert (repeated.support, repeated.difference) == (80, 0)
    assert (new.support, new.difference) == (80, pytest.approx(1 - 2 * 40 / (80 + 40)))


def test_a_challenger_that_is_worse_on_repetitions_is_held(write_predictions: WritePredictions) -> None:
    """Better on 120 new sequences, clearly worse on the 40 that repeat both training sets."""
    seen = [True] * 40 + [False] * 120
    challenger = write_predictions("challenger", [PER_RIGHT, PER_WRONG] * 20 + [PER_RIGHT] * 120, seen=seen)
    champion = write_predictions("champion", [PER_RIGHT] * 40 + [PER_WRONG] * 120, seen=seen)
    decision = decide(challenger, champion)
    assert (decision.verdict, failed(decision)) == ("HOLD", ["no type or slice is worse"])
    assert "sequence = repeats train loses 33.33 points" in decision.sentence


def test_a_champion_with_unknown_training_data_stays(
    write_predictions: WritePredictions,
) -> None:
    challenger = write_predictions("challenger", [PER_RIGHT] * 40)
    champion = write_predictions("champion", [PER_WRONG] * 40, seen=[None] * 40)
    decision = decide(challenger, champion)
    assert (decision.verdict, failed(decision)) == ("HOLD", ["the test split is fair to both"])
    assert "the training sequences of the champion are unknown" in decision.sentence
    assert decision.would_pass == []


def test_tags_that_only_one_model_knows_are_not_compared(better: tuple[Path, Path]) -> None:
    known = ("O", "B-PER", "I-PER")
    new = decide(*better, theirs=known)
    assert (new.verdict, new.n_sequences, new.n_left_out) == ("PROMOTE", 40, 40)
    assert failed(decide(*better, theirs=known, new_tags="hold")) == ["new tags are allowed"]
    removed = decide(*better, tags=known)
    assert (removed.verdict, failed(removed)) == ("HOLD", ["removed tags are allowed"])
    assert removed.sentence == 'HOLD: removed since the champion: LOC (gate.removed_tags = "hold").'
    assert the_rule(removed, "removed tags are allowed").detail.endswith(
        "; 40 test sequences have tags that only one of the two models knows"
    )
    assert removed.would_pass == ['gate.removed_tags = "allow"']
    assert decide(*better, tags=known, removed_tags="allow").verdict == "PROMOTE"


def test_types_of_the_champion_are_renamed(write_predictions: WritePredictions) -> None:
    place_right, place_wrong = ("a b", "B-LOC O", "B-PLACE O"), ("a b", "B-LOC O", "O O")
    challenger = write_predictions("challenger", [LOC_RIGHT] * 40)
    champion = write_predictions("champion", [place_right] * 36 + [place_wrong] * 4)
    theirs = ("O", "B-PLACE", "I-PLACE")
    decision = decide(
        challenger, champion, tags=("O", "B-LOC", "I-LOC"), theirs=theirs, renamed_tags={"PLACE": "LOC"}
    )
    assert decision.champion == pytest.approx(2 * 36 / (40 + 36))
    assert decision.n_left_out == 0


def test_tag_sets_without_a_scheme_are_compared_tag_by_tag() -> None:
    change = tag_change(["NOUN", "VERB", "X"], ["NOUN", "V"], scheme="none", renamed={"V": "VERB"})
    assert change == TagChange(new=("X",), removed=())


@pytest.mark.parametrize(("what", "unit"), [("size", "bytes"), ("latency", "ms"), ("memory", "bytes")])
def test_a_cost_above_its_limit_holds(better: tuple[Path, Path], what: str, unit: str) -> None:
    champion = Cost(size=1_000, seconds=0.004, memory=2_000)
    key = "seconds" if what == "latency" else what
    costs = Costs(champion=champion, challenger=replace(champion, **{key: 3.5 * getattr(champion, key)}))
    decision = decide(*better, costs=costs)
    assert (decision.verdict, failed(decision)) == ("HOLD", [f"{what} is within its budget"])
    assert f"{unit}" in decision.sentence
    assert "3.50 times as much" in decision.sentence
    assert decision.would_pass == [f"gate.max_{what}_ratio = 3.5"]
    assert decide(*better, costs=costs, **{f"max_{what}_ratio": 3.5}).verdict == "PROMOTE"
    assert decide(*better, costs=costs, **{f"max_{what}_ratio": 0}).verdict == "PROMOTE"


def test_retraining_noise_widens_the_interval(better: tuple[Path, Path]) -> None:
    """The difference is 1 - 2 / 3; two models that differ only by seed differ by sqrt(2) * 0.1.

    1.99045 is the quantile of Student's t for 95 % and 80 documents.
    """
    quiet, noisy = decide(*better, retraining_noise=0), decide(*better, retraining_noise=0.1)
    below = [d.difference.value - d.difference.low for d in (quiet, noisy)]
    assert below[1] ** 2 - below[0] ** 2 == pytest.approx((1.99045 * 2**0.5 * 0.1) ** 2, rel=1e-5)
    assert noisy.verdict == "PROMOTE"
    noisier = decide(*better, retraining_noise=0.2)
    assert noisier.verdict == "HOLD"
    assert noisier.bound == quiet.bound
    assert "the difference exceeds retraining noise" in failed(noisier)


def test_would_pass_states_the_difference_that_would_be_enough(
    write_predictions: WritePredictions,
) -> None:
    challenger = write_predictions("challenger", [PER_RIGHT] * 12 + [PER_WRONG] * 9 + [PER_RIGHT] * 9)
    champion = write_predictions("champion", [PER_WRONG] * 12 + [PER_RIGHT] * 9 + [PER_RIGHT] * 9)
    decision = decide(challenger, champion)
    value, low = (100 * end for end in (decision.difference.value, decision.difference.low))
    bound = 100 * decision.bound
    assert bound < low
    assert decision.would_pass == [
        f"a difference above {value - bound:+.2f} points instead of {value:+.2f}",
        "a difference that is not due to chance",
    ]
