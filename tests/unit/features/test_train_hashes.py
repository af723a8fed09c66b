"""Hashes of the sequences that a model was trained on."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.errors import RunDirError
from seqtag.features import SequenceHashes, write_sequence_hashes

STRINGS = pa.list_(pa.string())


def split(path: Path, *sequences: str) -> Path:
    pq.write_table(pa.table({"tokens": pa.array([text.split() for text in sequences], STRINGS)}), path)
    return path


def seen(path: Path, *sequences: str) -> list[bool]:
    tokens = pa.array([text.split() for text in sequences], STRINGS)
    return SequenceHashes.read(path).hold(pa.record_batch({"tokens": tokens})).tolist()


def test_only_sequences_of_train_and_dev_are_known(tmp_path: Path) -> None:
    splits = [split(tmp_path / "train", "a b c", "d e f"), split(tmp_path / "dev", "g h i", "a b c")]
    write_sequence_hashes(splits, tmp_path / "seen.parquet", min_length=3)
    assert pq.read_metadata(tmp_path / "seen.parquet").num_rows == 3
    assert seen(tmp_path / "seen.parquet", "a b c", "c b a", "a b", "g h i", "a b c d", "z") == [
        True, False, False, True, False, False,
    ]  # fmt: skip


def test_short_sequences_are_never_known(tmp_path: Path) -> None:
    write_sequence_hashes(
        [split(tmp_path / "train", "thank you", "a b c")], tmp_path / "seen.parquet", min_length=3
    )
    assert seen(tmp_path / "seen.parquet", "thank you", "a b c") == [False, True]


def test_without_sequences_none_is_known(tmp_path: Path) -> None:
    write_sequence_hashes([split(tmp_path / "train")], tmp_path / "seen.parquet", min_length=1)
    assert seen(tmp_path / "seen.parquet", "a", "") == [False, False]


@pytest.mark.parametrize("table", [pa.table({"sequence_hash": [1]}), pa.table({"x": [1]})])
def test_a_malformed_file_is_refused(tmp_path: Path, table: pa.Table) -> None:
    pq.write_table(table, tmp_path / "seen.parquet")
    with pytest.raises(RunDirError, match=r"seen\.parquet: sequence hashes are unreadable"):
        seen(tmp_path / "seen.parquet", "a")
    with pytest.raises(RunDirError):
        seen(tmp_path / "nothing", "a")


def test_sequences_that_differ_in_a_column_are_different(tmp_path):
    tokens = pa.array([["a", "b"], ["a", "b"]], STRINGS)
    table = pa.table({"tokens": tokens, "tags": tokens, "host": pa.array([["x", "y"], None], STRINGS)})
    pq.write_table(table, tmp_path / "train.parquet")
    write_sequence_hashes([tmp_path / "train.parquet"], tmp_path / "seen.parquet", min_length=1)
    rows = pa.array([["x", "y"], ["x", "x"], None], STRINGS)
    batch = pa.record_batch({"tokens": pa.array([["a", "b"]] * 3, STRINGS), "host": rows})
    seen = SequenceHashes.read(tmp_path / "seen.parquet")
    assert seen.hold(batch).tolist() == [True, False, True]
    assert seen.hold(batch.drop_columns(["host"])).tolist() == [True] * 3

    pq.write_table(table.drop_columns(["host"]), tmp_path / "train.parquet")
    write_sequence_hashes([tmp_path / "train.parquet"], tmp_path / "new.parquet", min_length=1)
    old = pq.read_table(tmp_path / "new.parquet").replace_schema_metadata({"min_length": "1"})
    pq.write_table(old, tmp_path / "old.parquet")  # as of a version that knew no columns
    assert SequenceHashes.read(tmp_path / "old.parquet").hold(batch).tolist() == [True] * 3
