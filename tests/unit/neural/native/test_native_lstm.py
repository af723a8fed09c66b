"""The native LSTM against a step-by-step definition in float64, for each instruction set of the machine."""

import ctypes
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural import native
from seqtag.neural._tensorflow import tf

ARRAY = ctypes.c_void_p


class Lstm(ctypes.Structure):
    """`Lstm` of lstm.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "time", "features", "units", "n_masks")),
        ("backward", ctypes.c_int),
        *((name, ARRAY) for name in ("lengths", "x", "kernel", "recurrent", "bias", "keep")),
        *((name, ctypes.c_int64) for name in ("keep_stride", "output_stride")),
    )


class LstmGradient(ctypes.Structure):
    """`LstmGradient` of lstm.h."""

    _fields_ = tuple(
        (name, ARRAY) for name in ("d_output", "output", "saved", "d_x", "d_kernel", "d_recurrent", "d_bias")
    )


class LstmFunctions(ctypes.Structure):
    """`LstmFunctions` of lstm.h."""

    _fields_ = (
        ("instruction_set", ctypes.c_char_p),
        ("n_saved", ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(Lstm))),
        ("forward", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Lstm), ARRAY, ARRAY)),
        ("gradient", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Lstm), ctypes.POINTER(LstmGradient))),
    )


@cache
def functions_by_instruction_set():
    """Return the functions that this machine can run; each instruction set includes those before it."""
    operations = native.operations()  # the library needs TensorFlow's symbols
    library, found = ctypes.CDLL(str(native.LIBRARY)), {}
    for name in ("lstm_generic", "lstm_avx2", "lstm_avx512"):
        functions = LstmFunctions.in_dll(library, name)
        found[functions.instruction_set.decode()] = functions
        if functions.instruction_set.decode() == operations.instruction_set:
            return found
    raise AssertionError(operations.instruction_set)


class Case:
    """Random inputs of one direction."""

    def __init__(self, lengths, *, more=0, features=3, units=4, n_masks=0, backward=False, seed=0):
        draw = np.random.default_rng(seed)
        self.lengths = np.array(lengths, np.int32)
        self.batch, self.time = len(lengths), max(lengths, default=0) + more
        self.features, self.units, self.n_masks, self.backward = features, units, n_masks, backward

        def normal(*shape, scale=1.0):
            return (scale * draw.normal(size=shape)).astype(np.float32)

        self.x = normal(self.batch, self.time, features)
        self.kernel = normal(features, 4 * units, scale=features**-0.5)
        self.recurrent = normal(units, 4 * units, scale=units**-0.5)
        self.bias = normal(4 * units)
        self.keep = (draw.random((n_masks, self.batch, units)) > 0.3).astype(np.float32) / 0.7
        self.d_output = normal(self.batch, self.time, 2 * units)  # of both directions

    def outputs(self, functions):
        """Return the output, and the gradients at x, kernel, recurrent and bias, from the library."""
        arrays = {
            name: getattr(self, name) for name in ("lengths", "x", "kernel", "recurrent", "bias", "keep")
        }
        sizes = {name: getattr(self, name) for name in ("batch", "time", "features", "units", "n_masks")}
        strides = {"keep_stride": self.batch * self.units, "output_stride": 2 * self.units}
        pointers = {name: array.ctypes.data for name, array in arrays.items()}
        lstm = Lstm(**sizes, backward=self.backward, **pointers, **strides)
        output = np.full([self.batch, self.time, 2 * self.units], np.nan, np.float32)
        saved = np.full(functions.n_saved(lstm), np.nan, np.float32)
        assert functions.forward(lstm, output.ctypes.data, saved.ctypes.data) == 1
        gradients = {f"d_{name}": np.full_like(arrays[name], np.nan) for name in arrays if name in NAMES}
        given = {"d_output": self.d_output, "output": output, "saved": saved} | gradients
        pointers = {name: array.ctypes.data for name, array in given.items()}
        assert functions.gradient(lstm, LstmGradient(**pointers)) == 1
        assert np.isnan(output[:, :, self.units :]).all()  # of the other direction
        return [output[:, :, : self.units], *gradients.values()]

    def defined(self):
        """Return the same by the definition, in float64 and with TensorFlow's gradients."""
        inputs = [tf.constant(getattr(self, name), tf.float64) for name in NAMES]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = self._step_by_step(*inputs)
            total = tf.reduce_sum(output * self.d_output[:, :, : self.units].astype(np.float64))
        none = tf.UnconnectedGradients.ZERO
        return [output, *tape.gradient(total, inputs, unconnected_gradients=none)]

    def _step_by_step(self, x, kernel, recurrent, bias):
        keep = np.ones([1, self.batch, self.units]) if self.n_masks == 0 else self.keep.astype(np.float64)
        keep = np.broadcast_to(keep, [4, self.batch, self.units])
        mask = np.arange(self.time) < self.lengths[:, None]
        state = cell = tf.zeros([self.batch, self.units], tf.float64)
        states = [state] * self.time
        for t in reversed(range(self.time)) if self.backward else range(self.time):
            gates = zip(
                keep, *(tf.split(weight, 4, axis=-1) for weight in (kernel, recurrent, bias)), strict=True
            )
            i, f, g, o = (x[:, t] @ k + (state * kept) @ r + b for kept, k, r, b in gates)
            next_cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
            real = mask[:, t, None]
            states[t] = tf.where(real, tf.sigmoid(o) * tf.tanh(next_cell), 0.0)
            state, cell = tf.where(real, states[t], state), tf.where(real, next_cell, cell)
        return tf.stack(states, axis=1) if states else tf.zeros([self.batch, 0, self.units], tf.float64)


NAMES = ("x", "kernel", "recurrent", "bias")


def assert_as_defined(case):
    expected = case.defined()
    for name, functions in functions_by_instruction_set().items():
        for ours, theirs in zip(case.outputs(functions), expected, strict=True):
            largest = np.abs(theirs).max(initial=1.0)
            np.testing.assert_allclose(ours, theirs, atol=3e-6 * largest, err_msg=name)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    "case",
    [
        {"lengths": []},
        {"lengths": [0, 0], "more": 2},
        {"lengths": [1]},
        {"lengths": [5, 0, 7, 7, 1, 3, 2, 7], "more": 3, "units": 16, "n_masks": 4},
        {"lengths": [4, 3], "units": 1, "features": 1, "n_masks": 1},
        {"lengths": [2] * 70, "units": 17, "features": 33, "n_masks": 4},  # more rows than a part
        {"lengths": [3, 2], "units": 1000, "features": 5},
    ],
    ids=lambda case: ", ".join(f"{name} {str(value)[:12]}" for name, value in case.items()),
)
def test_states_and_gradients_are_as_defined(case, backward):
    assert_as_defined(Case(**case, backward=backward))


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), max_size=14),
    more=st.integers(0, 3),
    features=st.integers(1, 40),
    units=st.integers(1, 40),
    n_masks=st.sampled_from([0, 1, 4]),
    backward=st.booleans(),
    seed=st.integers(0, 99),
)
def test_states_and_gradients_are_as_defined_for_any_shape(**case):
    assert_as_defined(Case(**case))


def test_saturated_gates_and_nan():
    case = Case([3, 3], units=2)
    case.kernel *= 1e30
    for functions in functions_by_instruction_set().values():
        np.testing.assert_allclose(case.outputs(functions)[0], case.defined()[0], atol=3e-6)
    case.x[1, 1, 0] = np.nan
    for functions in functions_by_instruction_set().values():
        output = case.outputs(functions)[0]
        assert np.isfinite(output[0]).all()
        assert np.isfinite(output[1, 0]).all()
        assert np.isnan(output[1, 1:]).all()


def test_equal_inputs_give_equal_bytes():
    case = Case([9, 4, 6, 1], features=5, units=20, n_masks=4)
    for functions in functions_by_instruction_set().values():
        once, again = case.outputs(functions), case.outputs(functions)
        assert [array.tobytes() for array in once] == [array.tobytes() for array in again]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lengths": [1, 3]}, "lengths must be in"),
        ({"lengths": [1, -1]}, "lengths must be in"),
        ({"lengths": [1]}, "lengths must be .batch."),
        ({"kernel": np.zeros([2, 4])}, "kernel must be .features, 4 . units."),
        ({"keep": np.zeros([2, 3, 2, 4])}, "0, 1 or 4 masks"),
        ({"x": np.zeros([2, 2])}, "x must have 3 dimensions"),
        ({"output": np.zeros([2, 2, 4])}, "outputs .* must be .batch, time, 2 . units."),
        ({"part": 2}, "part must be in"),
        ({"part": 2**31}, "part has value 2147483648 out of range"),
        ({"parts": 2**31}, "parts has value 2147483648 out of range"),
        ({"backward": 2}, "backward must be 0 or 1"),
    ],
)
def test_the_operation_refuses_wrong_inputs(wrong, message):
    inputs = {
        "x": np.zeros([2, 2, 3]),
        "lengths": [2, 2],
        "keep": np.zeros([2, 0, 2, 4]),
        "kernel": np.zeros([3, 16]),
        "recurrent": np.zeros([4, 16]),
        "bias": np.zeros(16),
        "output": np.zeros([2, 2, 8]),
        "backward": 0,
        "part": 1,
        "parts": 2,
    } | wrong
    attributes = {name: inputs.pop(name) for name in ("backward", "part", "parts")}
    tensors = {n: tf.constant(v, tf.int32 if n == "lengths" else tf.float32) for n, v in inputs.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        native.operations().lstm(**tensors, **attributes)
