"""Tables of word vectors: coverage, digests, and saving and loading."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from seqtag.errors import RunDirError
from seqtag.features import Symbols
from seqtag.features.vectors import Coverage, Vectors

VECTORS = Vectors(pa.array(["of", "the"]), np.array([[1, 2], [3, 4]], np.float32), 9, 1)


def symbols(*words: str) -> Symbols:
    counts = np.arange(len(words) + 2, 0, -1)
    return Symbols(pa.array(["<pad>", "<unk>", *words]), counts)


def test_coverage_counts_words_and_their_occurrences() -> None:
    words = pa.array(["the", "new", "of", "old"])
    assert VECTORS.coverage(words, np.array([5, 1, 3, 1])) == Coverage(types=0.5, tokens=0.8)
    assert VECTORS.coverage(words[:0], np.zeros(0, np.int64)) == Coverage(types=0, tokens=0)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_saved_vectors_load_unchanged(n: int, tmp_path: Path) -> None:
    vectors = Vectors(VECTORS.words[:n], VECTORS.values[:n], 9, 1)
    vectors.save(tmp_path / "a.parquet")
    loaded = Vectors.load(tmp_path / "a.parquet")
    assert (loaded.words, loaded.values.tolist()) == (vectors.words, vectors.values.tolist())
    assert (loaded.dim, loaded.n_in_file, loaded.n_not_utf8) == (2, 9, 1)
    assert loaded.digest == vectors.digest
    loaded.save(tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["the", "of"], VECTORS.values),
        (["oft", "he"], VECTORS.values),
        (["of", "the"], VECTORS.values[::-1]),
        (["of", "the"], VECTORS.values[:, :1]),
    ],
)
def test_other_words_or_values_have_another_digest(words: list[str], values: npt.NDArray[np.float32]) -> None:
    assert Vectors(pa.array(words), values, 9, 1).digest != VECTORS.digest


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    with pytest.raises(RunDirError, match="word vectors are unreadable"):
        Vectors.load(path)
    path.write_text("a 1 2\n")
    with pytest.raises(RunDirError, match="word vectors are unreadable"):
        Vectors.load(path)
    symbols("a").save(path)
    with pytest.raises(RunDirError, match=r"expected columns word and vector, got id, symbol, count"):
        Vectors.load(path)


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(sys.modules[Vectors.__module__]).failed == 0
