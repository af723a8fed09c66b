"""Corpora in toy languages, and taggers trained once per test session."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import FeaturesConfig
from seqtag.features import Vocabulary, index_vectors
from seqtag.tagging import convert_tags
from tests.unit.neural.toy import Sequences, ToyCorpus, make_corpus, suffix_language, toy_language


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ToyCorpus:
    """The language in which tags depend on the next token."""
    splits = {
        "train": toy_language(160, seed=1),
        "dev": toy_language(40, seed=2, longest=20),
        "test": toy_language(40, seed=3, longest=20),
    }
    return make_corpus(tmp_path_factory.mktemp("toy"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def toy_bundle(toy: ToyCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger for the toy language, trained with the recipe `base`."""
    return toy.train(tmp_path_factory.mktemp("toy-model") / "bundle", recipe="base", max_epochs=8)


@pytest.fixture(scope="session")
def suffixes(tmp_path_factory: pytest.TempPathFactory) -> ToyCorpus:
    """The language in which tags depend on suffixes; dev and test share only two words with train."""
    splits = {
        "train": suffix_language(240, seed=1, letters="abcde", longest=16),
        "dev": suffix_language(60, seed=2, letters="mnopq", longest=16),
        "test": suffix_language(60, seed=3, letters="vwxyz", longest=16),
    }
    return make_corpus(tmp_path_factory.mktemp("suffixes"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def suffix_bundle(suffixes: ToyCorpus, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return `bundle(output)`: a tagger for the suffix language, trained with the recipe `default`."""

    @cache
    def bundle(output: str) -> Path:
        return suffixes.train(
            tmp_path_factory.mktemp(output) / "bundle", output=output, max_epochs=8, patience=3
        )

    return bundle


@pytest.fixture(scope="session")
def cut_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return `bundle(scheme)`: a CRF with IOB2 output, trained in a scheme on windows that cut spans."""

    @cache
    def bundle(scheme: str) -> Path:
        folder = tmp_path_factory.mktemp(scheme)
        splits = {
            "train": _suffixes_in(scheme, 120, seed=1, letters="abcd"),
            "dev": _suffixes_in(scheme, 30, seed=2, letters="wxyz"),
        }
        features = FeaturesConfig(bucket_lengths=(4, 8), window_overlap=0)
        corpus = make_corpus(folder / "corpus", splits, scheme=scheme, metric="span_f1", features=features)
        return corpus.train(folder / "bundle", output="crf", output_scheme="IOB2", max_epochs=4)

    return bundle


@pytest.fixture(scope="session")
def vector_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger for a language in which only the static vectors predict the tags: every other word is T1."""
    folder = tmp_path_factory.mktemp("vectors")
    draw = np.random.default_rng(1)
    words = ["".join(draw.choice(list("abcdefgh"), size=6)) for _ in range(160)]
    sequences = [[(word, f"T{i % 2}")] for i, word in enumerate(words)]
    corpus = make_corpus(folder / "corpus", {"train": sequences[:100], "dev": sequences[100:]})
    text = folder / "vectors.txt"
    text.write_text("".join(f"{word} {i % 2} {1 - i % 2}\n" for i, word in enumerate(words)))
    vocabulary = Vocabulary.load(corpus.vocabulary)
    index_vectors(str(text), vocabulary, n_frequent=160, folder=corpus.vocabulary)
    return corpus.train(folder / "bundle", max_epochs=15, patience=15)


def _suffixes_in(scheme, n_sequences: int, **options) -> Sequences:
    """Draw sequences that span several windows, tagged in a scheme."""
    sequences = suffix_language(n_sequences, longest=24, **options)
    iob2 = pa.array([[tag for _, tag in sequence] for sequence in sequences], pa.list_(pa.string()))
    tags = convert_tags(iob2, "IOB2", scheme).to_pylist()
    pairs = zip(sequences, tags, strict=True)
    return [[(token, tag) for (token, _), tag in zip(*pair, strict=True)] for pair in pairs]
