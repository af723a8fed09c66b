"""Grounds of the toy languages, and taggers that are trained once and looked at by many tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import FeaturesConfig
from seqtag.features import Vocabulary, index_vectors
from seqtag.tagging import convert_tags
from tests.unit.neural.toy import Ground, Sequences, lay_ground, suffix_language, toy_language


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The language in which what comes next decides."""
    splits = {
        "train": toy_language(160, seed=1),
        "dev": toy_language(40, seed=2, longest=20),
        "test": toy_language(40, seed=3, longest=20),
    }
    return lay_ground(tmp_path_factory.mktemp("toy"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def toy_bundle(toy: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger of the toy language by the recipe `seed`."""
    return toy.train(tmp_path_factory.mktemp("toy-model") / "bundle", recipe="seed", max_epochs=8)


@pytest.fixture(scope="session")
def suffixes(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The language in which suffixes decide; dev and test share but two words with train."""
    splits = {
        "train": suffix_language(240, seed=1, letters="abcde", longest=16),
        "dev": suffix_language(60, seed=2, letters="mnopq", longest=16),
        "test": suffix_language(60, seed=3, letters="vwxyz", longest=16),
    }
    return lay_ground(tmp_path_factory.mktemp("suffixes"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def suffix_bundle(suffixes: Ground, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return `bundle(output)`: a tagger of the language of suffixes by the recipe `default`."""

    @cache
    def bundle(output: str) -> Path:
        return suffixes.train(
            tmp_path_factory.mktemp(output) / "bundle", output=output, max_epochs=8, patience=3
        )

    return bundle


@pytest.fixture(scope="session")
def cut_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return `bundle(scheme)`: a CRF trained in a scheme from windows that cut spans, which speaks IOB2."""

    @cache
    def bundle(scheme: str) -> Path:
        folder = tmp_path_factory.mktemp(scheme)
        splits = {
            "train": _suffixes_in(scheme, 120, seed=1, letters="abcd"),
            "dev": _suffixes_in(scheme, 30, seed=2, letters="wxyz"),
        }
        features = FeaturesConfig(ladder=(4, 8), window_overlap=0)
        ground = lay_ground(folder / "ground", splits, scheme=scheme, metric="span_f1", features=features)
        return ground.train(folder / "bundle", output="crf", spoken="IOB2", max_epochs=4)

    return bundle


@pytest.fixture(scope="session")
def vector_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger of a language in which a word's static vector alone says its tag: every other word's is T1."""
    folder = tmp_path_factory.mktemp("vectors")
    draw = np.random.default_rng(1)
    words = ["".join(draw.choice(list("abcdefgh"), size=6)) for _ in range(160)]
    sequences = [[(word, f"T{i % 2}")] for i, word in enumerate(words)]
    ground = lay_ground(folder / "ground", {"train": sequences[:100], "dev": sequences[100:]})
    text = folder / "vectors.txt"
    text.write_text("".join(f"{word} {i % 2} {1 - i % 2}\n" for i, word in enumerate(words)))
    vocabulary = Vocabulary.load(ground.vocabulary)
    index_vectors(str(text), vocabulary, n_frequent=160, folder=ground.vocabulary)
    return ground.train(folder / "bundle", max_epochs=15, patience=15)


def _suffixes_in(scheme, n_sequences: int, **how) -> Sequences:
    """Draw sequences of several windows, with tags spelled in a scheme."""
    sequences = suffix_language(n_sequences, longest=24, **how)
    iob2 = pa.array([[tag for _, tag in sequence] for sequence in sequences], pa.list_(pa.string()))
    tags = convert_tags(iob2, "IOB2", scheme).to_pylist()
    both = zip(sequences, tags, strict=True)
    return [[(token, tag) for (token, _), tag in zip(*pair, strict=True)] for pair in both]
