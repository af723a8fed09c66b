"""Changes of a corpus from one run to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import Split
from seqtag.corpus.corpus_changes import (
    CorpusChanges,
    RunCorpus,
    SizeChange,
    SplitChanges,
    corpus_changes,
)
from seqtag.corpus.source_report import SourceRecord
from seqtag.errors import OtherVersionError

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

    found = corpus_changes(
        RunCorpus(before, [source("a.conll", 5), source("gone.conll", 3)]),
        RunCorpus(now, [source("new.conll", 4), source("a.conll", 4)]),
        scheme="IOB2",
        since="2026-01-01-a-b",
        version="3",
    )

    assert found == CorpusChanges(
        since="2026-01-01-a-b",
        version="3",
        splits={
            "train": SplitChanges(before=4, now=4, new=1, removed=2, moved_in=1, relabelled=1),
            "dev": UNCHANGED,
            "test": SplitChanges(before=3, now=3, new=2, removed=1, moved_in=0, relabelled=1),
        },
        sources={
            "new.conll": SizeChange(0, 4),
            "a.conll": SizeChange(5, 4),
            "gone.conll": SizeChange(3, 0),
        },
        unit="span",
        types={
            "X": {"train": SizeChange(1, 1), "dev": SizeChange(0, 0), "test": SizeChange(0, 0)},
            "Y": {"train": SizeChange(0, 0), "dev": SizeChange(0, 0), "test": SizeChange(0, 1)},
        },
        new_documents=2,
        removed_documents=2,
    )


def test_the_record_is_read_as_it_was_written(write_splits: WriteSplits, tmp_path: Path) -> None:
    files = write_splits("x", [("1", "A", "a", "O")], [("2", "B", "b", "O")], [("3", "C", "c", "O")])
    corpus = RunCorpus(files, [source("a.conll", 3)])
    found = corpus_changes(corpus, corpus, scheme="none", since="run", version="1")
    found.save(tmp_path / "corpus_changes.json")
    assert CorpusChanges.load(tmp_path / "corpus_changes.json") == found
    assert set(found.splits.values()) == {UNCHANGED}
    assert (found.unit, found.types["O"]["dev"]) == ("token", SizeChange(1, 1))


def test_spans_are_counted_by_their_first_tokens(write_splits: WriteSplits) -> None:
    files = write_splits(
        "x",
        [("1", "A", "a b c d", "B-X E-X S-Y O"), ("2", "A", "e f g", "B-X I-X E-X"), ("3", "A", "h", None)],
        [("4", "B", "i", "O")],
        [("5", "C", "j", "S-Y")],
    )
    corpus = RunCorpus(files, [])
    found = corpus_changes(corpus, corpus, scheme="IOBES", since="run", version="1")
    assert {name: sizes["train"].now for name, sizes in found.types.items()} == {"X": 2, "Y": 1}
    assert found.types["Y"]["test"] == SizeChange(1, 1)
    assert found.sources == {}  # unknown


def test_a_record_of_an_earlier_version_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "corpus_changes.json"
    path.write_text('{"format": "corpus_changes/1", "since": "run", "version": "1"}')
    with pytest.raises(OtherVersionError, match="format is 'corpus_changes/1', expected 'corpus_changes/2'"):
        CorpusChanges.load(path)


def source(name: str, n_sequences: int) -> SourceRecord:
    return SourceRecord(name, n_sequences, assumed={}, changed={}, warnings=[])
