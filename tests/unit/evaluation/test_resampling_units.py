"""Resampling units: documents, and repeated sequences as one."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from pathlib import Path

import numpy as np

from seqtag.config import EvaluateConfig
from seqtag.evaluation import evaluate_predictions
from seqtag.evaluation import resampling_units as units
from seqtag.evaluation.predictions import read_predictions
from seqtag.evaluation.resampling_units import resampling_units

WritePredictions = Callable[..., Path]


def grouped(path: Path) -> list[list[int]]:
    """Return groups of the indices of sequences that are drawn together."""
    found = read_predictions(path, scheme="none").units
    return sorted(np.flatnonzero(found == unit).tolist() for unit in np.unique(found))


def test_the_sequences_of_a_document_are_one_unit(write_predictions: WritePredictions) -> None:
    sequences = [("a", "O", "O"), ("b", "O", "O"), ("c", "O", "O"), ("d", "O", "O")]
    assert grouped(write_predictions("p", sequences, documents=["x", "y", "x", "y"])) == [[0, 2], [1, 3]]


def test_a_sequence_repeated_in_several_documents_is_one_unit(write_predictions: WritePredictions) -> None:
    sequences = [("login ok", "O O", "O O"), ("a", "O", "O"), ("login ok", "O O", "O O"), ("b", "O", "O")]
    assert grouped(write_predictions("p", sequences, documents=["x", "x", "y", "y"])) == [[0, 2], [1], [3]]


def test_a_sequence_repeated_in_its_own_document_stays_in_it(write_predictions: WritePredictions) -> None:
    sequences = [("yes", "O", "O"), ("yes", "O", "O"), ("a", "O", "O"), ("b", "O", "O")]
    assert grouped(write_predictions("p", sequences, documents=["x", "x", "x", "y"])) == [[0, 1, 2], [3]]


def test_equal_sequences_with_different_tags_are_one_unit(write_predictions: WritePredictions) -> None:
    """A tagger gives them the same tags, regardless of gold tags."""
    sequences = [("click", "B-X", "O"), ("click", "O", "O"), ("a", "O", "O")]
    assert grouped(write_predictions("p", sequences)) == [[0, 1], [2]]


def test_word_boundaries_distinguish_sequences(write_predictions: WritePredictions) -> None:
    sequences = [("ab c", "O O", "O O"), ("a bc", "O O", "O O")]
    assert grouped(write_predictions("p", sequences)) == [[0], [1]]


def test_no_sequences_have_no_units() -> None:
    nothing = np.zeros(0, np.uint64)
    assert resampling_units(nothing, nothing).tolist() == []


def test_metrics_state_the_number_of_documents(write_predictions: WritePredictions) -> None:
    """4 of 40 sequences in 4 documents are repeated in all documents."""
    words = [f"w{i}" if i % 10 else "repeated" for i in range(40)]
    path = write_predictions(
        "p", [(word, "B-X", "B-X") for word in words], documents=[f"d{i // 10}" for i in range(40)]
    )
    metrics = evaluate_predictions(
        path,
        None,
        train=path,
        scheme="IOB2",
        config=EvaluateConfig(resamples=100),
        metric="span_f1",
        seed=1,
    )
    assert (metrics.n_sequences, metrics.n_documents) == (40, 5)
    score = metrics.challenger.score
    assert (score.value, score.support, score.documents) == (1.0, 40, 5)
    assert round(score.low, 4) == 0.4782  # 0.025 ** (1 / 5)


def test_the_examples_hold() -> None:
    assert doctest.testmod(units).failed == 0
