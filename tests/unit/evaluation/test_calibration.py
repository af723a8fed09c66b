"""Calibration: values worked out by hand, a plain loop as referee, and empty inputs."""

from __future__ import annotations

import doctest
import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.config import EvaluateConfig
from seqtag.evaluation import calibration as module
from seqtag.evaluation.calibration import Largest, calibration
from seqtag.evaluation.counts import TagPairs, pair_tags
from seqtag.evaluation.prf import Interval

CONFIG = EvaluateConfig(resamples=100)


def tag_pairs(*sequences: tuple[str, str]) -> TagPairs:
    """Return the pairs of (gold tags, predicted tags)."""
    gold, predicted = ([s[side].split() for s in sequences] for side in (0, 1))
    tags = pa.list_(pa.string())
    return pair_tags(pa.array(gold, tags), pa.array(predicted, tags))


def judge(
    pairs: TagPairs, confidences: list[float], *, spans: list[float] | None = None, **changes: Any
) -> Any:
    arguments = {
        "units": np.arange(pairs.n_sequences, dtype=np.uint64),
        "scheme": "none" if spans is None else "IOB2",
        "config": CONFIG,
        "seed": 1,
        **changes,
    }
    of_spans = None if spans is None else np.array(spans, np.float32)
    return calibration(pairs, np.array(confidences, np.float32), span_confidences=of_spans, **arguments)


@pytest.fixture(scope="module")
def four_tokens() -> Any:
    """Two bins. (0, 0.5]: 0.25 right, 0.5 wrong. (0.5, 1]: 0.75 right, 1.0 wrong."""
    return judge(tag_pairs(("A A", "A B"), ("A A", "A B")), [0.25, 0.5, 0.75, 1.0], n_bins=2).tokens


def test_each_bin_has_mean_confidence_accuracy_and_support(four_tokens: Any) -> None:
    sure, surer = four_tokens.bins
    assert (sure.low, sure.high, surer.low, surer.high) == (0.0, 0.5, 0.5, 1.0)
    assert (sure.mean_confidence, surer.mean_confidence) == (0.375, 0.875)
    assert (sure.accuracy.value, surer.accuracy.value) == (0.5, 0.5)
    assert (sure.accuracy.support, surer.accuracy.support) == (2, 2)


def test_expected_calibration_error_weights_bins_by_support(four_tokens: Any) -> None:
    """Half of |0.375 - 0.5| and half of |0.875 - 0.5|."""
    assert four_tokens.ece.value == 0.25
    assert four_tokens.ece.support == 4


def test_maximum_calibration_error_is_that_of_the_worst_bin(four_tokens: Any) -> None:
    assert four_tokens.mce == Largest(value=0.375, support=2)


def test_the_gap_is_mean_confidence_minus_accuracy(four_tokens: Any) -> None:
    assert four_tokens.mean_confidence.value == 0.625
    assert four_tokens.accuracy.value == 0.5
    assert four_tokens.gap.value == 0.125


def test_brier_score_is_the_mean_squared_distance_from_the_outcome(four_tokens: Any) -> None:
    """0.75 squared, 0.5 squared, 0.25 squared and 1."""
    assert four_tokens.brier.value == (0.5625 + 0.25 + 0.0625 + 1) / 4


def test_bins_of_equal_mass_have_equally_many_tokens() -> None:
    """(0.6 wrong, 0.8 right) and (0.9 right, 1.0 right): |0.7 - 0.5| and |0.95 - 1|."""
    found = judge(tag_pairs(("A A A A", "A A A B")), [0.9, 1.0, 0.8, 0.6], n_bins=2).tokens
    assert found.ece_equal_mass.value == pytest.approx((0.2 + 0.05) / 2)
    assert found.ece.value == pytest.approx(0.825 - 0.75)


def test_a_confidence_on_a_bound_belongs_to_the_lower_bin() -> None:
    bins = judge(tag_pairs(("A A A", "A A A")), [0.0, 0.25, 1.0], n_bins=4).tokens.bins
    assert [b.accuracy.support for b in bins] == [2, 0, 0, 1]


def test_a_bin_without_tokens_has_no_accuracy() -> None:
    low, _ = judge(tag_pairs(("A", "A")), [0.75], n_bins=2).tokens.bins
    assert low.mean_confidence is None
    assert low.accuracy == Interval(value=None, low=None, high=None, support=0, documents=0)


def test_the_default_number_of_bins_is_fifteen() -> None:
    assert len(judge(tag_pairs(("A", "A")), [1.0]).tokens.bins) == 15


# Predicted, as conlleval reads them: X[0,2) right, Y[3,4) of the wrong type | X[0,1) too short, X[2,3) right.
SPANS = tag_pairs(("B-X I-X O B-X", "B-X I-X O B-Y"), ("B-X I-X I-X O", "B-X O I-X O"))
TOKENS = [0.9, 0.8, 1.0, 0.7, 0.9, 0.6, 0.5, 1.0]
IN_SPANS = [0.75, 0.75, 1.0, 0.5, 0.25, 0.6, 0.5, 1.0]


def test_a_span_is_right_if_type_and_both_ends_are() -> None:
    """Spans with 0.75, 0.5, 0.25 and 0.5: only the first is right; I-X after O is a wrong span."""
    spans = judge(SPANS, TOKENS, spans=IN_SPANS, n_bins=2).spans
    assert spans.support == 4
    assert spans.accuracy.value == 0.25
    assert spans.mean_confidence.value == 0.5
    assert spans.ece.value == (1.25 + 0.25) / 4  # three in the lower bin, none right; one in the upper
    assert spans.mce == Largest(value=pytest.approx(1.25 / 3), support=3)
    assert spans.brier.value == (0.0625 + 0.25 + 0.0625 + 0.25) / 4


def test_a_token_outside_spans_counts_only_as_a_token() -> None:
    found = judge(SPANS, TOKENS, spans=IN_SPANS)
    assert (found.tokens.support, found.spans.support) == (8, 4)


def test_spans_need_a_scheme_and_confidences() -> None:
    assert judge(SPANS, TOKENS).spans is None
    assert judge(SPANS, TOKENS, scheme="IOB2").spans is None


def test_without_predicted_spans_their_scores_are_none() -> None:
    spans = judge(tag_pairs(("B-X O", "O O")), [0.9, 0.9], spans=[0.9, 0.9]).spans
    assert spans.support == 0
    for name in ("accuracy", "mean_confidence", "gap", "ece", "ece_equal_mass", "brier"):
        assert getattr(spans, name) == Interval(value=None, low=None, high=None, support=0, documents=0)
    assert spans.mce == Largest(value=None, support=0)
    assert {b.accuracy.support for b in spans.bins} == {0}


def test_a_split_without_tokens_has_no_scores() -> None:
    tokens = judge(tag_pairs(), []).tokens
    assert (tokens.support, tokens.ece.value, tokens.brier.high) == (0, None, None)


def test_calibration_is_plain_json_and_reproducible_by_seed() -> None:
    def written(seed: int) -> str:
        return json.dumps(asdict(judge(SPANS, TOKENS, spans=IN_SPANS, seed=seed)), allow_nan=False)

    assert written(1) == written(1)
    assert written(1) != written(2)


def test_a_model_that_is_always_certain_and_right_has_no_error() -> None:
    tokens = judge(tag_pairs(("A A", "A A")), [1.0, 1.0]).tokens
    assert tokens.ece == Interval(value=0, low=0, high=0, support=2, documents=1)


SEQUENCES = st.lists(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), max_size=6), min_size=1, max_size=6
)


@given(SEQUENCES, st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_errors_match_a_plain_loop(sequences: list[list[tuple[float, bool]]], n_bins: int) -> None:
    found = judge_events(sequences, n_bins)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in (event for sequence in sequences for event in sequence):
        number = next(b for b in range(n_bins) if sure <= (b + 1) / n_bins)
        bins.setdefault(number, []).append((sure, right))
    n = sum(map(len, bins.values()))
    distances = [abs(sum(s for s, _ in b) - sum(r for _, r in b)) for b in bins.values()]
    if not n:
        assert found.ece.value is None
        return
    assert found.ece.value == pytest.approx(sum(distances) / n, abs=1e-6)
    largest = max(d / len(b) for d, b in zip(distances, bins.values(), strict=True))
    assert found.mce.value == pytest.approx(largest, abs=1e-6)
    assert [b.accuracy.support for b in found.bins] == [len(bins.get(b, [])) for b in range(n_bins)]


@given(SEQUENCES)
@settings(max_examples=50, deadline=None)
def test_the_order_of_sequences_does_not_matter(sequences: list[list[tuple[float, bool]]]) -> None:
    one, other = judge_events(sequences, 10), judge_events(sequences[::-1], 10)
    for name in ("ece", "ece_equal_mass", "mce", "gap", "brier"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, abs=1e-6)


@given(SEQUENCES, st.integers(2, 8))
@settings(max_examples=50, deadline=None)
def test_an_interval_contains_its_error(sequences: list[list[tuple[float, bool]]], n_bins: int) -> None:
    for name in ("ece", "ece_equal_mass"):
        error = getattr(judge_events(sequences, n_bins), name)
        if error.low is not None:
            assert 0 <= error.low <= error.value <= error.high <= 1


@pytest.mark.parametrize("too_sure", [0.0, 0.1])
def test_the_interval_covers_the_true_error_at_about_its_confidence(too_sure: float) -> None:
    """300 test splits of 100 sequences; a tag of confidence c is right with probability c, or c - 0.1.

    Plain percentiles would cover an error of 0 never.
    """
    config = EvaluateConfig(resamples=400)
    generator = np.random.default_rng(1)
    covered = 0
    for trial in range(300):
        offsets = np.append(0, np.cumsum(generator.integers(1, 20, 100)))
        sure = generator.uniform(0.5, 1, offsets[-1]).astype(np.float32)
        right = generator.random(len(sure)) < sure - too_sure
        pairs = TagPairs(("A", "B"), np.zeros(len(sure), np.int32), (~right).astype(np.int32), offsets)
        error = judge(pairs, sure, config=config, seed=trial, n_bins=10).tokens.ece
        covered += error.low <= too_sure <= error.high
    assert covered / 300 == pytest.approx(0.95, abs=0.05)


def test_the_tokens_of_a_document_are_drawn_together() -> None:
    """40 sequences with one in eight tokens wrong: as 40 or 4 documents, or as 4 longer sequences."""
    pairs = tag_pairs(*[("A A A A", "A A A B")] * 20, *[("A A A A", "A A A A")] * 20)
    sure = np.tile([0.875, 0.75, 0.875, 0.625], 40)
    alone = judge(pairs, sure).tokens
    in_documents = judge(pairs, sure, units=np.repeat(np.arange(4, dtype=np.uint64), 10)).tokens
    long = tag_pairs(*[("A A A A " * 10, "A A A B " * 10)] * 2, *[("A A A A " * 10, "A A A A " * 10)] * 2)
    assert in_documents == judge(long, sure).tokens
    assert (alone.accuracy.documents, in_documents.accuracy.documents) == (40, 4)
    for name in ("accuracy", "gap", "brier"):
        wide, narrow = getattr(in_documents, name), getattr(alone, name)
        assert wide.value == pytest.approx(narrow.value)
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_bins_of_equal_mass_keep_equal_values_together() -> None:
    assert module.equal_mass(np.array([0.5] * 7 + [0.75]), 4).tolist() == [0.5]
    assert module.equal_mass(np.arange(30) / 30, 15).tolist() == (np.arange(1, 28, 2) / 30).tolist()


def test_the_examples_hold() -> None:
    assert doctest.testmod(module).failed == 0


def judge_events(sequences: list[list[tuple[float, bool]]], n_bins: int) -> Any:
    """Return the reliability of tokens given as (confidence, right)."""
    predicted = [" ".join("A" if right else "B" for _, right in s) for s in sequences]
    pairs = tag_pairs(*(("A " * len(s), p) for s, p in zip(sequences, predicted, strict=True)))
    return judge(pairs, [math.fabs(sure) for s in sequences for sure, _ in s], n_bins=n_bins).tokens
