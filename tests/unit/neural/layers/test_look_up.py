"""Look-ups in training equal TensorFlow's, with their gradients."""

from contextlib import nullcontext

import numpy as np
import pytest

from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.look_up import look_up, look_up_sums, sums_of_squares
from tests.unit.neural.toy import without_native_operations

TABLE = np.arange(15, dtype=np.float32).reshape(5, 3)


@pytest.fixture(params=["native", "without"], autouse=True)
def operations(request):
    with nullcontext() if request.param == "native" else without_native_operations():
        yield


@pytest.mark.parametrize("ids", [[[3, 0], [3, 3], [1, 4]], np.zeros([0, 2])], ids=["three", "none"])
@pytest.mark.parametrize("look", [look_up, look_up_sums])
def test_values_and_gradients_are_those_of_gather(look, ids):
    table, ids = tf.constant(TABLE), tf.constant(ids, tf.int32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(table)
        ours, rows = look(table, ids, training=True), tf.gather(table, ids)
        theirs = rows if look is look_up else tf.reduce_sum(rows, axis=1)
        our_loss, their_loss = (tf.reduce_sum(tf.sin(of) ** 2) for of in (ours, theirs))
    np.testing.assert_array_equal(ours, theirs)
    ours, theirs = (tf.convert_to_tensor(tape.gradient(loss, table)) for loss in (our_loss, their_loss))
    np.testing.assert_allclose(ours, theirs, atol=1e-6, strict=True)


def test_a_row_without_a_look_up_has_no_gradient():
    table = tf.constant(TABLE)
    with tf.GradientTape() as tape:
        tape.watch(table)
        loss = tf.reduce_sum(look_up(table, tf.constant([[1, 1]]), training=True))
    gradient = tf.convert_to_tensor(tape.gradient(loss, table))
    np.testing.assert_array_equal(gradient[:, 0], [0, 2, 0, 0, 0])


def test_squares_are_summed_by_row():
    values = tf.constant([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    sums = sums_of_squares(values, tf.constant([[2, 0], [2, 2]]), 3)
    np.testing.assert_array_equal(sums, [[9, 16], [0, 0], [1 + 25 + 49, 4 + 36 + 64]])
