"""Paired test: false promotions of equally good models, and the width of the interval."""

from __future__ import annotations

import numpy as np
import pytest

from seqtag.config import GateConfig
from seqtag.gate.paired_test import paired_difference
from seqtag.gate.retraining_noise import RetrainingNoise


def test_noise_counts_even_if_every_document_differs_by_the_same_amount() -> None:
    """1 token in 100 of every document: another test split would not differ, another training would."""
    better, worse = (np.tile(np.array([[right, 100]], np.float32), (40, 1)) for right in (100, 99))

    def compared(noise: float) -> dict[str, bool]:
        found = paired_difference(
            better, worse, units=np.arange(40, dtype=np.uint64), gate=GateConfig(resamples=200), level=0.001,
            noise=RetrainingNoise(noise, "configured"), seed=1,
        )  # fmt: skip
        assert found.interval.value == pytest.approx(0.01)
        return {rule.rule: rule.passed for rule in found.rules}

    assert compared(0.001)["the difference exceeds retraining noise"]
    assert not compared(0.01)["the difference exceeds retraining noise"]


def verdicts_of_equals(n_sequences: int, *, share: float, n_documents: int, level: float) -> list[str]:
    """Return 1,000 verdicts on two taggers that find a span with the same probability.

    They tag `share` of the documents independently and the others equally. In documents of several sequences,
    a tagger finds all spans of a document, or none.
    """
    generator = np.random.default_rng(11)
    gate, verdicts = GateConfig(resamples=200), []
    units = np.sort(np.arange(n_sequences) % n_documents).astype(np.uint64)
    for trial in range(1000):
        n_spans = generator.integers(1, 4, n_sequences)
        if n_documents == n_sequences:
            ours, theirs = generator.binomial(n_spans, 0.8, (2, n_sequences))
        else:
            ours, theirs = n_spans * (generator.random((2, n_documents)) < 0.8)[:, units]
        theirs = np.where((generator.random(n_documents) < share)[units], theirs, ours)
        counts = [np.stack([2 * n, 2 * n_spans], axis=1).astype(np.float32) for n in (ours, theirs)]
        found = paired_difference(
            *counts, units=units, gate=gate, level=level, noise=RetrainingNoise(0.0, "none"), seed=trial
        )
        verdicts.append(found.verdict)
    return verdicts


@pytest.mark.parametrize(
    ("n_sequences", "share", "n_documents"),
    [(60, 0.2, 60), (300, 0.05, 300), (300, 0.5, 300), (300, 0.5, 60)],
)
def test_equally_good_taggers_are_rarely_promoted(n_sequences: int, share: float, n_documents: int) -> None:
    """2.5 % promotions at an error level of 2.5 %, with four standard errors of room."""
    verdicts = verdicts_of_equals(n_sequences, share=share, n_documents=n_documents, level=0.025)
    assert verdicts.count("PROMOTE") <= 45
    assert verdicts.count("REJECT") <= 45
    assert verdicts.count("HOLD") >= 900


def test_at_the_level_of_a_year_equally_good_taggers_are_hardly_ever_promoted() -> None:
    """1 in 7,300: more than 2 in 1,000 occur in 0.04 % of such tests."""
    verdicts = verdicts_of_equals(300, share=0.5, n_documents=300, level=0.05 / 365)
    assert verdicts.count("PROMOTE") <= 2


def test_randomization_swaps_whole_documents() -> None:
    """All documents favour one side: 2 of the 8 ways to swap 3 differ as much; of 2 ** 39 hardly any."""
    better, worse = np.ones((39, 2), np.float32), np.tile(np.array([[0, 1]], np.float32), (39, 1))

    def p_value(units: np.ndarray) -> float:
        return paired_difference(
            better, worse, units=units, gate=GateConfig(resamples=200), level=0.001,
            noise=RetrainingNoise(0.0, "none"), seed=1,
        ).p_value  # fmt: skip

    assert p_value(np.arange(39, dtype=np.uint64) % 3) == pytest.approx(0.25, abs=0.04)
    assert p_value(np.arange(39, dtype=np.uint64)) < 0.0002
