"""Split scores: calibration of the probabilities of tags and spans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seqtag.errors import RunDirError
from seqtag.evaluation import predictions
from tests.unit.evaluation.scored_files import (
    GENRES,
    TEST,
    WritePredictions,
    judge,
)

SURE = ["0.5 0.75", "1 1 0.5", "0.25", "0.75 1 1 0.5"]


def test_tokens_are_calibrated_by_the_probability_of_their_tag(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    """6 of 10 tokens are right; the probabilities add up to 7.25."""
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=SURE)
    calibration = judge(files).challenger.calibration
    assert calibration.tokens.support == 10
    assert calibration.tokens.gap.value == pytest.approx(0.725 - 0.6)
    assert calibration.spans is None


def test_spans_are_calibrated_by_their_own_probability(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    """Predicted: ann, new york, ann/PER (wrong), ann, too (wrong)."""
    of_spans = ["0.5 0.75", "1 1 0.5", "0.25", "0.75 1 1 0.5"]
    files["challenger"] = write_predictions(
        "challenger", TEST, genre=GENRES, confidence=SURE, span_confidence=of_spans
    )
    spans = judge(files).challenger.calibration.spans
    assert spans.support == 5
    assert spans.accuracy.value == 3 / 5
    assert spans.mean_confidence.value == (0.5 + 1 + 0.75 + 1 + 0.5) / 5


def test_a_champion_without_probabilities_is_scored_without_calibration(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    before = judge(files).champion
    champion = [(words, gold, "O " * len(words.split())) for words, gold, _ in TEST]
    files["champion"] = write_predictions("champion", champion, genre=GENRES, drop=["confidence"])
    metrics = judge(files)
    assert metrics.champion == replace(before, calibration=None)
    assert metrics.challenger.calibration.tokens.support == 10


def test_unlabelled_sequences_do_not_shift_the_probabilities_of_others(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=SURE)
    labelled = judge(files).challenger.calibration
    files["challenger"] = write_predictions(
        "challenger",
        [*TEST[:1], ("who knows", None, "B-PER O"), *TEST[1:]],
        genre=["x", *GENRES],
        confidence=[*SURE[:1], "0.1 0.2", *SURE[1:]],
        documents=["d0", "new", "d1", "d2", "d3"],
    )
    assert judge(files, champion=None).challenger.calibration == labelled


@pytest.mark.parametrize("probabilities", ["0.5 1.25", "nan 1", "-0.5 1"])
def test_a_probability_outside_0_and_1_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions, probabilities: str
) -> None:
    sure = [probabilities, *SURE[1:]]
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=sure)
    with pytest.raises(RunDirError, match=r"confidence: probability is out of range: expected \[0, 1\]"):
        judge(files)


def test_a_probability_above_1_by_rounding_is_clipped(write_predictions: WritePredictions) -> None:
    path = write_predictions("challenger", [("a b", "O O", "O O")], confidence=["1.000001 0.5"])
    read = predictions.read_predictions(path, scheme="IOB2")
    assert read.confidence is not None
    assert read.confidence.tolist() == [1.0, 0.5]


def test_a_missing_probability_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=["1", *SURE[1:]])
    with pytest.raises(RunDirError, match="probabilities do not match tokens"):
        judge(files)
