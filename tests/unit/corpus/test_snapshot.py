"""The corpus as Parquet, and its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.corpus import corpus_schema, snapshot, write_corpus

SCHEMA = corpus_schema(["genre"])


def row(number: int, **values: Any) -> dict[str, Any]:
    length = number % 4 + 1
    return {
        "sequence_id": f"s{number}",
        "document_id": f"d{number // 3}",
        "split": "dev" if number % 2 else None,
        "tokens": [f"t{number}", None, "", "ü"][:length],
        "tags": None if number % 5 == 4 else ["O"] * length,
        "defect": None,
        "genre": None,
        **values,
    }


ROWS = [row(n) for n in range(40)]


def batches(rows: list[dict[str, Any]], size: int) -> list[pa.RecordBatch]:
    return [pa.RecordBatch.from_pylist(rows[i : i + size], SCHEMA) for i in range(0, len(rows), size)]


def written(folder: Path) -> pa.Table:
    return pa.concat_tables(pq.read_table(part) for part in sorted(folder.glob("part-*.parquet")))


def row_groups(part: Path) -> list[int]:
    metadata = pq.ParquetFile(part).metadata
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def test_a_written_corpus_is_read_back(tmp_path):
    snapshot_id = write_corpus(batches(ROWS, 7), SCHEMA, tmp_path)

    assert len(snapshot_id) == 16
    assert int(snapshot_id, 16) >= 0
    assert written(tmp_path).schema.equals(SCHEMA)
    assert written(tmp_path).to_pylist() == ROWS


def test_files_and_id_do_not_depend_on_the_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "CHUNK_SEQUENCES", 3)
    monkeypatch.setattr(snapshot, "CHUNK_TOKENS", 7)
    monkeypatch.setattr(snapshot, "PART_CHUNKS", 2)
    results = set()
    for size in (1, 2, 5, 13, 40):
        folder = tmp_path / str(size)
        folder.mkdir()
        snapshot_id = write_corpus(batches(ROWS, size), SCHEMA, folder)
        assert written(folder).to_pylist() == ROWS
        results.add((snapshot_id, tuple(p.read_bytes() for p in sorted(folder.iterdir()))))

    assert len(results) == 1
    ((_, parts),) = results
    assert len(parts) == 8


def test_files_and_row_groups_end_at_their_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "CHUNK_SEQUENCES", 3)
    monkeypatch.setattr(snapshot, "CHUNK_TOKENS", 7)
    monkeypatch.setattr(snapshot, "PART_CHUNKS", 2)
    write_corpus(batches(ROWS, 40), SCHEMA, tmp_path)

    # 1 + 2 + 3 tokens are 3 sequences, so are 4 + 1 + 2, and the 2 sequences of 3 + 4 have 7 tokens.
    assert row_groups(tmp_path / "part-00000.parquet") == [3, 3]
    assert row_groups(tmp_path / "part-00001.parquet") == [2, 3]


def test_slices_and_values_behind_nulls_do_not_change_the_id(tmp_path):
    whole = pa.RecordBatch.from_pylist([row(90), *ROWS, row(91)], SCHEMA).slice(1, len(ROWS))
    place = SCHEMA.get_field_index("split")
    split = pa.Array.from_buffers(
        pa.string(),
        40,
        [whole["split"].is_valid().buffers()[1], *pa.array(["train", "dev"] * 20).buffers()[1:]],
    )
    assert split.to_pylist() == whole["split"].to_pylist()
    ids = set()
    for number, batch in enumerate(
        [whole, batches(ROWS, 40)[0].set_column(place, SCHEMA.field(place), split)]
    ):
        (tmp_path / str(number)).mkdir()
        ids.add(write_corpus([batch], SCHEMA, tmp_path / str(number)))

    assert len(ids) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"sequence_id": "other"},
        {"split": "test"},
        {"split": ""},
        {"tokens": ["t3x", None, "", "ü"]},
        {"tokens": ["t3", "", None, "ü"]},
        {"tokens": ["t3", None, "", "ü", "end"]},
        {"tags": None},
        {"tags": []},
        {"genre": ""},
        {"defect": "x"},
    ],
    ids=str,
)
def test_any_change_changes_the_id(changed, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    other = [row(n, **changed) if n == 2 else r for n, r in enumerate(ROWS)]

    assert write_corpus(batches(ROWS, 40), SCHEMA, tmp_path / "a") != write_corpus(
        batches(other, 40), SCHEMA, tmp_path / "b"
    )


def test_bounds_between_sequences_change_the_id(tmp_path):
    def snapshot_id(name: str, *tokens: list[str]) -> str:
        (tmp_path / name).mkdir()
        rows = [{**row(0), "tokens": t, "tags": None} for t in tokens]
        return write_corpus(batches(rows, 2), SCHEMA, tmp_path / name)

    assert snapshot_id("a", ["a", "b"], ["c"]) != snapshot_id("b", ["a"], ["b", "c"])
    assert snapshot_id("c", ["ab", "c"], ["d"]) != snapshot_id("d", ["a", "bc"], ["d"])


def test_an_empty_corpus_is_one_empty_part(tmp_path):
    write_corpus([], SCHEMA, tmp_path)

    assert [p.name for p in tmp_path.iterdir()] == ["part-00000.parquet"]
    assert written(tmp_path).schema.equals(SCHEMA)
    assert written(tmp_path).num_rows == 0
