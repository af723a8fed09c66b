"""The native output layer and loss against TensorFlow in float64, for each instruction set of the machine."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural import native
from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.native_cross_entropy import native_cross_entropy
from tests.unit.neural.native.test_native_updates import suffixes_of_this_machine

ARRAY = ctypes.c_void_p
WEIGHTED = ("x", "kernel", "bias")  # the inputs that have a gradient


class CrossEntropy(ctypes.Structure):
    """`CrossEntropy` of cross_entropy.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_tokens", "features", "tags")),
        *((name, ARRAY) for name in (*WEIGHTED, "tag_ids", "weights")),
    )


class CrossEntropyGradient(ctypes.Structure):
    """`CrossEntropyGradient` of cross_entropy.h."""

    _fields_ = (
        ("scale", ctypes.c_float),
        *((name, ARRAY) for name in ("saved", "d_x", "d_kernel", "d_bias")),
    )


class CrossEntropyFunctions(ctypes.Structure):
    """`CrossEntropyFunctions` of cross_entropy.h."""

    _fields_ = (
        ("n_saved", ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(CrossEntropy))),
        ("forward", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(CrossEntropy), ARRAY, ARRAY)),
        (
            "gradient",
            ctypes.CFUNCTYPE(ctypes.c_int, *map(ctypes.POINTER, (CrossEntropy, CrossEntropyGradient))),
        ),
    )


def functions_of_this_machine():
    suffixes = suffixes_of_this_machine()  # TensorFlow has to load the library first
    library = ctypes.CDLL(str(native.LIBRARY))
    return [CrossEntropyFunctions.in_dll(library, f"cross_entropy_{suffix}") for suffix in suffixes]


def drawn(n_tokens, features, tags, *, scale=1.0, seed=0):
    """Return random inputs; a third of the tokens has weight 0."""
    draw = np.random.default_rng(seed)
    return {
        "x": draw.normal(size=(n_tokens, features)).astype(np.float32),
        "kernel": (scale * draw.normal(size=(features, tags))).astype(np.float32),
        "bias": draw.normal(size=tags).astype(np.float32),
        "tag_ids": draw.integers(0, tags, size=n_tokens, dtype=np.int32),
        "weights": draw.choice(np.array([0, 0.5, 2], np.float32), size=n_tokens),
    }


def outputs(functions, inputs, *, scale=1.0):
    """Return the loss, and the gradients at x, kernel and bias, from the library."""
    of = CrossEntropy(*inputs["x"].shape, len(inputs["bias"]), *(a.ctypes.data for a in inputs.values()))
    loss, saved = np.full([], np.nan, np.float32), np.full(functions.n_saved(of), np.nan, np.float32)
    assert functions.forward(of, saved.ctypes.data, loss.ctypes.data) == 1
    gradients = [np.full_like(inputs[name], np.nan) for name in WEIGHTED]
    pointers = [array.ctypes.data for array in (saved, *gradients)]
    assert functions.gradient(of, CrossEntropyGradient(scale, *pointers)) == 1
    return [loss, *gradients]


def defined(inputs, *, scale=1.0):
    """Return the same from TensorFlow, in float64."""
    x, kernel, bias = sources = [tf.constant(inputs[name], tf.float64) for name in WEIGHTED]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(inputs["tag_ids"], x @ kernel + bias)
        loss = tf.reduce_sum(losses * inputs["weights"].astype(np.float64))
        scaled = scale * loss
    return [loss, *tape.gradient(scaled, sources)]


def assert_as_defined(inputs, *, scale=1.0):
    expected = defined(inputs, scale=scale)
    for functions in functions_of_this_machine():
        for ours, theirs in zip(outputs(functions, inputs, scale=scale), expected, strict=True):
            largest = np.abs(theirs).max(initial=1.0)
            np.testing.assert_allclose(ours, theirs, atol=3e-6 * largest)


@settings(max_examples=60, deadline=None)
@given(
    n_tokens=st.integers(0, 40),
    features=st.integers(1, 70),
    tags=st.integers(1, 70),
    scale=st.sampled_from([1.0, 0.01, 0.0]),
    seed=st.integers(0, 99),
)
def test_loss_and_gradients_are_as_defined_for_any_shape(n_tokens, features, tags, scale, seed):
    assert_as_defined(drawn(n_tokens, features, tags, seed=seed), scale=scale)


def test_loss_and_gradients_are_as_defined_for_more_tokens_than_are_computed_at_once():
    assert_as_defined(drawn(300, 200, 17))


def test_certain_and_impossible_tags_have_finite_losses():
    assert_as_defined(drawn(50, 9, 5, scale=100.0))


def test_tokens_of_weight_0_have_no_effect():
    inputs = drawn(20, 5, 3)
    broken = inputs | {"x": np.where(inputs["weights"][:, None] == 0, np.float32(np.nan), inputs["x"])}
    for functions in functions_of_this_machine():
        for ours, theirs in zip(outputs(functions, broken), outputs(functions, inputs), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_score_that_is_not_a_number_makes_the_loss_no_number():
    inputs = drawn(20, 5, 3)
    inputs["x"][np.flatnonzero(inputs["weights"])[0], 2] = np.nan
    for functions in functions_of_this_machine():
        assert np.isnan(outputs(functions, inputs)[0])


@pytest.mark.parametrize("n_processors", [1, 2, 5, 64])
def test_parts_of_a_batch_give_the_loss_and_the_gradients_of_the_whole(monkeypatch, n_processors):
    monkeypatch.setattr("seqtag.neural.native.n_processors", lambda: n_processors)
    inputs = drawn(3 * 7, 6, 4)
    expected = defined(inputs, scale=3.0)
    by_token = ("x", "tag_ids", "weights")
    tensors = {
        name: tf.constant(array.reshape([3, 7, *array.shape[1:]]) if name in by_token else array)
        for name, array in inputs.items()
    }

    def step(tensors):
        with tf.GradientTape() as tape:
            sources = [tensors[name] for name in WEIGHTED]
            tape.watch(sources)
            loss = native_cross_entropy(native.operations(), *tensors.values())
            scaled = 3.0 * loss
        return [loss, *tape.gradient(scaled, sources)]

    for call in (step, tf.function(step)):
        for ours, theirs in zip(call(tensors), expected, strict=True):
            np.testing.assert_allclose(np.reshape(ours, theirs.shape), theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tag_ids": [[0, 0], [0, 3]]}, "tag_ids must be in"),
        ({"tag_ids": [[0, 0], [0, -1]]}, "tag_ids must be in"),
        ({"tag_ids": [[0, 0]]}, "tag_ids must be .batch, time."),
        ({"x": tf.ones([2, 5])}, "x must have 3 dimensions"),
        ({"kernel": tf.ones([4, 3])}, "kernel must be .features, tags."),
        ({"bias": tf.ones([4])}, "bias must be .tags."),
        ({"weights": tf.ones([2, 3])}, "weights must be .batch, time."),
        ({"saved": tf.ones([7])}, "saved must be of the same batch"),
        ({"upstream": tf.ones([1])}, "upstream must be a number"),
        ({"d_x": tf.ones([2, 2, 4])}, "d_x must have the shape of x"),
        ({"parts": 1}, "part must be in"),
        ({"part": 2**31}, "part has value 2147483648 out of range"),
    ],
)
def test_the_gradient_refuses_wrong_inputs(wrong, message):
    inputs = {"x": tf.ones([2, 2, 5]), "kernel": tf.ones([5, 3]), "bias": tf.ones([3])}
    inputs |= {"tag_ids": [[0, 1], [2, 0]], "weights": tf.ones([2, 2])}
    _, saved = native.operations().cross_entropy(**inputs, part=1, parts=2)
    inputs |= {"saved": saved, "upstream": 1.0, "d_x": tf.zeros([2, 2, 5]), "part": 1, "parts": 2}
    native.operations().cross_entropy_gradient(**inputs)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        native.operations().cross_entropy_gradient(**inputs | wrong)
