from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.serving.sequence_log import SequenceLog

SCHEMA = pa.schema({"tokens": pa.list_(pa.string()), "model_version": pa.string()})
ROW = {"tokens": ["a", "b"], "model_version": "1"}


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_what_was_added_since_the_last_part_is_one_part_of_the_day(tmp_path: Path) -> None:
    log = SequenceLog(tmp_path / "log", SCHEMA)
    log.flush()
    assert not (tmp_path / "log").exists()
    log.add([ROW])
    log.add([{**ROW, "model_version": "2"}])
    log.flush()
    (part,) = parts(tmp_path)
    assert pq.read_table(part).to_pylist() == [ROW, {**ROW, "model_version": "2"}]
    assert len(part.parent.name.split("-")) == 3
    assert [path.name for path in part.parent.iterdir()] == [part.name]


def test_a_full_part_is_written_at_once(tmp_path: Path) -> None:
    log = SequenceLog(tmp_path, SCHEMA)
    log.add([{**ROW, "tokens": ["a"] * 999_999}])
    assert not parts(tmp_path)
    log.add([ROW])
    (part,) = parts(tmp_path)
    assert pq.read_metadata(part).num_rows == 2


def test_empty_sequences_are_left_out(tmp_path: Path) -> None:
    log = SequenceLog(tmp_path, SCHEMA)
    log.add([ROW, {**ROW, "tokens": []}])
    log.flush()
    (part,) = parts(tmp_path)
    assert pq.read_table(part).to_pylist() == [ROW]


def test_sequences_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the folder should be")
    lost: list[int] = []
    log = SequenceLog(tmp_path / "file", SCHEMA, lost=lost.append)
    log.add([ROW] * 3)
    log.flush()
    log.flush()
    assert lost == [3]
