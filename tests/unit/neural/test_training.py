import json
import logging
import logging.handlers
import queue
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqtag.config import FeaturesConfig
from seqtag.errors import RunDirError, TrainingError
from seqtag.neural import Tagger
from seqtag.neural.dev import DevScore, DevSplit
from seqtag.neural.weights import load_weights
from tests.unit.neural.toy import lay_ground, toy_language


@dataclass(frozen=True)
class OneEpoch:
    bundle: Path
    told: list[Mapping[str, Any]]
    lines: list[str]


@pytest.fixture(scope="module")
def one_epoch(toy, tmp_path_factory):
    told, records, logger = [], queue.SimpleQueue(), logging.getLogger("seqtag.neural")
    handler = logging.handlers.QueueHandler(records)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        bundle = toy.train(tmp_path_factory.mktemp("one-epoch") / "bundle", on_epoch=told.append)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    return OneEpoch(bundle, told, [records.get().message for _ in range(records.qsize())])


def test_a_toy_language_is_learnt(toy_bundle):
    best = max(epoch["dev_score"] for epoch in json.loads((toy_bundle / "history.json").read_text()))
    assert best > 0.95


def test_history_has_a_record_per_epoch_in_order(toy_bundle):
    history = json.loads((toy_bundle / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == list(range(1, len(history) + 1))
    assert set(history[0]) == {
        "epoch",
        "loss",
        "dev_score",
        "dev_accuracy",
        "seconds",
        "tokens_per_second",
        "learning_rate",
    }
    assert history[-1]["loss"] < history[0]["loss"]


def test_the_same_seed_gives_the_same_bytes(toy, one_epoch, tmp_path):
    """Python, NumPy and Keras have moved on since the first training."""
    again = toy.train(tmp_path / "again")
    assert (again / "weights.npz").read_bytes() == (one_epoch.bundle / "weights.npz").read_bytes()


def test_another_seed_gives_other_weights(toy, one_epoch, tmp_path):
    other = toy.train(tmp_path / "other", seed=2)
    assert (other / "weights.npz").read_bytes() != (one_epoch.bundle / "weights.npz").read_bytes()


def test_the_best_epochs_weights_are_those_of_the_bundle(toy, one_epoch, tmp_path, monkeypatch):
    said = iter([DevScore(0.9, 0.9), DevScore(0.5, 0.5), DevScore(0.5, 0.5)])
    monkeypatch.setattr(DevSplit, "score", lambda _self, _reader: next(said))
    three = toy.train(tmp_path / "three", max_epochs=3)
    assert json.loads((three / "bundle.json").read_text())["best_epoch"] == 1
    assert (three / "weights.npz").read_bytes() == (one_epoch.bundle / "weights.npz").read_bytes()


def test_each_epoch_is_told_to_the_caller(one_epoch):
    assert one_epoch.told == json.loads((one_epoch.bundle / "history.json").read_text())


def test_each_epoch_is_one_line_of_the_log(one_epoch):
    (line,) = one_epoch.lines
    assert re.fullmatch(r"epoch 1: dev span F1 0\.\d{3}, loss 0\.\d{3}, \d+(\.\d)? s, [\d,]+ tokens/s", line)


def test_a_diverging_loss_is_an_error_and_leaves_no_bundle(toy, tmp_path):
    with pytest.raises(TrainingError, match=r"epoch 1, batch \d+: a finite loss was required"):
        toy.train(tmp_path / "bundle", learning_rate=1e38)
    assert not (tmp_path / "bundle" / "bundle.json").exists()


def test_a_vocabulary_that_the_splits_were_not_encoded_with_is_refused(toy, tmp_path):
    other = lay_ground(tmp_path / "other", {"train": [[("d", "O")]], "dev": [[("d", "O")]]})
    stranger = type(toy)(tmp_path / "stranger", toy.features, toy.metric)
    stranger.folder.mkdir()
    stranger.vocabulary.symlink_to(other.vocabulary)
    stranger.encoded.symlink_to(toy.encoded)
    with pytest.raises(RunDirError, match="was required"):
        stranger.train(tmp_path / "bundle")


@pytest.mark.parametrize("min_count", [1, 2])
def test_corpora_of_one_tag_one_token_a_sequence_or_no_known_word_are_trained_on(tmp_path, min_count):
    splits = {"train": [[("a", "X")], [("b", "X")]], "dev": [[("c", "X")]]}  # dev is unknown to train
    features = FeaturesConfig(min_count=min_count)  # 2: all of train is unknown, too
    ground = lay_ground(tmp_path / "ground", splits, features=features)
    bundle = ground.train(tmp_path / "bundle")
    assert json.loads((bundle / "history.json").read_text())[0]["dev_score"] == 1.0
    assert Tagger.load(bundle).bundle.n_tags == 1


def test_a_stopped_training_keeps_the_weights_of_its_best_epoch(toy, tmp_path):
    bundle = toy.train(tmp_path / "bundle", max_epochs=20, patience=1, learning_rate=0.03)
    record = json.loads((bundle / "bundle.json").read_text())
    history = json.loads((bundle / "history.json").read_text())
    assert len(history) < 20
    assert record["best_epoch"] == len(history) - 1
    assert record["dev_score"] == history[record["best_epoch"] - 1]["dev_score"]
    assert set(load_weights(bundle / "weights.npz")) >= {"words/embeddings", "tags/tag/kernel"}


def test_toy_language_needs_what_comes_next():
    assert [("b", "B-X"), ("c", "O")] in [
        s[i : i + 2] for s in toy_language(50, seed=1) for i in range(len(s))
    ]
