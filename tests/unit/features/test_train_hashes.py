"""Hashes of the sequences that a model was trained on."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.errors import RunDirError
from seqtag.features import is_known_sequence, write_sequence_hashes

STRINGS = pa.list_(pa.string())


def split(path: Path, *sequences: str) -> Path:
    pq.write_table(pa.table({"tokens": pa.array([text.split() for text in sequences], STRINGS)}), path)
    return path


def seen(path: Path, *sequences: str) -> list[bool]:
    return is_known_sequence(pa.array([text.split() for text in sequences], STRINGS), path).tolist()


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
