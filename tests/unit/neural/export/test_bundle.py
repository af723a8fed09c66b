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
    """Change what bundle.json says, digests of changed files included."""
    path = bundle / "bundle.json"
    said = json.loads(path.read_text())
    said |= {"files": {name: file_digest(bundle / name) for name in said["files"]}} | facts
    path.write_text(json.dumps(said))


def test_a_bundle_holds_what_the_contract_names(toy_bundle):
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


def test_a_bundle_says_what_it_is(toy_bundle):
    bundle = read_bundle(toy_bundle)[0]
    assert (bundle.recipe, bundle.n_words, bundle.n_tags) == ("seed", 5, 2)  # <pad> <unk> a b c; O B-X
    assert (bundle.scheme, bundle.metric, bundle.seed) == ("IOB2", "span_f1", 1)
    assert (bundle.ladder, bundle.window_overlap) == ((4, 8), 2)
    assert bundle.vectors is None
    assert 0.5 <= bundle.temperature <= 10
    assert set(bundle.versions) == {"seqtag", "python", "tensorflow", "keras", "numpy", "pyarrow"}


@pytest.mark.parametrize("name", ["weights.npz", "words.parquet", "tags.json", "saved_model/saved_model.pb"])
def test_a_changed_file_is_refused(copy, name):
    with (copy / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match=f"{name}: sha256 [0-9a-f]{{64}} was required"):
        Tagger.load(copy)


@pytest.mark.parametrize("name", ["weights.npz", "bundle.json"])
def test_a_missing_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: file is missing from the bundle"):
        Tagger.load(copy)


def test_a_bundle_whose_whole_folder_is_gone_may_come_back(copy):
    """A file system that is not mounted is no damage."""
    shutil.rmtree(copy)
    with pytest.raises(RunDirError, match="bundle cannot be found") as raised:
        Tagger.load(copy)
    assert not isinstance(raised.value, BundleError)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM])
def test_a_disk_that_fails_is_not_damage_to_the_bundle(copy, monkeypatch, number):
    def failing(path):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(bundle_module, "file_digest", failing)
    with pytest.raises(RunDirError, match="file cannot be read") as raised:
        Tagger.load(copy)
    assert not isinstance(raised.value, BundleError)
    assert raised.value.__cause__.errno == number


def test_memory_that_runs_out_while_weights_are_read_is_not_damage_to_the_bundle(copy, monkeypatch):
    def failing(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np, "load", failing)
    with pytest.raises(RunDirError) as raised:
        Tagger.load(copy)
    assert not isinstance(raised.value, BundleError)
    assert isinstance(raised.value.__cause__, MemoryError)


def test_a_file_beside_the_bundle_does_not_matter(copy):
    (copy / "manifest.json").write_text("{}")
    assert Tagger.load(copy).bundle.recipe == "seed"


@pytest.mark.parametrize("said", ["{}", "no json", '{"format": 1}'])
def test_something_else_for_bundle_json_is_refused(copy, said):
    (copy / "bundle.json").write_text(said)
    with pytest.raises(BundleError, match="a bundle of format 2 was required"):
        Tagger.load(copy)


def test_digests_that_are_left_out_are_refused(copy):
    rewrite(copy, files={})
    with pytest.raises(BundleError, match=r"the digest of weights.npz was required"):
        Tagger.load(copy)


def test_an_unknown_recipe_is_refused(copy):
    rewrite(copy, recipe="os.system")
    with pytest.raises(BundleError, match=r"a recipe of .'default', 'seed'. was required. Received: os"):
        Tagger.load(copy)


def test_sizes_that_contradict_the_vocabulary_are_refused(copy):
    rewrite(copy, n_words=6)
    with pytest.raises(BundleError, match=r"n_words is 5, but bundle.json says 6"):
        Tagger.load(copy)


def test_sizes_that_contradict_the_weights_are_refused(suffix_bundle, tmp_path):
    copy = Path(shutil.copytree(suffix_bundle("viterbi"), tmp_path / "copy"))
    model = json.loads((copy / "bundle.json").read_text())["model"]
    rewrite(copy, model=model | {"units": 13})
    with pytest.raises(BundleError, match="weights of shapes"):
        Tagger.load(copy)


def test_an_output_that_contradicts_the_weights_is_refused(suffix_bundle, tmp_path):
    copy = Path(shutil.copytree(suffix_bundle("viterbi"), tmp_path / "copy"))
    model = json.loads((copy / "bundle.json").read_text())["model"]
    rewrite(copy, model=model | {"output": "crf"})
    with pytest.raises(BundleError, match="weights of shapes"):
        Tagger.load(copy)


def test_weights_of_another_model_are_refused(copy):
    weights = dict(load_arrays(copy / "weights.npz"))
    weights["tags/bias"] = np.zeros(3, np.float32)
    save_arrays(copy / "weights.npz", weights)
    rewrite(copy)
    with pytest.raises(BundleError, match="weights of shapes"):
        Tagger.load(copy)


def test_pickled_weights_are_refused(copy):
    np.savez(copy / "weights.npz", planted=np.array([Path], dtype=object))
    rewrite(copy)
    with pytest.raises(BundleError, match=r"arrays in .npz were required"):
        Tagger.load(copy)


def test_equal_weights_are_equal_bytes_in_whatever_order_they_come(tmp_path):
    weights = {"b/kernel": np.ones((2, 2), np.float32), "a/bias": np.zeros(3, np.float32)}
    save_arrays(tmp_path / "one.npz", weights)
    save_arrays(tmp_path / "two.npz", dict(reversed(weights.items())))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert {name: array.tolist() for name, array in load_arrays(tmp_path / "one.npz").items()} == {
        "a/bias": [0, 0, 0],
        "b/kernel": [[1, 1], [1, 1]],
    }
