"""Inputs found by fuzzing on which readers once failed without a proper error."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.artifacts import find_manifest, is_inside, read_json
from seqtag.config import load_tagger
from seqtag.errors import ConfigError, CorpusFormatError, RunDirError, SeqtagError
from seqtag.evaluation.predictions import read_predictions
from seqtag.features import TagIndex, read_encoded
from seqtag.features.vectors import first_words
from seqtag.neural import read_bundle
from seqtag.neural.weights import load_arrays
from seqtag.run_dir import RunDir
from seqtag.steps import read_config, read_snapshot
from tests.fuzz.targets import BUNDLE, predictions

DEEP = b"[" * 100_000
COLUMNS = 'sequence_column = "s"\ntoken_column = "t"\ntag_column = "g"\n'
TAGGER = 'name = "x"\n[[corpus.sources]]\nformat = "{format}"\npath = "x"\n{more}\n'


@pytest.mark.parametrize("name", ["tags.json", "bundle.json", "config.json"])
def test_deep_nesting_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DEEP)
    read = {
        "tags.json": TagIndex.load,
        "bundle.json": read_bundle,
        "config.json": lambda f: read_json(f / name),
    }
    with pytest.raises(RunDirError, match=name):
        read[name](tmp_path)


@pytest.mark.parametrize(
    "manifest", [DEEP, b'{"step": "x", "inputs": {}, "outputs": null, "seconds": 1}', b"[]", b"{"]
)
def test_an_invalid_manifest_means_no_output(tmp_path: Path, manifest: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(manifest)
    assert find_manifest(tmp_path) is None


@pytest.mark.parametrize("content", ["[]", "{}", '{"name": 3}', '"x"'])
def test_the_configuration_and_snapshot_of_a_run_are_validated(tmp_path: Path, content: str) -> None:
    run = RunDir(tmp_path)
    run.config.write_text(content)
    run.snapshot_address.write_text(content)
    with pytest.raises(RunDirError, match=r"config\.json"):
        read_config(run)
    with pytest.raises(RunDirError, match=r"snapshot\.json"):
        read_snapshot(run)


@pytest.mark.parametrize(
    ("format_", "more", "message"),
    [
        ("conll", "token_column = " + "9" * 5000, "x.toml"),
        ("conll", 'path = ["a", "\\u0000"]', "x.toml"),
        ("jsonl", 'tags_column = "tokens"', "two keys name the column .tokens."),
        ("jsonl", 'id_column = "tokens"', "two keys name the column .tokens."),
        ("table", COLUMNS + 'delimiter = "§"', "delimiter"),
        ("table", COLUMNS + 'delimiter = "\\u0000"', "delimiter"),
        ("conll", "more = " + "[" * 100_000, "x.toml"),
    ],
)  # fmt: skip
def test_an_impossible_tagger_file_is_refused(tmp_path: Path, format_: str, more: str, message: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(TAGGER.format(format=format_, more=more))
    with pytest.raises(ConfigError, match=message):
        load_tagger(path)


def _header(shape: str) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def _zipped(content: bytes, *, name: str = "a.npy", method: int = zipfile.ZIP_STORED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as file:
        file.writestr(name, content)
    return sink.getvalue()


def _pickled() -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return sink.getvalue()


def _encrypted() -> bytes:
    content = bytearray(_zipped(b"abc"))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    return bytes(content)


def _plain() -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.zeros(3))
    return sink.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _zipped(_header("(99999999999,)")), _zipped(_header("(99999999999999999999,)")), _zipped(_pickled()),
        _zipped(b"no array"), _zipped(_header("(2,")), _encrypted(), _plain(), _pickled(), b"PK\x03\x04", b"",
    ],
    ids=["huge", "overflowing", "pickled", "raw", "no header", "encrypted", "npy", "pickle", "cut", "empty"],
)  # fmt: skip
def test_invalid_weights_are_refused_and_nothing_is_executed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(RunDirError, match=r"weights\.npz: cannot be read as an \.npz file of arrays"):
        load_arrays(path)


def test_archive_members_of_weights_are_not_extracted(tmp_path: Path) -> None:
    sink = io.BytesIO()
    np.save(sink, np.zeros(3))
    (tmp_path / "weights.npz").write_bytes(_zipped(sink.getvalue(), name="../../escaped.npy"))
    load_arrays(tmp_path / "weights.npz")  # reads in memory and extracts nothing
    assert [path.name for path in tmp_path.parent.rglob("escaped*")] == []


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", "link", "x\0y"])
def test_a_bundle_that_names_an_outside_file_is_refused(tmp_path: Path, name: str) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (tmp_path / "secret").write_text("hush")
    (bundle / "link").symlink_to(tmp_path / "secret")
    contents = json.loads(BUNDLE)
    contents["files"] = {name: "0", **contents["files"]}
    (bundle / "bundle.json").write_text(json.dumps(contents))
    with pytest.raises(RunDirError, match="is outside the bundle"):
        read_bundle(bundle)
    assert not is_inside(bundle, name)
    assert is_inside(bundle, "saved_model/variables")


@pytest.mark.parametrize(
    "tags",
    ['"O"', "[1, 2]", '["O", "O"]', "null", '{"O": 1}'],
    ids=["text", "numbers", "twice", "null", "object"],
)
def test_a_tag_set_must_hold_unique_strings(tmp_path: Path, tags: str) -> None:
    (tmp_path / "tags.json").write_text(f'{{"tags": {tags}, "scheme": "none", "counts": {{}}}}')
    with pytest.raises(RunDirError, match=r"tags\.json"):
        TagIndex.load(tmp_path)


@pytest.mark.parametrize("folder", ["length=x", "length=", "length=-3", "length=8x"])
def test_encoded_folders_without_a_bucket_length_are_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "part-0.parquet").write_bytes(b"")
    with pytest.raises(RunDirError, match="encoded windows are missing"):
        read_encoded(tmp_path, vocabulary_digest="v", tags_digest="t")


def test_predicted_tags_must_be_strings(tmp_path: Path) -> None:
    table = predictions()
    numbers = pa.array([[1] * len(tags) for tags in table["tags"].to_pylist()])
    wrong = table.set_column(table.schema.get_field_index("predicted"), "predicted", numbers)
    pq.write_table(wrong, tmp_path / "p.parquet")
    with pytest.raises(RunDirError, match=r"p\.parquet.*tags are not strings"):
        read_predictions(tmp_path / "p.parquet", scheme="none")


def test_vectors_with_an_impossible_dimension_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text(f"2 {'9' * 5000}\nthe 1\n")
    with pytest.raises(CorpusFormatError, match=r"v\.txt:1"):
        first_words(str(path), 1)


@pytest.mark.parametrize("raise_", [lambda: load_tagger("a\0b"), lambda: first_words("a\0b", 1)])
def test_a_path_with_a_nul_character_is_refused(raise_: Callable[[], object]) -> None:
    with pytest.raises(SeqtagError):
        raise_()
