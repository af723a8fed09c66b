"""Changes of a corpus from one run to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import Split
from seqtag.corpus.corpus_changes import CorpusChanges, SplitChanges, corpus_changes

Rows = list[tuple[str, str, str, str | None]]  # id, document, tokens, tags
WriteSplits = Callable[[str, Rows, Rows, Rows], Mapping[Split, Path]]

UNCHANGED = SplitChanges(before=1, now=1, new=0, removed=0, moved_in=0, relabelled=0)


@pytest.fixture
def write_splits(tmp_path: Path) -> WriteSplits:
    def written(folder: str, *splits: Rows) -> Mapping[Split, Path]:
        files: dict[Split, Path] = {}
        names: tuple[Split, ...] = ("train", "dev", "test")
        for name, rows in zip(names, splits, strict=True):
            files[name] = tmp_path / folder / f"{name}.parquet"
            files[name].parent.mkdir(exist_ok=True)
            table = pa.table(
                {
                    "sequence_id": pa.array([row[0] for row in rows], pa.string()),
                    "document_id": pa.array([row[1] for row in rows], pa.string()),
                    "tokens": pa.array([row[2].split() for row in rows], pa.list_(pa.string())),
                    "tags": pa.array([row[3] and row[3].split() for row in rows], pa.list_(pa.string())),
                }
            )
            pq.write_table(table, files[name], row_group_size=2)
        return files

    return written


def test_new_removed_moved_and_relabelled_sequences_are_counted(write_splits: WriteSplits) -> None:
    dev: Rows = [("d", "D", "x", "O")]
    before = write_splits(
        "before",
        [("1", "A", "a b", "O O"), ("2", "A", "c", "B-X"), ("3", "B", "d", "O"), ("4", "C", "e", "O")],
        dev,
        [("5", "E", "f", "O"), ("6", "E", "g", "O"), ("7", "F", "h", "O")],
    )
    now = write_splits(
        "now",
        [("1", "A", "a b", "O O"), ("2", "A", "c", "O"), ("7", "F", "h", "B-X"), ("8", "G", "i", "O")],
        dev,
        [("6", "E", "g", "B-Y"), ("5", "E", "f changed", "O O"), ("9", "H", "j", None)],
    )

    found = corpus_changes(before, now, since="2026-01-01-a-b", version="3")

    assert found == CorpusChanges(
        since="2026-01-01-a-b",
        version="3",
        splits={
            "train": SplitChanges(before=4, now=4, new=1, removed=2, moved_in=1, relabelled=1),
            "dev": UNCHANGED,
            "test": SplitChanges(before=3, now=3, new=2, removed=1, moved_in=0, relabelled=1),
        },
        new_documents=2,
        removed_documents=2,
    )


def test_the_record_is_read_as_it_was_written(write_splits: WriteSplits, tmp_path: Path) -> None:
    files = write_splits("x", [("1", "A", "a", "O")], [("2", "B", "b", "O")], [("3", "C", "c", "O")])
    found = corpus_changes(files, files, since="run", version="1")
    found.save(tmp_path / "corpus_changes.json")
    assert CorpusChanges.load(tmp_path / "corpus_changes.json") == found
    assert set(found.splits.values()) == {UNCHANGED}
