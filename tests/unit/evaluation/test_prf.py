"""Intervals of shares: Clopper and Pearson for independent trials, wider for few documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from seqtag.config import EvaluateConfig
from seqtag.evaluation import evaluate
from seqtag.evaluation.bootstrap import resampled_totals
from seqtag.evaluation.counts import Dense
from seqtag.evaluation.prf import (
    Interval,
    difference_interval,
    ratio,
    share,
    standard_interval,
    t_reach,
)
from seqtag.evaluation.scores import Scores


def share_of(right: Sequence[float], *, documents: Sequence[int] | None = None) -> Interval:
    """Return the interval of the share of correct tokens, with one token per sequence."""
    n = len(right)
    units = np.arange(n, dtype=np.uint64) if documents is None else np.array(documents, np.uint64)
    counts = Dense(np.stack([np.array(right), np.ones(n)], axis=1).astype(np.float32))
    (totals,) = resampled_totals([counts], units=units, resamples=4000, seed=1)
    n_units = int(totals.n_units[1])
    return share(ratio(*totals.sums.T), trials=n, n_units=n_units, confidence=0.95)


def test_four_of_four_correct_may_be_a_share_of_four_in_ten() -> None:
    """0.025 ** (1 / 4), Clopper and Pearson 1934."""
    found = share_of([1, 1, 1, 1])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.3976, abs=5e-5)
    assert (found.support, found.documents) == (4, 4)


def test_none_of_four_correct_may_be_a_share_of_six_in_ten() -> None:
    found = share_of([0, 0, 0, 0])
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.6024, abs=5e-5)


@pytest.mark.parametrize(
    ("right", "n"), [(10, 20), (18, 20), (19, 20), (45, 50), (80, 100), (99, 100), (500, 1000), (950, 1000)]
)
def test_independent_trials_have_the_interval_of_clopper_and_pearson(right: int, n: int) -> None:
    """Within the noise of the bootstrap, which is larger for fewer trials."""
    found, referee = share_of([1] * right + [0] * (n - right)), binomtest(right, n).proportion_ci()
    assert found.value == right / n
    assert found.low == pytest.approx(referee.low, abs=0.3 / n)
    assert found.high == pytest.approx(referee.high, abs=0.3 / n)


@pytest.mark.parametrize(("right", "n"), [(1, 4), (3, 4), (4, 5), (5, 10), (8, 10), (9, 10)])
def test_few_independent_trials_have_no_narrower_interval_than_clopper_and_pearson(
    right: int, n: int
) -> None:
    found, referee = share_of([1] * right + [0] * (n - right)), binomtest(right, n).proportion_ci()
    assert found.low <= referee.low
    assert found.high >= referee.high
    assert found.high - found.low < referee.high - referee.low + 0.12


def test_forty_sequences_in_four_documents_count_as_four_trials() -> None:
    """The interval is as wide as for four sequences, and far wider than for forty."""
    found = share_of([1] * 40, documents=[i // 10 for i in range(40)])
    assert (found.value, found.high, found.support, found.documents) == (1.0, 1.0, 40, 4)
    assert found.low == share_of([1] * 4).low == pytest.approx(0.3976, abs=5e-5)
    assert share_of([1] * 40).low == pytest.approx(0.9119, abs=5e-5)


def test_equal_sequences_of_a_document_count_as_one_trial() -> None:
    """Three documents right and one wrong: four documents give little evidence of their variance."""
    documents = share_of([1] * 30 + [0] * 10, documents=[i // 10 for i in range(40)])
    each_one, alone = share_of([1, 1, 1, 0]), share_of([1] * 30 + [0] * 10)
    assert documents.value == each_one.value == alone.value == 0.75
    assert documents.low <= each_one.low < alone.low
    assert documents.high >= each_one.high > alone.high


def test_without_variance_each_document_counts_as_one_trial() -> None:
    """Forty documents, each with nine of ten tokens right; the rounding of their means differs."""
    found = share_of(([1] * 9 + [0]) * 40, documents=[i // 10 for i in range(400)])
    referee = binomtest(36, 40).proportion_ci()
    assert (found.low, found.high) == pytest.approx((referee.low, referee.high))


def test_a_single_document_is_one_trial() -> None:
    found = share_of([1] * 200, documents=[7] * 200)
    assert (found.low, found.high, found.documents) == (pytest.approx(0.025), 1.0, 1)


def test_a_share_of_nothing_has_no_interval() -> None:
    found = share(np.array([np.nan, np.nan]), trials=0, n_units=0, confidence=0.95)
    assert found == Interval(value=None, low=None, high=None, support=0, documents=0)


def test_intervals_depend_on_the_number_of_documents() -> None:
    """40 sequences in 4 documents: all scores report and use 4 units."""
    tags = pa.array([["B-X", "O"]] * 40)
    config = EvaluateConfig(resamples=500)

    def scored(units: np.ndarray) -> Scores:
        return evaluate(tags, tags, scheme="IOB2", metric="span_f1", config=config, seed=1, units=units)

    four = scored(np.arange(40, dtype=np.uint64) % 4)
    for found in (four.score, four.spans["conlleval"].types["X"].recall, four.tags["O"].f1):
        assert (found.value, found.low, found.high) == (1.0, pytest.approx(0.3976, abs=5e-5), 1.0)
        assert (found.support, found.documents) == (40, 4)
    assert scored(np.arange(40, dtype=np.uint64)).score.low == pytest.approx(0.9119, abs=5e-5)


TAGS = st.sampled_from(["O", "B-X", "I-X", "B-Y", "B-Z"])
SEQUENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=5), min_size=1, max_size=12)


@given(SEQUENCES, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_every_score_lies_inside_its_interval(
    sequences: list[list[tuple[str, str]]], n_documents: int
) -> None:
    """This includes macro F1, although its mean is over different types in each resample."""
    gold, predicted = ([[pair[side] for pair in s] for s in sequences] for side in (0, 1))
    scores = evaluate(
        pa.array(gold),
        pa.array(predicted),
        scheme="IOB2",
        metric="span_f1",
        config=EvaluateConfig(resamples=100),
        seed=1,
        units=np.arange(len(sequences), dtype=np.uint64) % n_documents,
    )
    spans = scores.spans["conlleval"]
    for prf in (spans.macro, spans.micro, *spans.types.values(), *scores.tags.values()):
        for name in ("precision", "recall", "f1"):
            found = getattr(prf, name)
            if found.value is not None:
                assert 0 <= found.low <= found.value + 1e-12, name
                assert found.value - 1e-12 <= found.high <= 1, name


def test_macro_f1_lies_inside_its_interval_if_a_rare_type_is_missed() -> None:
    """X found in 30 sequences, Y missed in one: a resample without that one has a macro F1 of 1.

    Plain percentiles would be [0.5, 1] with most of their mass at 1.
    """
    gold = pa.array([["B-X"]] * 30 + [["B-Y"]])
    predicted = pa.array([["B-X"]] * 30 + [["O"]])
    config = EvaluateConfig(resamples=1000)
    macro = (
        evaluate(gold, predicted, scheme="IOB2", metric="span_f1", config=config, seed=1)
        .spans["conlleval"]
        .macro.f1
    )
    assert (macro.value, macro.support, macro.documents) == (0.5, 31, 31)
    assert 0 < macro.low < 0.2
    assert 0.8 < macro.high < 1


def test_the_interval_of_a_difference_is_students_t() -> None:
    """2.262157 is the quantile for 95 % and 10 units."""
    differences = np.array([0.1, *np.random.default_rng(1).normal(0.1, 0.02, 1000)])
    found = standard_interval(differences, support=50, n_units=10, confidence=0.95)
    reach = 2.262157 * np.std(differences[1:], ddof=1)
    assert (found.low, found.high) == pytest.approx((0.1 - reach, 0.1 + reach))
    assert (found.support, found.documents) == (50, 10)


def test_the_interval_of_a_single_unit_is_unbounded() -> None:
    assert t_reach(0.975, 1, deviation=0.01) == t_reach(0.975, 1, deviation=0.0) == float("inf")
    assert t_reach(0.975, 2, deviation=0.0) == 0
    found = standard_interval(np.array([0.25, 0.25, 0.0]), support=9, n_units=1, confidence=0.95)
    assert found == Interval(value=0.25, low=-1.0, high=1.0, support=9, documents=1)
    assert difference_interval(0.75, 0.5, support=9, n_units=3).high == 1.0
