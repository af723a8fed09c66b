"""Folders that `save_to_disk` of Hugging Face's `datasets` writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import source_digests
from seqtag.errors import ConfigError, CorpusFormatError

NAMES = ["O", "B-PER"]


def write_dataset(folder: Path, words: list[str], *, names: list[str] = NAMES, shards: int = 1) -> None:
    """Write a dataset with the files and features that datasets 5.2.0 writes."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}
    features = {
        "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
        "ner_tags": classes,
    }
    (folder / "dataset_info.json").write_text(json.dumps({"citation": "", "features": features}))
    (folder / "state.json").write_text('{"_split": null}')
    (folder / "cache-1.arrow").write_bytes(b"")
    for shard in range(shards):
        own = words[shard::shards]
        ner = pa.array([[1, 0]] * len(own), pa.list_(pa.int64()))
        rows = pa.table({"tokens": pa.array([[word, "spoke"] for word in own]), "ner_tags": ner})
        name = f"data-{shard:05}-of-{shards:05}.arrow"
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, rows.schema) as stream:
            stream.write_table(rows)


def write_splits(folder: Path) -> None:
    write_dataset(folder / "train", ["Ada", "Bo"], shards=2)
    write_dataset(folder / "validation", ["Cy"])
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')


@pytest.fixture
def read(tmp_path: Path, read_rows: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **keys: read_rows(
        {"format": "datasets", "path": str(tmp_path / "ner"), "tags_column": "ner_tags", **keys}
    )


def test_splits_are_the_folders_and_class_numbers_become_names(tmp_path, read):
    write_splits(tmp_path / "ner")
    assert [(row["tokens"], row["tags"], row["split"]) for row in read()] == [
        (["Ada", "spoke"], ["B-PER", "O"], "train"),
        (["Bo", "spoke"], ["B-PER", "O"], "train"),
        (["Cy", "spoke"], ["B-PER", "O"], "dev"),
    ]


def test_a_single_dataset_has_no_split_even_if_its_folder_is_called_like_one(tmp_path, read):
    write_dataset(tmp_path / "ner" / "train", ["Ada"])
    (row,) = read(path=str(tmp_path / "ner" / "train"))
    assert (row["split"], row["sequence_id"]) == (None, "data-00000-of-00001.arrow#1")


def test_a_declared_split_counts_more_than_the_folder(tmp_path, read):
    write_splits(tmp_path / "ner")
    assert [row["split"] for row in read(split="test")] == ["test"] * 3


def test_renamed_classes_are_a_change_of_the_corpus(tmp_path, read):
    write_dataset(tmp_path / "ner", ["Ada"])
    source = {"format": "datasets", "path": str(tmp_path / "ner"), "tags_column": "ner_tags"}
    corpus = CorpusConfig.model_validate({"sources": [source]})
    before = source_digests(corpus)
    write_dataset(tmp_path / "ner", ["Ada"], names=["O", "B-NAME"])
    assert source_digests(corpus) != before
    assert [row["tags"] for row in read()] == [["B-NAME", "O"]]


def test_a_folder_without_a_description_is_an_error(tmp_path, read):
    write_dataset(tmp_path / "ner", ["Ada"])
    (tmp_path / "ner" / "dataset_info.json").unlink()
    with pytest.raises(ConfigError, match=r"^ner/data-.*arrow: folder is no dataset: expected dataset_info"):
        read()


def test_a_column_that_is_missing_is_reported_with_the_folder(tmp_path, read):
    write_dataset(tmp_path / "ner", ["Ada"])
    with pytest.raises(CorpusFormatError, match=r"^ner/data-00000-of-00001\.arrow: column 'pos' is missing"):
        read(token_columns=["pos"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("dataset_info.json", b"[]", r"^ner/dataset_info\.json: description of the dataset is damaged"),
        ("data-00000-of-00001.arrow", b"ARROW1", r"^ner/data-.*arrow: file is damaged or no Arrow stream"),
    ],
)
def test_damaged_files_are_an_error(name, content, said, tmp_path, read):
    write_dataset(tmp_path / "ner", ["Ada"])
    (tmp_path / "ner" / name).write_bytes(content)
    with pytest.raises(CorpusFormatError, match=said):
        read()
