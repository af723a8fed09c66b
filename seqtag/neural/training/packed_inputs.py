"""Many small arrays as one tensor: TensorFlow takes as long to make a small tensor as to fill it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtag.neural._tensorflow import tf


def packed(arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int32]:
    """Return arrays in one: `<int32>[n]`, sizes and shapes, then the bits of the values.

    Args:
        arrays: of `<int32>`, `<float32>` or `<bool>`, of any shape.
    """
    values = [
        (array.astype(np.int32) if array.dtype == np.bool_ else array.view(np.int32)).ravel()
        for array in arrays
    ]
    dimensions = [n for array in arrays for n in array.shape]
    header = [1 + len(arrays) + len(dimensions), *(len(of) for of in values), *dimensions]
    return np.concatenate([np.array(header, np.int32), *values])


def unpacked(one: Any, specs: Sequence[Any]) -> list[Any]:
    """Return the tensors of what `packed` returned.

    Args:
        one: `<int32>[n]`.
        specs: a `tf.TensorSpec` for each.
    """
    first = 1 + len(specs)
    header, *values = tf.split(one, one[:first], num=first)
    tensors = []
    for spec, of in zip(specs, values, strict=True):
        of = tf.bitcast(of, tf.float32) if spec.dtype == tf.float32 else tf.cast(of, spec.dtype)
        tensors.append(tf.ensure_shape(tf.reshape(of, header[first : first + spec.shape.rank]), spec.shape))
        first += spec.shape.rank
    return tensors
