import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.char_cnn import CharacterCNN


@pytest.fixture(scope="module")
def by_hand():
    """Characters with values 2, 5 and -3 (ids 1 to 3), and filters that sum left, own and right character."""
    layer = CharacterCNN(4, size=1, filters=3)
    layer.build(None)
    vectors = [[100.0], [2.0], [5.0], [-3.0]]  # that of padding must be ignored
    kernel = [[0.0, 1.0, 0.0], [1.0, 10.0, 0.0], [0.0, 100.0, 1.0]]
    layer.set_weights([np.array(vectors), np.array(kernel), np.array([-0.5, 0.0, 0.25])])
    return layer


@pytest.mark.parametrize(
    ("ids", "features"),
    [
        # filter 1: the character - 0.5; filter 2: left + 10 * own + 100 * right; filter 3: right + 0.25
        ([1, 2, 0, 0], [4.5, 520.0, 5.25]),  # 0 + 20 + 500, then 2 + 50 + 0
        ([2, 1, 0, 0], [4.5, 250.0, 2.25]),  # 0 + 50 + 200, then 5 + 20 + 0
        ([1, 0, 0, 0], [1.5, 20.0, 0.25]),
        ([3, 0, 0, 0], [0.0, 0.0, 0.25]),  # -3.5 and -30 become 0
        ([3, 3, 1, 1], [1.5, 217.0, 2.25]),  # at the third character: -3 + 20 + 200
        ([0, 0, 0, 0], [0.0, 0.0, 0.0]),  # padding only
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_a_feature_is_the_maximum_of_a_filter_over_three_characters(by_hand, ids, features, training):
    pooled = by_hand(np.array([ids], np.int32), training=training)
    np.testing.assert_allclose(pooled, [features], rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    word_types=st.lists(st.lists(st.integers(1, 4), max_size=5), max_size=6),
    more=st.integers(1, 3),
    filters=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_training_equals_inference_and_its_gradients(word_types, more, filters, seed):
    draw = np.random.default_rng(seed)
    layer = CharacterCNN(5, size=3, filters=filters, seed=seed)
    layer.build(None)
    layer.bias.assign(draw.normal(size=filters))
    ids = np.zeros([len(word_types), max(map(len, word_types), default=0) + more], np.int32)
    for row, word_type in zip(ids, word_types, strict=True):
        row[: len(word_type)] = word_type
    factors, found = draw.normal(size=[len(word_types), filters]).astype(np.float32), []
    for training in (True, False):
        with tf.GradientTape() as tape:
            pooled = layer(ids, training=training)
            total = tf.reduce_sum(pooled * factors)
        gradients = tape.gradient(total, layer.trainable_variables)
        found.append([pooled, *map(tf.convert_to_tensor, gradients)])
    for native, plain in zip(*found, strict=True):
        np.testing.assert_allclose(native, plain, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def for_any_shape(by_hand):
    """The layer traced for unknown sizes; it then leaves out positions at which all word types are padded."""
    return tf.function(by_hand, input_signature=[tf.TensorSpec([None, None], tf.int32)])


@settings(max_examples=30, deadline=None)
@given(
    word_types=st.lists(st.lists(st.integers(1, 3), max_size=5), min_size=1, max_size=5),
    more=st.integers(0, 4),
)
def test_padding_and_other_word_types_have_no_effect(by_hand, for_any_shape, word_types, more):
    padded = np.zeros([len(word_types), 5 + more], np.int32)
    for row, word_type in zip(padded, word_types, strict=True):
        row[: len(word_type)] = word_type
    together = for_any_shape(padded)
    for features, word_type in zip(together, word_types, strict=True):
        alone = by_hand(np.array([[*word_type, 0]], np.int32))[0]
        np.testing.assert_allclose(features, alone, rtol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_vector_of_padding_has_no_gradient(by_hand, training):
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(by_hand(np.array([[1, 2, 0, 0], [0, 0, 0, 0]], np.int32), training=training))
    gradient = tf.convert_to_tensor(tape.gradient(total, by_hand.vectors.value)).numpy()
    # filter 2 is greatest at the first character, 10 times id 1 and 100 times id 2; filters 1 and 3 see id 2
    assert gradient.tolist() == [[0.0], [10.0], [102.0], [0.0]]
