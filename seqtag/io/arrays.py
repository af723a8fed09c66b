"""Arrow columns as NumPy masks, and columns replaced by name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def mask_of(values: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`, False for null.

    >>> mask_of(pa.array([True, None, False])).tolist()
    [True, False, False]
    """
    mask: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False, writable=True)
    return mask


def positions_of(values: pa.BooleanArray) -> npt.NDArray[np.int64]:
    """Return the positions of the true values."""
    return np.flatnonzero(mask_of(values))


def with_column(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    """Return the batch with other values in one of its columns; the field is kept unless the type differs."""
    place = batch.schema.get_field_index(name)
    field = batch.schema.field(place)
    return batch.set_column(place, field if field.type == column.type else name, column)
