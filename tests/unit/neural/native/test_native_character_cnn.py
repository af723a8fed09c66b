"""The native character CNN: equal bytes from all instruction sets, and errors for wrong inputs.

`tests/unit/neural/layers/test_char_cnn.py` compares it with TensorFlow.
"""

import ctypes

import numpy as np
import pytest

from seqtag.neural import native
from seqtag.neural._tensorflow import tf
from tests.unit.neural.native.test_native_updates import suffixes_of_this_machine

ARRAY = ctypes.c_void_p


class CharacterCnn(ctypes.Structure):
    """`CharacterCnn` of character_cnn.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n_words", "time", "n_characters", "filters")),
        *((name, ARRAY) for name in ("ids", "products", "bias")),
    )


class CharacterCnnGradient(ctypes.Structure):
    """`CharacterCnnGradient` of character_cnn.h."""

    _fields_ = tuple((name, ARRAY) for name in ("d_output", "chosen", "d_products", "d_bias"))


class CharacterCnnFunctions(ctypes.Structure):
    """`CharacterCnnFunctions` of character_cnn.h."""

    _fields_ = (
        ("forward", ctypes.CFUNCTYPE(None, ctypes.POINTER(CharacterCnn), ARRAY, ARRAY)),
        ("gradient", ctypes.CFUNCTYPE(None, *map(ctypes.POINTER, (CharacterCnn, CharacterCnnGradient)))),
    )


@pytest.mark.parametrize("filters", [1, 16, 37])
def test_all_instruction_sets_give_equal_bytes(filters):
    draw = np.random.default_rng(filters)
    lengths = draw.integers(0, 7, size=(30, 1))
    ids = np.where(np.arange(6) < lengths, draw.integers(1, 9, size=(30, 6)), 0).astype(np.int32)
    products = draw.normal(size=(3, 9, filters)).astype(np.float32)
    bias, d_output = (draw.normal(size=size).astype(np.float32) for size in (filters, (30, filters)))
    suffixes = suffixes_of_this_machine()  # TensorFlow has to load the library first
    library, found = ctypes.CDLL(str(native.LIBRARY)), set()
    for suffix in suffixes:
        functions = CharacterCnnFunctions.in_dll(library, f"character_cnn_{suffix}")
        arrays = [np.full_like(of, np.nan) for of in (d_output, d_output, products, bias)]
        output, chosen, d_products, d_bias = (array.ctypes.data for array in arrays)
        cnn = CharacterCnn(30, 6, 9, filters, ids.ctypes.data, products.ctypes.data, bias.ctypes.data)
        functions.forward(cnn, output, chosen)
        functions.gradient(cnn, CharacterCnnGradient(d_output.ctypes.data, chosen, d_products, d_bias))
        assert all(np.isfinite(array).all() for array in arrays)
        found.add(b"".join(array.tobytes() for array in arrays))
    assert len(found) == 1


def test_a_value_that_is_not_a_number_is_the_largest():
    """Otherwise the loss would stay finite, and nothing would tell that a weight is not a number."""
    ids = np.array([[2, 1, 1], [1, 1, 2], [1, 1, 0]], np.int32)
    products = np.zeros([3, 3, 20], np.float32)
    products[1, 1:] = [[1.0], [2.0]]
    products[1, 2, 5] = np.nan  # character 2, filter 5
    bias = np.zeros(20, np.float32)
    bias[7] = np.nan
    values = tf.nn.relu(bias + tf.gather(products[1], ids))  # [n_words, time, filters]
    expected = tf.reduce_max(tf.where(ids[..., None] > 0, values, 0.0), axis=1)
    suffixes = suffixes_of_this_machine()  # TensorFlow has to load the library first
    library = ctypes.CDLL(str(native.LIBRARY))
    for suffix in suffixes:
        functions = CharacterCnnFunctions.in_dll(library, f"character_cnn_{suffix}")
        output, chosen = np.zeros([2, 3, 20], np.float32)
        cnn = CharacterCnn(3, 3, 3, 20, ids.ctypes.data, products.ctypes.data, bias.ctypes.data)
        functions.forward(cnn, output.ctypes.data, chosen.ctypes.data)
        np.testing.assert_array_equal(output, expected)
        assert chosen[:, 5].tolist() == [0, 2, 0]
        assert chosen[:, 7].tolist() == [2, 2, 1]  # the last of several


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ids": [[0, 4]]}, "ids must be in"),
        ({"ids": [[0, -1]]}, "ids must be in"),
        ({"ids": [1, 2]}, "ids must have 2 dimensions"),
        ({"products": tf.ones([2, 4, 5])}, "products must be .3, n_characters, filters."),
        ({"bias": tf.ones([6])}, "bias must be .filters."),
        ({"chosen": tf.ones([1, 6])}, "chosen must be .n_words, filters."),
        ({"chosen": tf.fill([1, 5], 2.0)}, "chosen must be in"),
        ({"chosen": tf.fill([1, 5], float("nan"))}, "chosen must be in"),
        ({"d_output": tf.ones([2, 5])}, "d_output must be .n_words, filters."),
    ],
)
def test_the_gradient_refuses_wrong_inputs(wrong, message):
    inputs = {"ids": [[1, 2]], "products": tf.ones([3, 4, 5]), "bias": tf.ones([5])}
    inputs |= {"chosen": tf.zeros([1, 5]), "d_output": tf.ones([1, 5])}
    native.operations().character_cnn_gradient(**inputs)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        native.operations().character_cnn_gradient(**inputs | wrong)
