"""Recent documents, added after the champion was evaluated: they carry no selection bias."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.gate import Opponent, decide_promotion
from seqtag.gate.decision import Decision

WritePredictions = Callable[..., Path]
Decide = Callable[..., Decision]

RIGHT, WRONG = ("a b", "B-X O", "B-X O"), ("a b", "B-X O", "O O")
SHARE = 0.05 / 365


def compared(challenger: Path, champion: Path) -> Decision:
    return decide_promotion(
        challenger,
        Opponent("3", champion, ("O", "B-X")),
        tags=("O", "B-X"),
        scheme="IOB2",
        gate=GateConfig(resamples=500, retraining_noise=0),
        evaluate=EvaluateConfig(),
        metric="span_f1",
        seed=1,
    )


@pytest.fixture
def decide(write_predictions: WritePredictions) -> Decide:
    """Return a function that compares on 200 earlier sequences and a given number of later ones.

    The champion was selected by the earlier ones, where it finds every span and the challenger misses 10. In
    the later ones the challenger finds all spans, the champion half.
    """
    write = partial(write_predictions, numbered=True)

    def decided(
        n_recent: int,
        *,
        tested: Sequence[bool | None] | None = None,
        documents: Sequence[str] | None = None,
    ) -> Decision:
        tested = tested or [True] * 200 + [False] * n_recent
        challenger = write(
            "challenger", [WRONG] * 10 + [RIGHT] * (190 + n_recent), documents=documents, tested=None
        )
        later = [RIGHT if i % 2 else WRONG for i in range(n_recent)]
        champion = write("champion", [RIGHT] * 200 + later, documents=documents, tested=tested)
        return compared(challenger, champion)

    return decided


def test_recent_documents_reveal_a_champion_whose_earlier_score_was_too_high(decide: Decide) -> None:
    """The challenger is better by 20 on all 260, which may be chance, and by 30 on the 60 later ones.

    F1 there: 1, and 2 * 30 / (60 + 30).
    """
    decision = decide(60)
    assert decision.verdict == "PROMOTE"
    assert (decision.challenger, decision.champion) == (1, 60 / 90)
    assert (decision.n_sequences, decision.n_documents) == (60, 60)
    recent = decision.recent
    assert recent is not None
    assert (recent.challenger, recent.champion, recent.champion_before) == (1, 60 / 90, 1)
    assert recent.n_documents == 60
    assert recent.difference == decision.difference
    assert recent.difference.value == pytest.approx(1 / 3)
    assert (recent.difference.support, recent.difference.documents) == (60, 60)
    reach = recent.difference.value - recent.difference.low
    assert decision.standard_error == pytest.approx(reach / 2.000995)  # Student's t for 60 documents
    assert (decision.n_sequences, decision.n_documents) == (60, 60)


def test_both_comparisons_share_the_error_level(decide: Decide) -> None:
    decision = decide(60)
    assert decision.level == SHARE
    assert margin_detail(decision).endswith("; lower bound at an error level of 0.0068%")
    assert margin_detail(decide(49)).endswith("; lower bound at an error level of 0.0137%")


def margin_detail(decision: Decision) -> str:
    return next(r.detail for r in decision.rules if r.rule == "the difference clears the margin")


def test_with_fewer_than_fifty_recent_documents_nothing_changes(decide: Decide) -> None:
    decision, unmarked = decide(49), decide(49, tested=[True] * 249)
    assert decision.verdict == "HOLD"
    assert decision.recent is None
    assert decision == unmarked
    assert (decision.n_sequences, decision.n_documents) == (249, 249)


def test_fifty_recent_documents_are_enough(decide: Decide) -> None:
    recent = decide(50).recent
    assert recent is not None
    assert recent.n_documents == 50


def test_recent_evidence_is_counted_in_documents(decide: Decide) -> None:
    documents = [f"d{i}" for i in range(200)] + [f"e{i % 49}" for i in range(98)]
    decision = decide(98, documents=documents)
    assert decision.recent is None
    assert decision.n_documents == 249


def test_an_entirely_new_test_split_is_compared_once(decide: Decide) -> None:
    """The same applies to a champion without hashes of its test split."""
    for tested in ([False] * 260, [None] * 260):
        decision = decide(60, tested=tested)
        assert (decision.verdict, decision.recent, decision.n_sequences) == ("HOLD", None, 260)


def test_a_challenger_that_is_better_overall_is_promoted_on_all_documents(decide: Decide) -> None:
    """110 of 220 later spans outweigh the 10 earlier ones."""
    decision = decide(220)
    assert (decision.verdict, decision.n_sequences) == ("PROMOTE", 420)
    assert decision.recent is not None
    assert decision.recent.n_documents == 220


def test_recent_documents_do_not_promote_a_challenger_that_is_worse_overall(
    write_predictions: WritePredictions,
) -> None:
    """80 of 200 earlier spans are lost, more than by chance."""
    write = partial(write_predictions, numbered=True)
    challenger = write("challenger", [WRONG] * 80 + [RIGHT] * 180)
    champion = write("champion", [RIGHT] * 200 + [RIGHT, WRONG] * 30, tested=[True] * 200 + [False] * 60)
    decision = compared(challenger, champion)
    assert decision.recent is not None
    assert decision.recent.difference.low > 0
    assert decision.verdict == "REJECT"
    assert decision.n_documents == 260
    assert "no type or slice is worse" in [rule.rule for rule in decision.rules if not rule.passed]
