import numpy as np
import pytest

from seqtag.config import FeaturesConfig
from seqtag.features import TagIndex, Vocabulary, read_word_types
from seqtag.neural.training.dev_evaluation import DevSplit
from seqtag.neural.windowed_inference import OUTPUT
from tests.unit.neural.toy import buckets_of, make_corpus


class Oracle:
    """Predicts the tag id listed for each word."""

    def __init__(self, tag_of_word):
        self._tags = np.array(tag_of_word, dtype=np.int32)

    def word_type_vectors(self, word_types):
        return self._tags[word_types["word_ids"]]

    def predict(self, vectors, positions, columns):  # noqa: ARG002
        output = np.zeros(positions.shape, dtype=OUTPUT)
        output["tag_id"] = vectors[positions]
        return output


TRAIN = [[("a", "O"), ("b", "B-X"), ("c", "I-X")] * 3] * 2


def dev_split(tmp_path, dev, *, metric, scheme="IOB2"):
    features = FeaturesConfig(bucket_lengths=(2, 4), window_overlap=2)
    corpus = make_corpus(tmp_path, {"train": TRAIN, "dev": dev}, scheme=scheme, features=features)
    tags, vocabulary = TagIndex.load(corpus.vocabulary), Vocabulary.load(corpus.vocabulary)
    assert tags.tags == ("B-X", "I-X", "O")
    word_types = {"word_ids": np.append(0, vocabulary.ids(read_word_types(corpus.encoded / "dev")))}
    return DevSplit(buckets_of(corpus, "dev"), word_types, tags, metric=metric)


PERFECT = Oracle([9, 9, 2, 0, 1])  # <pad>, <unk>, a, b, c
ALL_O = Oracle([9, 9, 2, 2, 2])


@pytest.mark.parametrize("metric", ["accuracy", "span_f1"])
def test_correct_tags_score_one_even_in_sequences_of_several_windows(tmp_path, metric):
    dev = [[("b", "B-X"), ("c", "I-X"), ("a", "O")] * 4, [("a", "O")], [("b", "B-X")] * 5]
    assert dev_split(tmp_path, dev, metric=metric).score(PERFECT) == (1.0, 1.0)


def test_span_f1_is_scored_in_addition_to_accuracy(tmp_path):
    dev = [[("a", "O"), ("a", "O"), ("a", "O"), ("b", "B-X")]]
    assert dev_split(tmp_path, dev, metric="span_f1").score(ALL_O) == (0.0, 0.75)


@pytest.mark.parametrize("metric", ["accuracy", "span_f1"])
def test_gold_tags_unknown_to_the_model_are_always_missed(tmp_path, metric):
    dev = [[("b", "B-X"), ("a", "B-NEW")]]
    score, accuracy = dev_split(tmp_path, dev, metric=metric).score(PERFECT)
    assert accuracy == 0.5
    # span F1: the only predicted span is one of two gold spans: 2 * 1 / (2 + 1)
    assert score == (0.5 if metric == "accuracy" else pytest.approx(2 / 3))


def test_tokens_without_a_gold_tag_are_ignored(tmp_path):
    dev = [[("b", None), ("b", "B-X"), ("a", "O"), ("b", "B-X")], [("c", None)], [("a", "O")]]
    by_accuracy = dev_split(tmp_path / "tokens", dev, metric="accuracy")
    assert by_accuracy.score(PERFECT) == (1.0, 1.0)
    assert by_accuracy.score(ALL_O) == (0.5, 0.5)
    # the B-X after such a token still counts: it begins a span whatever precedes it
    assert dev_split(tmp_path / "spans", dev, metric="span_f1").score(PERFECT) == (1.0, 1.0)


def test_dev_without_any_tag_scores_zero(tmp_path):
    assert dev_split(tmp_path, [[("a", None)]], metric="span_f1").score(PERFECT) == (0.0, 0.0)


def test_no_span_anywhere_scores_zero(tmp_path):
    assert dev_split(tmp_path, [[("a", "O")]], metric="span_f1").score(PERFECT) == (0.0, 1.0)


def test_empty_sequences_are_ignored(tmp_path):
    dev = [[], [("b", "B-X")], [], [("a", "O")], []]
    assert dev_split(tmp_path, dev, metric="span_f1").score(PERFECT) == (1.0, 1.0)
