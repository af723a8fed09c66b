"""Token and span scores, compared with counts worked out by hand and with seqeval."""

from __future__ import annotations

import doctest
import warnings

import pyarrow as pa
import pytest
import seqeval.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import scheme as seqeval_schemes

from seqtag.config import EvaluateConfig
from seqtag.errors import ConfigError, TagSchemeError
from seqtag.evaluation import evaluate, metric, prf, resolve_metric, score_value
from seqtag.evaluation.prf import Interval
from seqtag.evaluation.scores import ConfusionMatrix, Scores

CONFIG = EvaluateConfig(resamples=100)


def tag_array(*sequences: str) -> pa.ListArray:
    return pa.array([sequence.split() for sequence in sequences], pa.list_(pa.string()))


# 8 tokens, 6 right. Gold spans: X[0,2), Y[3,4) | X[0,1), X[2,3).
GOLD = tag_array("B-X I-X O B-Y", "B-X O B-X O")
# Predicted: X[0,2), X[3,4) | X[0,1); the I-X after O is a span for conlleval only.
PREDICTED = tag_array("B-X I-X O B-X", "B-X O I-X O")


@pytest.fixture(scope="module")
def scores() -> Scores:
    return evaluate(GOLD, PREDICTED, scheme="IOB2", metric="span_f1", config=CONFIG, seed=1)


def test_accuracy_is_the_share_of_right_tokens(scores: Scores) -> None:
    assert scores.accuracy.value == 6 / 8
    assert scores.accuracy.support == 8


def test_micro_scores_of_both_modes(scores: Scores) -> None:
    """conlleval: 4 gold, 4 predicted, 3 right; strict: 4 gold, 3 predicted, 2 right."""
    lenient, strict = (scores.spans[mode].micro for mode in ("conlleval", "strict"))
    assert [each.value for each in (lenient.precision, lenient.recall, lenient.f1)] == [3 / 4, 3 / 4, 3 / 4]
    assert [each.value for each in (strict.precision, strict.recall, strict.f1)] == [2 / 3, 2 / 4, 4 / 7]
    assert (strict.support, strict.predicted) == (4, 3)
    assert strict.precision.support == 3
    assert strict.recall.support == 4


def test_scores_per_type_with_support(scores: Scores) -> None:
    """X: 3 gold, 4 predicted, 3 right. Y: 1 gold, none predicted: precision is 0 / 0."""
    types = scores.spans["conlleval"].types
    assert types["X"].f1.value == 6 / 7
    assert types["Y"].precision.value is None
    assert types["Y"].f1.value == 0
    assert (types["Y"].support, types["Y"].predicted) == (1, 0)


def test_macro_is_the_mean_over_types_with_gold_support() -> None:
    """X is always found, Y never; Z is only predicted and does not count."""
    scores = evaluate(
        tag_array("B-X O B-Y O"),
        tag_array("B-X O O B-Z"),
        scheme="IOB2",
        metric="span_f1",
        config=CONFIG,
        seed=1,
    )
    macro = scores.spans["conlleval"].macro
    assert [each.value for each in (macro.precision, macro.recall, macro.f1)] == [0.5, 0.5, 0.5]
    assert list(scores.spans["conlleval"].types) == ["X", "Y", "Z"]
    assert scores.spans["conlleval"].types["Z"].support == 0


def test_scores_per_tag_and_confusion(scores: Scores) -> None:
    """B-X: 3 gold, 3 predicted, 2 right (one for B-Y, one missed as I-X)."""
    assert scores.tags["B-X"].precision.value == 2 / 3
    assert scores.tags["B-X"].recall.value == 2 / 3
    assert scores.tags["O"].f1.value == 1
    assert scores.confusion == ConfusionMatrix(
        tags=["B-X", "B-Y", "I-X", "O"], counts=[[2, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 3]]
    )


def test_the_score_is_the_requested_metric(scores: Scores) -> None:
    assert scores.score == scores.span_f1 == scores.spans["conlleval"].micro.f1
    by_accuracy = evaluate(GOLD, PREDICTED, scheme="IOB2", metric="accuracy", config=CONFIG, seed=1)
    assert by_accuracy.score == by_accuracy.accuracy
    assert by_accuracy.span_f1 == scores.span_f1


def test_without_a_scheme_there_are_no_span_scores() -> None:
    scores = evaluate(
        tag_array("DET NOUN"),
        tag_array("DET VERB"),
        scheme="none",
        metric="accuracy",
        config=CONFIG,
        seed=1,
    )
    assert scores.score.value == 0.5
    assert scores.span_f1 is None
    assert scores.spans is None
    assert scores.slices[0].span_recall is None


def test_nothing_to_count_gives_none_instead_of_zero() -> None:
    scores = evaluate(
        tag_array("O O"), tag_array("O O"), scheme="IOB2", metric="span_f1", config=CONFIG, seed=1
    )
    assert scores.score == Interval(value=None, low=None, high=None, support=0, documents=0)
    assert scores.accuracy.value == 1
    assert scores.spans["conlleval"].types == {}


def test_no_sequences_at_all() -> None:
    scores = evaluate(tag_array(), tag_array(), scheme="IOB2", metric="span_f1", config=CONFIG, seed=1)
    assert scores.accuracy.value is None
    assert scores.confusion == ConfusionMatrix(tags=[], counts=[])
    assert scores.slices == []


def test_predictions_of_another_length_are_rejected() -> None:
    expected = "expected 1 sequences with 2 tags of the same lengths, got 1 sequences with 1 tags"
    with pytest.raises(ConfigError, match=expected):
        evaluate(tag_array("O O"), tag_array("O"), scheme="IOB2", metric="accuracy", config=CONFIG, seed=1)


@pytest.mark.parametrize(
    ("asked", "scheme", "resolved"),
    [
        ("auto", "none", "accuracy"),
        ("auto", "IOB1", "span_f1"),
        ("auto", "IOBES", "span_f1"),
        ("accuracy", "IOB2", "accuracy"),
        ("span_f1", "IOB2", "span_f1"),
    ],
)
def test_the_metric_follows_from_the_scheme(asked: str, scheme: str, resolved: str) -> None:
    assert resolve_metric(asked, scheme) == resolved


def test_span_f1_is_rejected_without_a_scheme() -> None:
    with pytest.raises(ConfigError, match=r"gate\.metric has no spans to score"):
        resolve_metric("span_f1", "none")
    with pytest.raises(ConfigError, match=r"gate\.metric has no spans to score"):
        evaluate(GOLD, PREDICTED, scheme="none", metric="span_f1", config=CONFIG, seed=1)


@pytest.mark.parametrize("metric_name", ["accuracy", "span_f1"])
def test_the_fast_score_equals_the_full_one(metric_name: str) -> None:
    scores = evaluate(GOLD, PREDICTED, scheme="IOB2", metric=metric_name, config=CONFIG, seed=1)
    fast = score_value(GOLD, PREDICTED, metric=metric_name, scheme="IOB2")
    assert fast == scores.score.value


def test_the_fast_score_of_nothing_is_nan() -> None:
    assert str(score_value(tag_array("O"), tag_array("O"), metric="span_f1", scheme="IOB2")) == "nan"
    with pytest.raises(TagSchemeError, match="scheme 'none' has no spans"):
        score_value(tag_array("O"), tag_array("O"), metric="span_f1", scheme="none")


@st.composite
def tag_pairs(draw: st.DrawFn, scheme: str) -> tuple[list[list[str]], list[list[str]]]:
    prefixes = "BIES" if scheme == "IOBES" else "BI"
    tags = st.sampled_from(["O", *(f"{p}-{t}" for p in prefixes for t in ("X", "Y", "Z"))])
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    both = [draw(st.lists(st.tuples(tags, tags), min_size=n, max_size=n)) for n in lengths]
    return [[g for g, _ in pairs] for pairs in both], [[p for _, p in pairs] for pairs in both]


@settings(deadline=None)  # no deadline: the machine may be busy
@given(st.data(), st.sampled_from(["IOB2", "IOBES"]), st.sampled_from(["conlleval", "strict"]))
def test_seqeval_gives_the_same_scores(data: st.DataObject, scheme: str, mode: str) -> None:
    gold, predicted = data.draw(tag_pairs(scheme))
    strictly = {"mode": "strict", "scheme": getattr(seqeval_schemes, scheme)} if mode == "strict" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns of 0 / 0, and numpy of seqeval
        report = (
            seqeval.metrics.classification_report(gold, predicted, output_dict=True, **strictly)
            if any(t != "O" for s in gold + predicted for t in s)
            else {}
        )
    spans = evaluate(
        pa.array(gold), pa.array(predicted), scheme=scheme, metric="span_f1", config=CONFIG, seed=1
    ).spans[mode]
    for type_, theirs in report.items():
        if type_ in ("macro avg", "weighted avg"):
            continue  # seqeval averages over predicted types too
        ours = spans.micro if type_ == "micro avg" else spans.types[type_]
        assert ours.support == theirs["support"]
        for figure, name in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert (getattr(ours, figure).value or 0) == pytest.approx(theirs[name])


def test_the_examples_hold() -> None:
    assert doctest.testmod(prf).failed == 0
    assert doctest.testmod(metric).failed == 0
