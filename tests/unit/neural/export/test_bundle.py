import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from seqtag.artifacts import (
    file_digest,
)
from seqtag.errors import BundleError, RunDirError
from seqtag.neural import Tagger, read_bundle
from seqtag.neural.export import bundle as bundle_module
from seqtag.neural.weights import load_arrays, save_arrays


@pytest.fixture
def copy(toy_bundle, tmp_path):
    return Path(shutil.copytree(toy_bundle, tmp_path / "copy"))


def rewrite(bundle, **facts):
    """Change facts in bundle.json, and update the digests."""
    path = bundle / "bundle.json"
    content = json.loads(path.read_text())
    content |= {"files": {name: file_digest(bundle / name) for name in content["files"]}} | facts
    path.write_text(json.dumps(content))


def test_a_bundle_holds_exactly_the_documented_files(toy_bundle):
    names = {path.name for path in toy_bundle.iterdir()}
    assert names == {
        "bundle.json",
        "weights.npz",
        "words.parquet",
        "characters.parquet",
        "tags.json",
        "history.json",
        "saved_model",
    }


def test_every_file_has_its_digest(toy_bundle):
    bundle = read_bundle(toy_bundle)[0]
    files = {str(p.relative_to(toy_bundle)) for p in toy_bundle.rglob("*") if p.is_file()}
    assert set(bundle.files) == files - {"bundle.json", "history.json"}
    assert "saved_model/saved_model.pb" in bundle.files


def test_bundle_json_describes_the_tagger(toy_bundle):
    bundle = read_bundle(toy_bundle)[0]
    assert (bundle.recipe, bundle.n_words, bundle.n_tags) == ("base", 5, 2)  # <pad> <unk> a b c; O B-X
    assert (bundle.scheme, bundle.metric, bundle.seed) == ("IOB2", "span_f1", 1)
    assert (bundle.bucket_lengths, bundle.window_overlap) == ((4, 8), 2)
    assert bundle.vectors is None
    assert 0.5 <= bundle.temperature <= 10
    assert set(bundle.versions) == {"seqtag", "python", "tensorflow", "keras", "numpy", "pyarrow"}


@pytest.mark.parametrize("name", ["weights.npz", "words.parquet", "tags.json", "saved_model/saved_model.pb"])
def test_a_changed_file_is_rejected(copy, name):
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match=f"{name}: file has changed: expected sha256 [0-9a-f]{{64}}, found"):
        Tagger.load(copy)


@pytest.mark.parametrize("name", ["weights.npz", "bundle.json"])
def test_a_missing_file_is_rejected(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: file is missing from the bundle"):
        Tagger.load(copy)


def test_a_missing_folder_is_not_a_damaged_bundle(copy):
    """Its file system may just not be mounted."""
    shutil.rmtree(copy)
    with pytest.raises(RunDirError, match="bundle cannot be found") as raised:
        Tagger.load(copy)
    assert not isinstance(raised.value, BundleError)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM])
def test_a_failing_disk_is_not_a_damaged_bundle(copy, monkeypatch, number):
    def failing(path):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(bundle_module, "file_digest", failing)
    with pytest.raises(RunDirError, match="file cannot be read") as raised:
        Tagger.load(copy)
    assert not isinstance(raised.value, BundleError)
    assert raised.value.__cause__.errno == number


def test_running_out_of_memory_is_not_a_damaged_bundle(copy, monkeypatch):
    def failing(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np, "load", failing)
    with pytest.raises(RunDirError) as raised:
        Tagger.load(copy)
    assert not isinstance(raised.value, BundleError)
    assert isinstance(raised.value.__cause__, MemoryError)


def test_other_files_in_the_folder_are_ignored(copy):
    (copy / "manifest.json").write_text("{}")
    assert Tagger.load(copy).bundle.recipe == "base"


@pytest.mark.parametrize("content", ["{}", "no json", '{"format": 1}'])
def test_an_invalid_bundle_json_is_rejected(copy, content):
    (copy / "bundle.json").write_text(content)
    with pytest.raises(BundleError, match=r"expected format 2|not a bundle of format 2"):
        Tagger.load(copy)


def test_missing_digests_are_rejected(copy):
    rewrite(copy, files={})
    with pytest.raises(BundleError, match=r"no digest of weights\.npz"):
        Tagger.load(copy)


def test_an_unknown_recipe_is_rejected(copy):
    rewrite(copy, recipe="os.system")
    with pytest.raises(BundleError, match=r"unknown recipe 'os\.system'; expected one of \['base', "):
        Tagger.load(copy)


def test_sizes_that_contradict_the_vocabulary_are_rejected(copy):
    rewrite(copy, n_words=6)
    with pytest.raises(BundleError, match=r"n_words is 5, but bundle.json says 6"):
        Tagger.load(copy)


def test_sizes_that_contradict_the_weights_are_rejected(suffix_bundle, tmp_path):
    copy = Path(shutil.copytree(suffix_bundle("viterbi"), tmp_path / "copy"))
    model = json.loads((copy / "bundle.json").read_text())["model"]
    rewrite(copy, model=model | {"units": 13})
    with pytest.raises(BundleError, match="weights have the wrong shapes"):
        Tagger.load(copy)


def test_a_head_that_contradicts_the_weights_is_rejected(suffix_bundle, tmp_path):
    copy = Path(shutil.copytree(suffix_bundle("viterbi"), tmp_path / "copy"))
    model = json.loads((copy / "bundle.json").read_text())["model"]
    rewrite(copy, model=model | {"output": "crf"})
    with pytest.raises(BundleError, match="weights have the wrong shapes"):
        Tagger.load(copy)


def test_weights_of_another_model_are_rejected(copy):
    weights = dict(load_arrays(copy / "weights.npz"))
    weights["tags/bias"] = np.zeros(3, np.float32)
    save_arrays(copy / "weights.npz", weights)
    rewrite(copy)
    with pytest.raises(BundleError, match="weights have the wrong shapes"):
        Tagger.load(copy)


def test_pickled_weights_are_rejected(copy):
    np.savez(copy / "weights.npz", planted=np.array([Path], dtype=object))
    rewrite(copy)
    with pytest.raises(BundleError, match=r"cannot be read as an \.npz file of arrays"):
        Tagger.load(copy)


def test_equal_weights_give_equal_bytes_in_any_order(tmp_path):
    weights = {"b/kernel": np.ones((2, 2), np.float32), "a/bias": np.zeros(3, np.float32)}
    save_arrays(tmp_path / "one.npz", weights)
    save_arrays(tmp_path / "two.npz", dict(reversed(weights.items())))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert {name: array.tolist() for name, array in load_arrays(tmp_path / "one.npz").items()} == {
        "a/bias": [0, 0, 0],
        "b/kernel": [[1, 1], [1, 1]],
    }
