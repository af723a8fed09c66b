"""Which split a sequence falls into, and the three files that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from seqtag.config import SPLITS, SplitConfig
from seqtag.corpus import splits
from seqtag.corpus.schema import corpus_schema
from seqtag.corpus.splits import (
    assign_splits,
    is_official,
    official_splits,
    sequence_ids,
    split_corpus,
    split_schema,
)
from seqtag.errors import CorpusRejectedError

NONE: frozenset[str] = frozenset()


def batch_of(documents: Sequence[str], **columns: Sequence[Any]) -> pa.RecordBatch:
    """One sequence a document, of one token, unless `columns` says otherwise."""
    n = len(documents)
    rows: dict[str, Sequence[Any]] = {
        "sequence_id": [f"s{i}" for i in range(n)],
        "document_id": documents,
        "split": [None] * n,
        "tokens": [["a"]] * n,
        "tags": [["O"]] * n,
        "defect": [None] * n,
    }
    return pa.RecordBatch.from_pydict({**rows, **columns}, schema=corpus_schema())


def numbered(n: int) -> list[str]:
    return [f"document {i}" for i in range(n)]


def parts_of(folder: Path, *batches: pa.RecordBatch) -> list[Path]:
    paths = [folder / f"part-{i:05d}.parquet" for i in range(len(batches))]
    for path, batch in zip(paths, batches, strict=True):
        pq.write_table(pa.Table.from_batches([batch]), path)
    return paths


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


def test_a_document_keeps_its_split_for_ever() -> None:
    # the hashes lie at 0.147, 0.501, 0.891, 0.661, 0.582, 0.615, 0.868, 0.248, 0.549, 0.783
    config = SplitConfig(test=0.2, dev=0.4)
    assigned = assign_splits(batch_of(numbered(10)), config=config, official=NONE).to_pylist()
    assert assigned == ["test", "dev", "train", "train", "dev", "train", "train", "dev", "dev", "train"]


def test_adding_documents_moves_no_other() -> None:
    few = assign_splits(batch_of(numbered(100)), config=SplitConfig(), official=NONE).to_pylist()
    many = assign_splits(batch_of(numbered(1000)[::-1]), config=SplitConfig(), official=NONE).to_pylist()
    assert many[::-1][:100] == few


def test_sequences_of_one_document_stay_together() -> None:
    assigned = assign_splits(batch_of(["a"] * 500 + ["b"] * 500), config=SplitConfig(), official=NONE)
    assert pc.count_distinct(assigned[:500]).as_py() == 1
    assert pc.count_distinct(assigned[500:]).as_py() == 1


def test_shares_are_those_asked_for() -> None:
    assigned = assign_splits(batch_of(numbered(20_000)), config=SplitConfig(dev=0.2, test=0.1), official=NONE)
    shares = {name: pc.sum(pc.equal(assigned, name)).as_py() / 20_000 for name in SPLITS}
    assert shares == pytest.approx({"train": 0.7, "dev": 0.2, "test": 0.1}, abs=0.01)


def test_official_dev_and_test_stay_and_take_no_others() -> None:
    labels = ["train", "dev", "test", None, "valid"] * 200
    assigned = assign_splits(
        batch_of(numbered(1000), split=labels), config=SplitConfig(), official=frozenset(SPLITS)
    )
    assert assigned.to_pylist() == ["train", "dev", "test", "train", "train"] * 200


def test_a_missing_dev_is_carved_from_train_alone() -> None:
    labels = ["train", "test"] * 500
    batch = batch_of(numbered(1000), split=labels)
    assigned = assign_splits(batch, config=SplitConfig(), official=frozenset({"train", "test"})).to_pylist()
    assert assigned[1::2] == ["test"] * 500
    assert {*assigned[::2]} == {"train", "dev"}
    by_hash = assign_splits(batch, config=SplitConfig(), official=NONE).to_pylist()
    assert [a == "dev" for a in assigned[::2]] == [b == "dev" for b in by_hash[::2]]


def test_labels_count_for_nothing_in_mode_hash(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, batch_of(numbered(3), split=["train", "dev", "test"]))
    assert official_splits(parts, SplitConfig(mode="hash")) == NONE
    assert not is_official(parts, SplitConfig(mode="hash"))


def test_official_splits_are_found_over_all_parts(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, batch_of(["a"], split=["train"]), batch_of(["b", "c"], split=["test", None]))
    assert official_splits(parts, SplitConfig()) == {"train", "test"}
    assert is_official(parts, SplitConfig())


def test_a_corpus_without_labels_declares_no_split(tmp_path: Path) -> None:
    assert official_splits(parts_of(tmp_path, batch_of(numbered(3))), SplitConfig()) == NONE


@pytest.mark.parametrize(
    ("labels", "received"),
    [
        (["train", "test", "test"], "1 train, 0 dev, 2 test, 0 without"),
        (["train", "dev", "test", None], "1 train, 1 dev, 1 test, 1 without"),
        (["train", "dev", "test", "valid"], "1 train, 1 dev, 1 test, 1 without"),
    ],
)
def test_mode_official_refuses_missing_splits_and_labels(
    tmp_path: Path, labels: list[str | None], received: str
) -> None:
    parts = parts_of(tmp_path, batch_of(numbered(len(labels)), split=labels))
    with pytest.raises(CorpusRejectedError, match=received):
        official_splits(parts, SplitConfig(mode="official"))


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


def test_tags_are_converted_at_the_door(tmp_path: Path) -> None:
    tags = [["I-X", "I-X", "O"], None, ["O", "I-X", "B-X"]]
    tokens = [["a", "b", "c"]] * 3
    parts = parts_of(tmp_path, batch_of(numbered(3), split=SPLITS, tokens=tokens, tags=tags))
    files = split(parts, tmp_path / "out", scheme="IOB1", train_scheme="IOBES")
    assert files["train"][0]["tags"] == ["B-X", "E-X", "O"]
    assert files["dev"][0]["tags"] is None
    assert files["test"][0]["tags"] == ["O", "S-X", "S-X"]


def test_further_columns_stay(tmp_path: Path) -> None:
    batch = batch_of(numbered(3), split=SPLITS).append_column("genre", pa.array(["news", None, "mail"]))
    files = split(parts_of(tmp_path, batch), tmp_path / "out")
    assert [rows[0]["genre"] for rows in files.values()] == ["news", None, "mail"]


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, batch_of(numbered(2), split=["dev", "test"]))
    with pytest.raises(CorpusRejectedError, match="Received: 0 train, 1 dev, 1 test"):
        split(parts, tmp_path / "out")


def test_tags_that_do_not_match_the_tokens_are_refused(tmp_path: Path) -> None:
    tags = [["O"], ["O", "O"], ["O"]]
    parts = parts_of(tmp_path, batch_of(numbered(3), split=SPLITS, tags=tags))
    with pytest.raises(CorpusRejectedError, match=r"row 1: .* Received: 2 tags for 1 tokens"):
        split(parts, tmp_path / "out")


def test_bytes_do_not_depend_on_how_the_corpus_is_chunked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits, "_TOKENS_A_ROW_GROUP", 50)
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
