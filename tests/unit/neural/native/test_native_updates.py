"""Row sums and Adam against their definitions in float64, for each instruction set of the machine."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural import native
from seqtag.neural._tensorflow import tf

ARRAY = ctypes.c_void_p
INSTRUCTION_SETS = {"SSE2": "generic", "NEON": "generic", "AVX2": "avx2", "AVX-512": "avx512"}


class RowSums(ctypes.Structure):
    """`RowSums` of updates.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_values", "size", "ids_per_value", "n_sums")),
        ("squared", ctypes.c_int),
        *((name, ARRAY) for name in ("values", "ids", "sums")),
    )


class Adam(ctypes.Structure):
    """`Adam` of updates.h."""

    _fields_ = (
        ("n", ctypes.c_int64),
        ("rate", ctypes.c_float),
        ("scale", ctypes.c_float),
        *((name, ARRAY) for name in ("values", "first", "second", "gradients", "squares")),
        *((name, ARRAY) for name in ("new_values", "new_first", "new_second")),
    )


class UpdateFunctions(ctypes.Structure):
    """`UpdateFunctions` of updates.h."""

    _fields_ = (
        ("sum_rows", ctypes.CFUNCTYPE(None, ctypes.POINTER(RowSums))),
        ("adam", ctypes.CFUNCTYPE(None, ctypes.POINTER(Adam))),
    )


def suffixes_of_this_machine():
    """Return the suffixes of the instruction sets that this machine can run."""
    suffixes = ["generic", "avx2", "avx512"]
    best = INSTRUCTION_SETS[native.operations().instruction_set]
    return suffixes[: suffixes.index(best) + 1]


def functions_of_this_machine():
    suffixes = suffixes_of_this_machine()  # TensorFlow has to load the library first
    library = ctypes.CDLL(str(native.LIBRARY))
    return [UpdateFunctions.in_dll(library, f"updates_{suffix}") for suffix in suffixes]


@settings(max_examples=50, deadline=None)
@given(
    n_values=st.integers(0, 20),
    size=st.integers(0, 40),
    ids_per_value=st.integers(1, 3),
    n_sums=st.integers(1, 9),
    squared=st.booleans(),
    seed=st.integers(0, 99),
)
def test_rows_are_summed_by_id(n_values, size, ids_per_value, n_sums, squared, seed):
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(n_values, size)).astype(np.float32)
    ids = draw.integers(0, n_sums, size=(n_values, ids_per_value), dtype=np.int32)
    expected = np.zeros([n_sums, size])
    for of_value, value in zip(ids, values.astype(np.float64), strict=True):
        for i in of_value:
            expected[i] += value**2 if squared else value
    for functions in functions_of_this_machine():
        sums = np.full([n_sums, size], np.nan, np.float32)
        pointers = {"values": values.ctypes.data, "ids": ids.ctypes.data, "sums": sums.ctypes.data}
        functions.sum_rows(RowSums(n_values, size, ids_per_value, n_sums, squared, **pointers))
        np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(0, 70), with_squares=st.booleans(), scale=st.sampled_from([1.0, 0.01, 0.0]))
def test_adam_moves_arrays_as_defined(n, with_squares, scale):
    draw = np.random.default_rng(n)
    values, first, gradients = draw.normal(size=(3, n)).astype(np.float32)
    second, squares = draw.gamma(1.0, size=(2, n)).astype(np.float32)
    given_squares = squares if with_squares else gradients.astype(np.float64) ** 2
    expected_first = 0.9 * first + 0.1 * scale * gradients
    expected_second = 0.999 * second + 0.001 * scale**2 * given_squares
    expected = values - 0.5 * expected_first / (np.sqrt(expected_second) + 1e-7)
    for functions in functions_of_this_machine():
        new = np.full([3, n], np.nan, np.float32)
        arrays = [array.ctypes.data for array in (values, first, second, gradients)]
        arrays += [squares.ctypes.data if with_squares else None, *(array.ctypes.data for array in new)]
        functions.adam(Adam(n, 0.5, scale, *arrays))
        np.testing.assert_allclose(new, [expected, expected_first, expected_second], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ids": [0, 3]}, "ids must be in"),
        ({"ids": [-1, 0]}, "ids must be in"),
        ({"ids": [0, 0, 0]}, "same number for each value"),
        ({"n_sums": -1}, "n_sums must be at least 0"),
        ({"n_sums": [1, 2]}, "n_sums must be a number"),
        ({"values": 1.0}, "values must have at least 1 dimension"),
    ],
)
def test_row_sums_refuse_wrong_inputs(wrong, message):
    inputs = {"values": tf.ones([2, 5]), "ids": [0, 2], "n_sums": 3} | wrong
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        native.operations().sum_rows(**inputs)


@pytest.mark.parametrize("wrong", ["second", "gradients", "squares", "rate"])
def test_adam_refuses_wrong_inputs(wrong):
    inputs = {name: [tf.ones([2, 3])] for name in ("values", "first", "second", "gradients", "squares")}
    inputs |= {"rate": 0.1, "scale": 1.0}
    inputs[wrong] = [tf.ones([2, 4])] if isinstance(inputs[wrong], list) else [0.1, 0.2]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"shape of the values|rate must be a number"):
        native.operations().adam(**inputs)
