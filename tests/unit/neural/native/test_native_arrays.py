"""The array that native operations fill."""

import pytest

from seqtag.neural import native
from seqtag.neural._tensorflow import tf


def test_the_array_has_the_batch_and_the_time_of_x_and_the_stated_size():
    assert native.operations().array(tf.ones([2, 3, 5]), size=7).shape == [2, 3, 7]


def test_a_size_that_is_no_int_is_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="size has value 2147483648 out of range"):
        native.operations().array(tf.ones([2, 3, 5]), size=2**31)


def test_an_array_of_more_bytes_than_can_be_counted_is_refused():
    x = tf.zeros(tf.constant([2**31, 2**31, 0], tf.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"an output must be below 2.63 bytes"):
        native.operations().array(x, size=1)


def test_x_has_3_dimensions():
    with pytest.raises(tf.errors.InvalidArgumentError, match="x must have 3 dimensions"):
        native.operations().array(tf.ones([2, 3]), size=1)
