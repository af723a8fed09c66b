"""Parquet files, read and written one row group at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from seqtag.io.row_groups import RowGroupWriter, read_row_groups, read_rows

SCHEMA = pa.schema([("size", pa.int64())])


def write(path: Path, sizes: list[list[int]], *, size: int, weighed: bool = False) -> list[list[int]]:
    weigh = (lambda table: table.column("size").to_numpy()) if weighed else None
    with RowGroupWriter(path, SCHEMA, size=size, weigh=weigh) as writer:
        for part in sizes:
            writer.append(pa.table([part], SCHEMA))
    return [batch.column("size").to_pylist() for _, batch in read_row_groups([path])]


@pytest.mark.parametrize("parts", [[[1, 2, 3, 4, 5]], [[1], [2, 3, 4], [5]], [[], [1, 2], [3, 4, 5], []]])
def test_row_groups_do_not_depend_on_how_rows_arrive(parts, tmp_path) -> None:
    assert write(tmp_path / "x", parts, size=2) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("parts", [[[1, 2, 4, 1, 9, 1]], [[1, 2], [4, 1, 9], [1]], [[1], [2, 4, 1, 9, 1]]])
def test_a_row_group_ends_with_the_row_that_fills_it(parts, tmp_path) -> None:
    assert write(tmp_path / "x", parts, size=3, weighed=True) == [[1, 2], [4], [1, 9], [1]]


def test_a_file_without_rows_has_no_row_group_to_read(tmp_path) -> None:
    assert write(tmp_path / "x", [[], []], size=2) == []
    assert write(tmp_path / "y", [], size=2) == []


def test_nothing_waits_to_be_written_after_an_error(tmp_path) -> None:
    def write_and_fail() -> None:
        with RowGroupWriter(tmp_path / "x", SCHEMA, size=2) as writer:
            writer.append(pa.table([[1]], SCHEMA))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert pq.read_metadata(tmp_path / "x").num_rows == 0


def test_rows_are_numbered_over_all_files(tmp_path) -> None:
    files = [tmp_path / "x", tmp_path / "y"]
    write(files[0], [[10, 11, 12]], size=2)
    write(files[1], [[13, 14]], size=2)
    assert [first for first, _ in read_row_groups(files)] == [0, 2, 3]
    found = [
        (rows.tolist(), batch["size"].to_pylist()) for rows, batch in read_rows(files, np.array([1, 3, 4]))
    ]
    assert found == [([1], [11]), ([3, 4], [13, 14])]


def test_lists_stay_coded_if_wanted(tmp_path) -> None:
    pq.write_table(pa.table({"tokens": [["a", "b"], ["a"]]}), tmp_path / "x")
    ((_, batch),) = read_row_groups([tmp_path / "x"], ["tokens"], coded=["tokens"])
    assert pa.types.is_dictionary(batch.schema.field("tokens").type.value_type)
    assert pc.list_value_length(batch["tokens"]).to_pylist() == [2, 1]
