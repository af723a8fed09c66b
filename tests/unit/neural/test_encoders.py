import random

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import RECIPES, ModelConfig
from seqtag.features import TagIndex, Vectors
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.encoders import Sizes
from seqtag.neural.network import TaggerNetwork
from tests.unit.neural.toy import SMALL

TAGS = TagIndex(("O", "B-X", "I-X"), "IOB2")
SIZES = Sizes(n_words=6, n_characters=5, n_tags=3)
SEED = np.array([3, 1], np.int32)
POSITIONS = np.array([[2, 3, 4, 1, 5], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]], np.int32)


def network(recipe, *, vectors=None, seed=1, **sizes):
    config = SMALL.model_copy(update=sizes) if recipe == "default" else ModelConfig()
    return TaggerNetwork.build(recipe, SIZES, config, TAGS, vectors, seed=seed)


def word_types(n=6, *, rare=False):
    """One word type per word, with random affixes and characters."""
    draw = np.random.default_rng(0)
    return {
        "word_ids": np.arange(n, dtype=np.int32) % 6,
        "rare": np.full(n, rare),
        "vector_ids": np.arange(n, dtype=np.int32) % 3,
        "affix_ids": draw.integers(1, 1024, (n, 9)).astype(np.int32),
        "character_ids": draw.integers(0, 5, (n, 24)).astype(np.int32),
    }


def emitted(one, *, seed=None):
    """Return the scores of each token; with a seed, as in training."""
    vectors = one.word_type_vectors(word_types())
    if seed is not None:
        return one.model.emissions(tf.gather(vectors, POSITIONS), POSITIONS > 0, seed).numpy()
    emissions, mask = one.emissions(vectors, POSITIONS)
    np.testing.assert_array_equal(mask, POSITIONS > 0)
    return emissions.numpy()


def test_the_base_recipe_equals_embedding_spatial_dropout_bilstm_and_softmax_in_keras():
    one = network("base")
    theirs = keras.Sequential(
        [
            keras.layers.Embedding(6, 50, mask_zero=True),
            keras.layers.SpatialDropout1D(0.1),
            keras.layers.Bidirectional(keras.layers.LSTM(100, return_sequences=True, recurrent_dropout=0.1)),
            keras.layers.TimeDistributed(keras.layers.Dense(3, activation="softmax")),
        ]
    )
    theirs.build((None, None))
    theirs.set_weights(one.model.get_weights())
    np.testing.assert_allclose(tf.nn.softmax(emitted(one)), theirs(POSITIONS), atol=1e-5)
    layers = (one.model.word_dropout.rate, one.model.bilstm.recurrent_dropout, one.model.bilstm.masks)
    assert layers == (0.1, 0.1, "gate")


@pytest.mark.parametrize(
    ("recipe", "shapes"),
    [
        (
            "base",
            {"words/embeddings": (6, 50), "bilstm/forward_kernel": (50, 400), "tags/kernel": (200, 3)},
        ),
        (
            "default",  # the LSTM reads 12 word features, 8 affix features and 8 character features
            {
                "words/embeddings": (6, 12),
                "affixes/embeddings": (1024, 8),
                "characters/kernel": (18, 8),
                "bilstm_0/forward_kernel": (28, 48),
                "tags/kernel": (24, 3),
            },
        ),
    ],
)
def test_weights_have_names_and_sizes(recipe, shapes):
    weights = network(recipe).weights()
    assert {path: weights[path].shape for path in shapes} == shapes
    assert len(weights) == {"base": 9, "default": 13}[recipe]


def test_a_second_layer_reads_the_first():
    weights = network("default", layers=2).weights()
    assert weights["bilstm_1/backward_kernel"].shape == (24, 48)


def test_a_crf_adds_its_transitions_to_the_variables():
    assert len(network("default", output="crf").variables) == 13 + 3
    assert len(network("default", output="viterbi").variables) == 13


def test_a_word_type_vector_is_its_word_the_sum_of_its_affixes_and_its_characters():
    one, seen = network("default"), word_types()
    vectors, weights = one.word_type_vectors(seen).numpy(), one.weights()
    words = weights["words/embeddings"][seen["word_ids"]]
    affixes = weights["affixes/embeddings"][seen["affix_ids"]].sum(axis=1)
    expected = np.concatenate([words, affixes, one.model.characters(seen["character_ids"])], axis=1)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_static_vectors_are_fixed_and_get_learned_corrections():
    static = Vectors(pa.array(["a", "b"]), np.array([[1, 2, 3], [4, 5, 6]], np.float32), 2, 0)
    one = network("default", vectors=static)
    words = one.word_type_vectors(word_types())[:, :3].numpy()
    assert words.tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]] * 2  # no corrections yet
    assert one.weights()["words/embeddings"].shape == (6, 3)
    assert not any("static" in path for path in one.weights())
    one.model.words.embeddings.assign(np.full((6, 3), 0.5))
    assert one.word_type_vectors(word_types())[1, :3].numpy().tolist() == [1.5, 2.5, 3.5]


def test_rare_words_become_unknown_in_training_at_the_configured_rate():
    one = network("default", word_dropout=0.25)
    tables = {name: table.value for name, table in one.model.tables().items()}
    frequent, rare = (
        one.model.word_type_vectors(word_types(3000, rare=rare), tables, SEED)[:, :12].numpy()
        for rare in (False, True)
    )
    words = one.weights()["words/embeddings"]
    original_ids = np.arange(3000) % 6
    np.testing.assert_array_equal(frequent, words[original_ids])
    is_dropped = (rare == words[1]).all(axis=1)
    np.testing.assert_array_equal(rare[~is_dropped], words[original_ids[~is_dropped]])
    assert np.mean(is_dropped[original_ids != 1]) == pytest.approx(0.25, abs=0.03)


def test_inference_drops_no_words():
    one = network("default", word_dropout=0.9)
    np.testing.assert_array_equal(
        one.word_type_vectors(word_types(rare=True)), one.word_type_vectors(word_types(rare=False))
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_dropout_depends_on_its_seed_only_and_is_off_in_inference(recipe):
    one = network(recipe)
    inference, training, again, other = (emitted(one, seed=seed) for seed in (None, SEED, SEED, SEED + 1))
    np.testing.assert_array_equal(training, again)
    np.testing.assert_array_equal(inference, emitted(one))
    assert np.abs(training - inference)[:2].max() > 1e-4
    assert np.abs(training - other)[:2].max() > 1e-4


def test_without_dropout_training_and_inference_give_equal_scores():
    one = network("default", word_dropout=0.0, dropout=0.0, recurrent_dropout=0.0)
    np.testing.assert_allclose(emitted(one, seed=SEED), emitted(one), atol=1e-5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_equal_seeds_build_equal_weights_regardless_of_global_seeds(recipe):
    one, again, other = [], [], []
    for seed, weights in ((1, one), (1, again), (2, other)):
        weights += network(recipe, seed=seed).weights().values()
        random.seed(len(weights))
        np.random.seed(len(weights))
        keras.utils.set_random_seed(len(weights))
    for weight, equal, different in zip(one, again, other, strict=True):
        assert weight.tobytes() == equal.tobytes()
        assert weight.ndim == 1 or np.abs(weight - different).max() > 0.01  # biases are initially equal


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_two_weights_share_their_random_numbers(recipe):
    weights = [array for array in network(recipe).weights().values() if array.ndim > 1]
    starts = {tuple(np.sign(array.ravel()[:30])) for array in weights}
    assert len(starts) == len(weights)
