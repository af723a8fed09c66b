"""The files of train, dev and test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import SPLITS, SplitConfig
from seqtag.corpus import splits
from seqtag.corpus.schema import corpus_schema
from seqtag.corpus.splits import sequence_ids, split_corpus, split_schema
from seqtag.errors import CorpusRejectedError
from tests.unit.corpus.snapshots import batch_of, numbered, parts_of


def split(parts: list[Path], folder: Path, **arguments: Any) -> dict[str, list[dict[str, Any]]]:
    folder.mkdir(exist_ok=True)
    defaults = {
        "quarantined": np.zeros(0, np.int64),
        "config": SplitConfig(),
        "scheme": "none",
        "train_scheme": "IOB2",
    }
    split_corpus(parts, folder=folder, **(defaults | arguments))
    return {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in SPLITS}


def test_split_files_hold_rows_of_the_snapshot_without_the_quarantined(tmp_path: Path) -> None:
    parts = parts_of(
        tmp_path,
        batch_of(numbered(4), split=["train", "dev", "test", "train"]),
        batch_of(numbered(3), split=["test", "train", "dev"]),
    )
    files = split(parts, tmp_path / "out", quarantined=np.array([0, 4], dtype=np.int64))
    assert {name: [row["row"] for row in rows] for name, rows in files.items()} == {
        "train": [3, 5],
        "dev": [1, 6],
        "test": [2],
    }
    assert sequence_ids(tmp_path / "out" / "train.parquet", [5, 3]) == ["s1", "s3"]
    assert files["train"][1] == {
        "row": 5,
        "sequence_id": "s1",
        "document_id": "document 1",
        "split": "train",
        "tokens": ["a"],
        "tags": ["O"],
    }
    schema = pq.read_schema(tmp_path / "out" / "dev.parquet")
    assert schema == split_schema(corpus_schema())
    assert not schema.field("split").nullable


def test_tags_are_converted_to_the_training_scheme(tmp_path: Path) -> None:
    tags = [["I-X", "I-X", "O"], None, ["O", "I-X", "B-X"]]
    tokens = [["a", "b", "c"]] * 3
    parts = parts_of(tmp_path, batch_of(numbered(3), split=SPLITS, tokens=tokens, tags=tags))
    files = split(parts, tmp_path / "out", scheme="IOB1", train_scheme="IOBES")
    assert files["train"][0]["tags"] == ["B-X", "E-X", "O"]
    assert files["dev"][0]["tags"] is None
    assert files["test"][0]["tags"] == ["O", "S-X", "S-X"]


def test_further_columns_are_kept(tmp_path: Path) -> None:
    batch = batch_of(numbered(3), split=SPLITS).append_column("genre", pa.array(["news", None, "mail"]))
    files = split(parts_of(tmp_path, batch), tmp_path / "out")
    assert [rows[0]["genre"] for rows in files.values()] == ["news", None, "mail"]


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, batch_of(numbered(2), split=["dev", "test"]))
    with pytest.raises(CorpusRejectedError, match=r"^train would be empty: .* 0 train, 1 dev, 1 test"):
        split(parts, tmp_path / "out")


def test_an_empty_split_is_refused_with_what_it_was_split_off_from(tmp_path: Path) -> None:
    labels = ["train", "train", "test", None]  # the document of the last lies at 0.661, beyond dev
    parts = parts_of(tmp_path, batch_of(numbered(4), split=labels))
    with pytest.raises(
        CorpusRejectedError,
        match=r"^dev would be empty: expected a sequence in each split, got 3 train, 0 dev, 1 test "
        r"\(dev: 0 sequences split off from 1 sequences without a split label\)",
    ):
        split(parts, tmp_path / "out")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["train", "test", "test"], "1 train, 0 dev, 2 test, 0 without"),
        (["train", "dev", "test", None], "1 train, 1 dev, 1 test, 1 without"),
        (["train", "dev", "test", "valid"], "1 train, 1 dev, 1 test, 1 without"),
    ],
)
def test_mode_official_refuses_missing_splits_and_labels(
    tmp_path: Path, labels: list[str | None], found: str
) -> None:
    parts = parts_of(tmp_path, batch_of(numbered(len(labels)), split=labels))
    with pytest.raises(CorpusRejectedError, match=f"^official split is incomplete: .* {found}"):
        split(parts, tmp_path / "out", config=SplitConfig(mode="official"))


def test_tags_that_do_not_match_the_tokens_are_refused(tmp_path: Path) -> None:
    tags = [["O"], ["O", "O"], ["O"]]
    parts = parts_of(tmp_path, batch_of(numbered(3), split=SPLITS, tags=tags))
    with pytest.raises(CorpusRejectedError, match=r"row 1: .* got 2 tags for 1 tokens"):
        split(parts, tmp_path / "out")


def test_bytes_do_not_depend_on_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "_ROW_GROUP_TOKENS", 50)
    tokens = [[f"w{i % 7}"] * (i % 5) for i in range(300)]
    tags = [["O"] * (i % 5) for i in range(300)]
    batch = batch_of(numbered(300), tokens=tokens, tags=tags)
    for name, step in {"whole": 300, "torn": 7}.items():
        (tmp_path / name).mkdir()
        parts = parts_of(tmp_path / name, *(batch.slice(i, step) for i in range(0, 300, step)))
        split(parts, tmp_path / name / "out")
    for name in SPLITS:
        whole, torn = (tmp_path / chunked / "out" / f"{name}.parquet" for chunked in ("whole", "torn"))
        assert whole.read_bytes() == torn.read_bytes()
    metadata = pq.read_metadata(tmp_path / "whole" / "out" / "train.parquet")
    assert metadata.num_row_groups > 5
