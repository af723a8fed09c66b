import json
import logging
import logging.handlers
import queue
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import FeaturesConfig
from seqtag.errors import ConfigError, RunDirError, TrainingError
from seqtag.evaluation.predictions import read_predictions
from seqtag.features import Vocabulary
from seqtag.neural import Tagger, write_predictions
from seqtag.neural.training import fit_tagger
from seqtag.neural.training.dev_evaluation import DevScore, DevSplit
from seqtag.neural.weights import load_arrays
from tests.unit.neural.toy import make_corpus, toy_language


@dataclass(frozen=True)
class OneEpoch:
    bundle: Path
    reported: list[Mapping[str, Any]]
    lines: list[str]


@pytest.fixture(scope="module")
def one_epoch(toy, tmp_path_factory):
    reported, records, logger = [], queue.SimpleQueue(), logging.getLogger("seqtag.neural")
    handler = logging.handlers.QueueHandler(records)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        bundle = toy.train(tmp_path_factory.mktemp("one-epoch") / "bundle", on_epoch=reported.append)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    return OneEpoch(bundle, reported, [records.get().message for _ in range(records.qsize())])


def history(bundle):
    return json.loads((bundle / "history.json").read_text())["epochs"]


def facts(bundle):
    return json.loads((bundle / "bundle.json").read_text())


def weight_bytes(bundle):
    return (bundle / "weights.npz").read_bytes()


def test_the_base_recipe_learns_tags_that_depend_on_the_next_token(toy_bundle):
    assert facts(toy_bundle)["dev_score"] > 0.95


def test_the_recipe_default_learns_tags_that_depend_on_the_next_token(toy, tmp_path):
    assert facts(toy.train(tmp_path / "bundle", max_epochs=15))["dev_score"] > 0.95


@pytest.mark.parametrize("output", ["softmax", "viterbi", "crf"])
def test_the_recipe_default_learns_suffixes_of_unseen_words(suffixes, suffix_bundle, output):
    tokens = pq.read_table(suffixes.split("dev"))["tokens"].combine_chunks().flatten()
    known = Vocabulary.load(suffixes.vocabulary).ids(tokens) > 1
    assert set(tokens.filter(pa.array(known)).to_pylist()) == {"the", "of"}
    assert facts(suffix_bundle(output))["dev_score"] > 0.95
    assert history(suffix_bundle(output))[0]["loss"] < 3  # nats per token, although there are windows


def test_a_training_leaves_no_temporary_file(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    toy.train(tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_the_base_recipe_does_not_learn_suffixes(suffixes, tmp_path):
    assert facts(suffixes.train(tmp_path / "bundle", recipe="base", max_epochs=4))["dev_score"] < 0.5


@pytest.mark.parametrize("scheme", ["IOB2", "IOBES"])
def test_a_crf_learns_from_windows_that_begin_and_end_within_spans(cut_bundle, scheme):
    """No sequence begins with I-X: if a window's gold path did, its loss would be 10,000."""
    losses = [epoch["loss"] for epoch in history(cut_bundle(scheme))]
    assert losses[0] < 3  # nats per token; guessing among five tags gives 1.6
    assert losses[-1] < 0.3
    assert (
        facts(cut_bundle(scheme))["dev_score"] > 0.7
    )  # a window cut within a span is tagged as if it were not


def test_a_corpus_of_a_single_batch_can_be_learned(tmp_path):
    sequences = [[(f"w{i}", f"T{i % 3}"), ("x", "T0")] for i in range(10)]
    corpus = make_corpus(tmp_path / "corpus", {"train": sequences, "dev": sequences})
    bundle = corpus.train(tmp_path / "bundle", max_epochs=60, patience=60)
    assert facts(bundle)["dev_score"] > 0.9  # predicting T0 everywhere gives 0.7


def test_static_vectors_generalise_to_unseen_words(vector_bundle):
    assert facts(vector_bundle)["dev_score"] == 1.0
    assert facts(vector_bundle)["vectors"] == {"types": 1.0, "tokens": 1.0}
    assert "vectors.parquet" in facts(vector_bundle)["files"]


def test_history_has_a_record_per_epoch_in_order(toy_bundle):
    epochs = history(toy_bundle)
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, len(epochs) + 1))
    assert set(epochs[0]) == {
        "epoch",
        "loss",
        "dev_score",
        "dev_accuracy",
        "seconds",
        "tokens_per_second",
        "learning_rate",
    }
    assert epochs[-1]["loss"] < epochs[0]["loss"]


def test_the_same_seed_gives_the_same_bytes(toy, one_epoch, tmp_path):
    """The global random states of Python, NumPy and Keras have changed since the first training."""
    assert weight_bytes(toy.train(tmp_path / "again")) == weight_bytes(one_epoch.bundle)


def test_another_seed_gives_different_weights(toy, one_epoch, tmp_path):
    assert weight_bytes(toy.train(tmp_path / "other", seed=2)) != weight_bytes(one_epoch.bundle)


def test_compiled_steps_of_the_same_seed_give_the_same_bytes(tmp_path, monkeypatch):
    splits = {"train": toy_language(60, seed=1), "dev": toy_language(9, seed=2)}
    features = FeaturesConfig(bucket_lengths=(8,), window_overlap=0)
    corpus = make_corpus(tmp_path / "corpus", splits, features=features)
    monkeypatch.setattr(fit_tagger, "_WORTH_COMPILING", 0)
    one, again = (corpus.train(tmp_path / name, max_epochs=2) for name in ("one", "again"))
    assert weight_bytes(one) == weight_bytes(again)
    assert history(one)[1]["loss"] < history(one)[0]["loss"]


def test_the_bundle_has_the_weights_of_the_best_epoch(toy, one_epoch, tmp_path, monkeypatch):
    scores = iter([DevScore(0.9, 0.9), DevScore(0.5, 0.5), DevScore(0.5, 0.5)])
    monkeypatch.setattr(DevSplit, "score", lambda _self, _predictor: next(scores))
    three = toy.train(tmp_path / "three", max_epochs=3)
    assert facts(three)["best_epoch"] == 1
    assert weight_bytes(three) == weight_bytes(one_epoch.bundle)


def test_each_epoch_is_reported_to_the_caller(one_epoch):
    assert one_epoch.reported == history(one_epoch.bundle)


def test_each_epoch_is_one_log_line(one_epoch):
    (line,) = one_epoch.lines
    assert re.fullmatch(r"epoch 1: dev span F1 0\.\d{3}, loss 0\.\d{3}, \d+(\.\d)? s, [\d,]+ tokens/s", line)


def test_a_diverging_loss_is_an_error_and_leaves_no_bundle(toy, tmp_path):
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+: loss is (nan|inf)"):
        toy.train(tmp_path / "bundle", learning_rate=1e38)
    assert not (tmp_path / "bundle" / "bundle.json").exists()


def test_the_loss_of_a_step_is_divided_by_the_mean_weight_of_a_batch(toy, tmp_path, monkeypatch):
    class CapturedError(Exception):
        pass

    def engine(*_, steps_per_epoch, weight_per_step, **__):
        raise CapturedError(steps_per_epoch, weight_per_step)

    monkeypatch.setattr("seqtag.neural.training.engine.Engine", engine)
    sequence = [("a", "O"), ("b", "B-X"), ("c", "O")]
    corpus = make_corpus(tmp_path / "corpus", {"train": [sequence] * 33, "dev": [sequence]}, scheme="IOB2")
    with pytest.raises(CapturedError) as captured:
        corpus.train(tmp_path / "bundle", tag_weights={"B-X": 4.0})
    # 33 sequences in three batches, each sequence with a weight of 1 + 4 + 1
    assert captured.value.args == (3, 66.0)


def test_splits_encoded_with_another_vocabulary_are_rejected(toy, tmp_path):
    other = make_corpus(tmp_path / "other", {"train": [[("d", "O")]], "dev": [[("d", "O")]]})
    mixed = type(toy)(tmp_path / "mixed", toy.features, toy.metric)
    mixed.folder.mkdir()
    mixed.vocabulary.symlink_to(other.vocabulary)
    mixed.encoded.symlink_to(toy.encoded)
    with pytest.raises(RunDirError, match=r"\.parquet: .*vocabulary"):
        mixed.train(tmp_path / "bundle")


def test_a_weight_of_an_unknown_tag_is_rejected(toy, tmp_path):
    with pytest.raises(ConfigError, match=r"unknown tags \['B-Z'\]; expected some of \['O', 'B-X'\]"):
        toy.train(tmp_path / "bundle", tag_weights={"B-Z": 2.0, "O": 0.5})


@pytest.mark.parametrize(
    ("min_count", "output"),
    [(1, "auto"), (2, "auto"), (2, "crf")],  # with 2, all of train is unknown, too
)
def test_a_corpus_may_have_one_tag_sequences_of_one_token_and_no_known_word(tmp_path, min_count, output):
    splits = {"train": [[("a", "X")], [("b", "X")]], "dev": [[("c", "X")]]}  # no word of dev occurs in train
    features = FeaturesConfig(min_count=min_count)
    corpus = make_corpus(tmp_path / "corpus", splits, features=features)
    bundle = corpus.train(tmp_path / "bundle", output=output)
    assert history(bundle)[0]["dev_score"] == 1.0
    tagged = Tagger.load(bundle).tag(pa.array([["a", "?"], [], ["c"]]))
    assert tagged.predicted.to_pylist() == [["X", "X"], [], ["X"]]
    np.testing.assert_allclose(tagged.span_confidence.flatten(), 1.0, atol=1e-6)


@pytest.mark.parametrize("output", ["viterbi", "crf"])
def test_tags_that_are_missing_from_train_are_counted_as_missed(tmp_path, output):
    train = [[("a", "O"), ("b", "B-X")], [("b", "B-X"), ("a", "O")]] * 8
    new = [[("a", "O"), ("b", "B-NEW"), ("a", "I-NEW")], [("a", "O"), ("b", "B-X")]]
    corpus = make_corpus(
        tmp_path / "corpus", {"train": train, "dev": new, "test": new}, scheme="IOB2", metric="span_f1"
    )
    bundle = corpus.train(tmp_path / "bundle", output=output, max_epochs=15)
    # one of two predicted spans equals one of two gold spans
    assert (facts(bundle)["dev_score"], facts(bundle)["dev_accuracy"]) == (0.5, pytest.approx(3 / 5))
    write_predictions(bundle, corpus.split("test"), tmp_path / "predictions.parquet", scheme="IOB2")
    predictions = read_predictions(tmp_path / "predictions.parquet", scheme="IOB2", columns=[])
    assert np.mean(predictions.pairs.gold == predictions.pairs.predicted) == pytest.approx(3 / 5)


def test_a_dev_split_without_known_tags_leaves_confidences_unscaled(tmp_path):
    splits = {"train": [[("a", "X")], [("b", "Y")]], "dev": [[("a", "NEW")]]}
    corpus = make_corpus(tmp_path / "corpus", splits)
    bundle = corpus.train(tmp_path / "bundle", max_epochs=2)
    assert (facts(bundle)["dev_score"], facts(bundle)["temperature"]) == (0.0, 1.0)


def test_a_training_that_stops_early_keeps_the_weights_of_its_best_epoch(toy, tmp_path):
    bundle = toy.train(tmp_path / "bundle", max_epochs=40, patience=1, learning_rate=0.03)
    record, epochs = facts(bundle), history(bundle)
    assert len(epochs) < 40
    assert record["best_epoch"] == len(epochs) - 1
    assert record["dev_score"] == epochs[record["best_epoch"] - 1]["dev_score"]
    assert set(load_arrays(bundle / "weights.npz")) >= {"words/embeddings", "tags/kernel"}


def test_tags_of_the_toy_language_depend_on_the_next_token():
    assert [("b", "B-X"), ("c", "O")] in [
        s[i : i + 2] for s in toy_language(50, seed=1) for i in range(len(s))
    ]
