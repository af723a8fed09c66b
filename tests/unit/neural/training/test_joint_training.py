"""Several columns of tags, learned with one encoder."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import ModelConfig
from seqtag.errors import RunDirError
from seqtag.neural import TagColumn, Tagger, train
from seqtag.neural.joint_network import weights_alone
from seqtag.neural.training.batch_sampler import weights_of_tags
from seqtag.neural.training.joint_windows import joint_windows, windows_of_column
from seqtag.neural.weights import load_arrays
from tests.unit.neural.toy import SMALL, bucket, make_corpus, toy_language, train_config


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two corpora of the same tokens: spans that depend on the next token, and labels of the one before."""
    splits = {name: toy_language(n, seed=seed) for name, n, seed in (("train", 240, 1), ("dev", 60, 2))}
    labelled = {
        name: [
            [(token, f"after-{before}") for (token, _), before in zip(each, ["", *(t for t, _ in each)])]  # noqa: B905
            for each in sequences
        ]
        for name, sequences in splits.items()
    }
    return (
        make_corpus(tmp_path_factory.mktemp("spans"), splits, scheme="IOB2", metric="span_f1"),
        make_corpus(tmp_path_factory.mktemp("labels"), labelled),
    )


def trained(corpora, folder, *, recipe, max_epochs):
    bundles = [folder / "first", folder / "second"]
    columns = []
    for corpus, bundle in zip(corpora, bundles, strict=True):
        bundle.mkdir(parents=True)
        columns.append(TagColumn(corpus.encoded, corpus.vocabulary, bundle, corpus.metric))
    config = train_config(batch_size=16, learning_rate=0.01, max_epochs=max_epochs, recipe=recipe)
    model = SMALL if recipe == "default" else ModelConfig()
    train(columns, config=config, model=model, features=corpora[0].features, seed=1)
    return bundles


def tags_by(tagger, tokens):
    return tagger.tag(pa.array(tokens)).predicted.to_pylist()


@pytest.mark.parametrize("recipe", ["base", "default"])
def test_each_column_is_learned_and_has_a_complete_bundle(corpora, tmp_path, recipe):
    bundles = trained(corpora, tmp_path, recipe=recipe, max_epochs=15)
    facts = [json.loads((bundle / "bundle.json").read_text()) for bundle in bundles]
    assert [each["metric"] for each in facts] == ["span_f1", "accuracy"]
    assert min(each["dev_score"] for each in facts) > 0.95
    mean = json.loads((bundles[0] / "history.json").read_text())["epochs"][facts[0]["best_epoch"] - 1]
    assert mean["dev_score"] == pytest.approx(np.mean([each["dev_score"] for each in facts]))
    first, second = (Tagger.load_exported(bundle) for bundle in bundles)
    tokens = [["b", "c", "a"]]
    assert tags_by(first, tokens) == [["B-X", "O", "O"]]
    assert tags_by(second, tokens) == [["after-", "after-b", "after-c"]]


def test_the_encoder_is_the_same_and_the_bytes_too(corpora, tmp_path):
    one, again = (trained(corpora, tmp_path / name, recipe="base", max_epochs=2) for name in ("a", "b"))
    first, second = (load_arrays(bundle / "weights.npz") for bundle in one)
    encoder = [path for path in first if not path.startswith("tags/")]
    assert len(encoder) == 7
    assert all(np.array_equal(first[path], second[path]) for path in encoder)
    assert first["tags/bias"].shape != second["tags/bias"].shape
    for bundle, other in zip(one, again, strict=True):
        assert (bundle / "weights.npz").read_bytes() == (other / "weights.npz").read_bytes()


def test_windows_have_the_tags_of_all_columns_and_only_common_sequences():
    first = bucket([[2, 3], [4, 0], [5, 6]], [[0, 1], [1, -1], [0, 0]], rows=[7, 8, 9])
    second = bucket([[2, 3], [5, 6]], [[2, -2], [1, 1]], rows=[7, 9])
    (found,) = joint_windows([[first], [second]])
    assert found.row.tolist() == [7, 9]
    assert found.tag_ids.tolist() == [[[0, 2], [1, -2]], [[0, 1], [0, 1]]]
    assert found.loss_mask(slice(None)).tolist() == [[[True, True], [True, False]], [[True, True]] * 2]
    assert found.n_loss_tokens == 4
    assert windows_of_column([found], 1)[0].tag_ids.tolist() == [[2, -2], [1, 1]]


def test_columns_of_other_tokens_are_refused():
    first, second = bucket([[2, 3]], [[0, 1]]), bucket([[2, 4]], [[0, 1]])
    with pytest.raises(RunDirError, match=re.escape("columns of tags have other tokens")):
        joint_windows([[first], [second]])


def test_each_column_has_its_weights_of_tags():
    weights = np.array([[1, 2, 1], [3, 4, 5]], np.float32)
    assert weights_of_tags(weights, np.array([[[0, 2], [1, 0]]])).tolist() == [[[1, 5], [2, 3]]]
    assert weights_of_tags(weights[0], np.array([[0, 1]])).tolist() == [[1, 2]]


def test_the_weights_of_a_network_have_the_paths_of_one_that_is_trained_alone():
    weights = {"words/embeddings": 1, "tags/bias": 2, "tags_1/bias": 3, "tags_10/bias": 4}
    assert weights_alone(weights, 0) == {"words/embeddings": 1, "tags/bias": 2}
    assert weights_alone(weights, 1) == {"words/embeddings": 1, "tags/bias": 3}
    assert weights_alone(weights, 10) == {"words/embeddings": 1, "tags/bias": 4}
