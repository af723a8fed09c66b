"""Keras' LSTM is the referee; with recurrent dropout, an explicit step-by-step recurrence."""

from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.bilstm import BiLSTM
from seqtag.neural.layers.dropout import keep_mask
from tests.unit.neural.toy import without_native_operations

N_FEATURES, UNITS = 3, 4
SEED = np.array([5, 1], np.int32)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def mask_of(lengths, *, time):
    return np.arange(time) < np.array(lengths)[:, None]


def six_weights(units=UNITS):
    shapes = [(N_FEATURES, 4 * units), (units, 4 * units), (4 * units,)] * 2
    return [drawn(*shape, seed=10 + n) for n, shape in enumerate(shapes)]


def keras_layer(units=UNITS):
    return keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True))


def built(layer, weights=None):
    layer.build((None, None, N_FEATURES))
    layer.set_weights(six_weights() if weights is None else weights)
    return layer


def with_gradients(call, layer, x, mask, upstream):
    """Return the output, and the gradients at the input and the six weights."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = call(x, mask)
        total = tf.reduce_sum(y * upstream)
    return [y, *tape.gradient(total, [x, *layer.trainable_variables])]


LENGTHS, TIME = [5, 2, 0, 6, 1], 6


@pytest.fixture(scope="module")
def referee():
    """Input, upstream gradient, and the results of Keras' layer on ragged sequences, one of them empty."""
    layer = built(keras_layer())
    x, mask = tf.constant(drawn(len(LENGTHS), TIME, N_FEATURES)), mask_of(LENGTHS, time=TIME)
    upstream = drawn(len(LENGTHS), TIME, 2 * UNITS, seed=2)
    call = tf.function(lambda x, mask: layer(x, mask=mask))
    return x, mask, upstream, with_gradients(call, layer, x, mask, upstream)


@pytest.fixture(params=["native", "XLA's loop"])
def is_native(request):
    """True for training with the native LSTM, False for training with the loop for XLA."""
    with nullcontext() if request.param == "native" else without_native_operations():
        yield request.param == "native"


@pytest.mark.parametrize("is_eager", [True, False], ids=["eager", "graph"])
@pytest.mark.parametrize("masks", ["gate", "state"])
def test_values_and_gradients_in_training_equal_those_of_keras(referee, masks, is_eager, is_native):
    x, mask, upstream, theirs = referee
    layer = built(BiLSTM(UNITS, masks=masks))

    def step(x, mask):
        return with_gradients(lambda x, m: layer(x, mask=m, seed=SEED), layer, x, mask, upstream)

    ours = (step if is_eager else tf.function(step, jit_compile=not is_native))(x, tf.constant(mask))
    assert len(ours) == len(theirs) == 8  # output, input, and six weights
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, atol=2e-5)


@pytest.mark.parametrize("n_processors", [1, 3, 4, 7, 64])
def test_parts_of_a_batch_give_the_results_of_the_whole(referee, monkeypatch, n_processors):
    x, mask, upstream, _ = referee
    layer = built(BiLSTM(UNITS, recurrent_dropout=0.3))

    def step(x, mask):
        return with_gradients(lambda x, m: layer(x, mask=m, seed=SEED), layer, x, mask, upstream)

    whole = step(x, tf.constant(mask))
    monkeypatch.setattr("seqtag.neural.native.n_processors", lambda: n_processors)
    for our, their in zip(tf.function(step)(x, tf.constant(mask)), whole, strict=True):
        np.testing.assert_allclose(our, their, atol=2e-6)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_values_in_inference_equal_those_of_keras(referee, mode):
    x, mask, _, theirs = referee
    layer = built(BiLSTM(UNITS, recurrent_dropout=0.5))  # inactive in inference
    call = layer if mode == "eager" else tf.function(lambda x, mask: layer(x, mask=mask))
    np.testing.assert_allclose(call(x, mask=mask), theirs[0], atol=1e-5)


def test_without_a_mask_all_positions_are_tokens():
    x = drawn(2, 4, N_FEATURES)
    layer, theirs = built(BiLSTM(UNITS)), built(keras_layer())(x)
    np.testing.assert_allclose(layer(x), theirs, atol=1e-5)
    np.testing.assert_allclose(layer(x, seed=SEED), theirs, atol=1e-5)


def test_weights_can_be_exchanged_with_keras():
    theirs = keras_layer()
    theirs.build((None, None, N_FEATURES))
    ours = built(BiLSTM(UNITS), theirs.get_weights())
    again = built(keras_layer(), ours.get_weights())
    for ours_again, original in zip(again.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(ours_again, original)
    x = drawn(2, 4, N_FEATURES)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def test_initial_forget_biases_are_one_and_recurrent_weights_orthogonal():
    layer = BiLSTM(2)
    layer.build((None, None, N_FEATURES))
    for kernel, recurrent, bias in (layer.get_weights()[:3], layer.get_weights()[3:]):
        assert kernel.shape == (3, 8)
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(2), atol=1e-5)
        assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def step_by_step(x, mask, weights, keep):
    """The recurrence as defined by Hochreiter and Schmidhuber, with a mask on the state before each gate."""
    return tf.concat(
        [
            _one_direction(x, mask, *weights[:3], keep=keep[0]),
            _one_direction(x[:, ::-1], mask[:, ::-1], *weights[3:], keep=keep[1])[:, ::-1],
        ],
        axis=2,
    )


def _one_direction(x, mask, kernel, recurrent, bias, *, keep):
    """Run one direction, with dropout masks `<float32>[4 or 1, batch, units]`."""
    keep = tf.broadcast_to(keep, [4, *keep.shape[1:]])  # [4, batch, units]
    h = c = tf.zeros([x.shape[0], UNITS])
    states = []
    for t in range(x.shape[1]):
        fed = zip(
            keep, tf.split(kernel, 4, axis=1), tf.split(recurrent, 4, axis=1), tf.split(bias, 4), strict=True
        )
        i, f, g, o = (x[:, t] @ k + (h * kept) @ r + b for kept, k, r, b in fed)
        new_c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        new_h = tf.sigmoid(o) * tf.tanh(new_c)
        real = mask[:, t, None]
        h, c = tf.where(real, new_h, h), tf.where(real, new_c, c)
        states.append(tf.where(real, new_h, 0.0))
    return tf.stack(states, axis=1)


@pytest.mark.parametrize(("masks", "n_masks"), [("gate", 4), ("state", 1)])
def test_recurrent_dropout_uses_the_same_mask_at_every_step(referee, masks, n_masks, is_native):
    x, mask, upstream, undropped = referee
    keep = keep_mask([2, n_masks, len(LENGTHS), UNITS], 0.5, SEED)
    weights = [tf.Variable(weight) for weight in six_weights()]
    with tf.GradientTape() as tape:
        tape.watch(x)
        defined = step_by_step(x, mask, weights, keep)
        total = tf.reduce_sum(defined * upstream)
    theirs = [defined, *tape.gradient(total, [x, *weights])]
    layer = built(BiLSTM(UNITS, recurrent_dropout=0.5, masks=masks))

    def step(x, mask, seed):
        return with_gradients(lambda x, m: layer(x, mask=m, seed=seed), layer, x, mask, upstream)

    ours = tf.function(step, jit_compile=not is_native)(x, tf.constant(mask), SEED)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, atol=2e-5)
    assert np.abs(ours[0] - undropped[0]).max() > 0.01


@pytest.mark.parametrize("masks", ["gate", "state"])
def test_dropout_masks_differ_between_sequences_and_are_equal_for_equal_seeds(masks):
    layer = built(BiLSTM(UNITS, recurrent_dropout=0.5, masks=masks))
    x = np.repeat(drawn(1, 5, N_FEATURES), 8, axis=0)
    y, again = (layer(x, seed=SEED).numpy() for _ in range(2))
    np.testing.assert_array_equal(y, again)
    assert len({row.tobytes() for row in y}) == 8
    assert np.abs(y - layer(x, seed=SEED + 1)).max() > 0.01


@pytest.fixture(scope="module")
def traced_calls():
    """Inference, and training with and without the native LSTM, each traced once for all shapes."""
    layer = built(BiLSTM(UNITS))
    signature = [tf.TensorSpec([None, None, N_FEATURES]), tf.TensorSpec([None, None], tf.bool)]

    def traced(**options):
        call = tf.function(lambda x, mask: layer(x, mask=mask, **options), input_signature=signature)
        call.get_concrete_function()
        return call

    with without_native_operations():
        loop = traced(seed=SEED)
    return [traced(), traced(seed=SEED), loop]


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    more=st.integers(0, 4),
    order=st.randoms(use_true_random=False),
)
def test_padding_and_batch_order_have_no_effect(traced_calls, lengths, more, order):
    time = max(*lengths, 1) + more
    x = drawn(len(lengths), time, N_FEATURES)  # nonzero at padding, too, where it must be ignored
    shuffled = list(range(len(lengths)))
    order.shuffle(shuffled)
    for call in traced_calls:
        together = call(x[shuffled], mask_of(lengths, time=time)[shuffled]).numpy()
        for row, i in zip(together, shuffled, strict=True):
            n = lengths[i]
            assert (row[n:] == 0).all()
            if n:
                alone = call(x[i : i + 1, :n], np.ones([1, n], np.bool_))[0]
                np.testing.assert_allclose(row[:n], alone, atol=1e-6)
