"""Arrays come out of the packed tensor as they went in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seqtag.neural._tensorflow import tf
from seqtag.neural.training.packed_inputs import packed, unpacked

SHAPES = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
ARRAYS = st.sampled_from([np.int32, np.float32, np.bool_]).flatmap(lambda dtype: arrays(dtype, SHAPES))


@settings(max_examples=60, deadline=None)
@given(st.lists(ARRAYS, min_size=1, max_size=6))
def test_arrays_of_any_shape_are_unpacked_to_the_same_bytes(given_arrays):
    specs = [tf.TensorSpec([None] * array.ndim, array.dtype) for array in given_arrays]
    tensors = unpacked(tf.constant(packed(given_arrays)), specs)
    for tensor, array in zip(tensors, given_arrays, strict=True):
        assert (tensor.dtype, tensor.shape) == (array.dtype, array.shape)
        assert tensor.numpy().tobytes() == array.tobytes()


def test_known_sizes_are_known_after_unpacking():
    unpack = tf.function(lambda one: unpacked(one, [tf.TensorSpec([None, 4])])[0])
    assert unpack.get_concrete_function(tf.TensorSpec([None], tf.int32)).structured_outputs.shape[1] == 4
