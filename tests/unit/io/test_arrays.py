"""Arrow columns as NumPy masks, and columns replaced by name."""

from __future__ import annotations

import doctest

import pyarrow as pa

from seqtag.io import arrays
from seqtag.io.arrays import positions_of, with_column


def test_the_docstring_examples_are_correct() -> None:
    assert doctest.testmod(arrays).failed == 0


def test_null_has_no_position() -> None:
    assert positions_of(pa.array([None, True, False, True])).tolist() == [1, 3]


def test_a_replaced_column_keeps_its_field() -> None:
    batch = pa.record_batch([pa.array(["a"])], pa.schema([pa.field("x", pa.string(), nullable=False)]))
    assert with_column(batch, "x", pa.array(["b"])).schema == batch.schema
    assert with_column(batch, "x", pa.array([1])).schema.field("x").type == pa.int64()
