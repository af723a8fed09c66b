"""Indexing of the train split: words, characters and tags with ids, and word vectors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.config import FeaturesConfig, Fold
from seqtag.errors import CorpusRejectedError
from seqtag.features import (
    TagIndex,
    Vectors,
    Vocabulary,
    index_corpus,
    index_vectors,
    indexing,
    symbol_counts,
)
from tests.unit.features.conftest import WriteSplit


def indexed(
    train: Path, folder: Path, *, min_count: int = 1, fold: Fold = "none"
) -> tuple[Vocabulary, TagIndex]:
    folder.mkdir(exist_ok=True)
    config = FeaturesConfig(min_count=min_count, fold=fold)
    return index_corpus(train, declared=None, previous=(), scheme="none", config=config, folder=folder)


def test_words_characters_and_tags_are_counted_in_train(write_split: WriteSplit, tmp_path: Path) -> None:
    train = write_split(
        [["to", "be", "or"], ["not", "to", "be", "ä"]], [["X", "Y", "X"], ["X", "X", "Z", "Y"]]
    )
    vocabulary, tags = indexed(train, tmp_path / "out")
    assert pq.read_table(tmp_path / "out" / "words.parquet").to_pydict() == {
        "id": [0, 1, 2, 3, 4, 5, 6],
        "symbol": ["<pad>", "<unk>", "be", "to", "not", "or", "ä"],
        "count": [0, 0, 2, 2, 1, 1, 1],
    }
    assert pq.read_table(tmp_path / "out" / "characters.parquet").to_pydict() == {
        "id": [0, 1, 2, 3, 4, 5, 6, 7, 8],
        "symbol": ["<pad>", "<unk>", "o", "t", "b", "e", "n", "r", "ä"],
        "count": [0, 0, 4, 3, 2, 2, 1, 1, 1],
    }
    assert tags.tags == ("X", "Y", "Z")
    assert tags.counts == {"X": 4, "Y": 2, "Z": 1}
    assert TagIndex.load(tmp_path / "out") == tags
    assert Vocabulary.load(tmp_path / "out").digest == vocabulary.digest


def test_characters_of_rare_words_are_kept(write_split: WriteSplit, tmp_path: Path) -> None:
    train = write_split([["aa", "aa", "b"]], [["X"] * 3])
    vocabulary, _ = indexed(train, tmp_path / "out", min_count=2)
    assert vocabulary.words.symbols.to_pylist() == ["<pad>", "<unk>", "aa"]
    assert vocabulary.words.counts.tolist() == [0, 1, 2]
    assert vocabulary.characters.symbols.to_pylist() == ["<pad>", "<unk>", "a", "b"]


def test_folded_words_are_counted_together_but_characters_are_not_folded(
    write_split: WriteSplit, tmp_path: Path
) -> None:
    train = write_split([["Ab", "ab", "AB", "1", "2"]], [["X"] * 5])
    vocabulary, _ = indexed(train, tmp_path / "out", min_count=2, fold="case-digits")
    assert vocabulary.words.symbols.to_pylist() == ["<pad>", "<unk>", "ab", "0"]
    assert vocabulary.words.counts.tolist() == [0, 0, 3, 2]
    # A twice, b twice, each other character once
    assert vocabulary.characters.symbols.to_pylist() == ["<pad>", "<unk>", "A", "b", "1", "2", "B", "a"]
    assert vocabulary.characters.counts.tolist() == [0, 0, 2, 2, 1, 1, 1, 1]


def test_vectors_are_read_for_words_of_train_and_the_most_frequent_words(
    write_split: WriteSplit, tmp_path: Path
) -> None:
    train = write_split([["Paris", "is", "is"]], [["X"] * 3])
    vocabulary, _ = indexed(train, tmp_path / "out", fold="case-digits")
    text = tmp_path / "vectors.txt"
    text.write_text("Rome 3 4\n1999 5 6\nlondon 7 8\nis 1 2\n")
    vectors = index_vectors(str(text), vocabulary, n_frequent=1, folder=tmp_path / "out")
    assert vectors.words.to_pylist() == ["rome", "is"]
    assert vectors.values.tolist() == [[3, 4], [1, 2]]
    assert Vectors.load(tmp_path / "out" / "vectors.parquet").digest == vectors.digest
    coverage = vectors.coverage_of(vocabulary.words)  # of paris and is
    assert (coverage.types, coverage.tokens) == (0.5, pytest.approx(2 / 3))


def test_untagged_sequences_yield_words_but_no_tags(write_split: WriteSplit, tmp_path: Path) -> None:
    vocabulary, tags = indexed(write_split([["a"], ["b"]], [["X"], None]), tmp_path / "out")
    assert vocabulary.n_words == 4
    assert tags.tags == ("X",)


def test_a_train_split_without_tags_is_refused(write_split: WriteSplit, tmp_path: Path) -> None:
    with pytest.raises(CorpusRejectedError, match="train has no tags"):
        indexed(write_split([["a"]], [None]), tmp_path / "out")


def test_counts_do_not_depend_on_when_they_are_merged(
    write_split: WriteSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [[f"w{i * j % 13}" for j in range(5)] for i in range(40)]
    tags = [["X"] * 5] * 40
    at_once = indexed(write_split(tokens, tags), tmp_path / "out")[0]
    monkeypatch.setattr(symbol_counts, "_MERGE_AT", 3)
    monkeypatch.setattr(indexing, "_WORDS_AT_A_TIME", 2)
    bit_by_bit = indexed(write_split(tokens, tags, row_group_size=3), tmp_path / "out")[0]
    assert bit_by_bit.digest == at_once.digest
    assert bit_by_bit.words.counts.tolist() == at_once.words.counts.tolist()
    assert bit_by_bit.characters.counts.tolist() == at_once.characters.counts.tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.lists(st.text(max_size=3), max_size=6), min_size=1, max_size=6))
def test_counts_agree_with_a_counter(
    write_split: WriteSplit, tmp_path: Path, sequences: list[list[str]]
) -> None:
    sequences = [*sequences, ["a"]]
    train = write_split(sequences, [["X"] * len(tokens) for tokens in sequences], row_group_size=2)
    vocabulary, tags = indexed(train, tmp_path / "out")
    words = Counter(token for tokens in sequences for token in tokens)
    characters = Counter(c for tokens in sequences for token in tokens for c in token)
    for known, counts in ((vocabulary.words, words), (vocabulary.characters, characters)):
        assert dict(zip(known.symbols.to_pylist()[2:], known.counts.tolist()[2:], strict=True)) == counts
    assert tags.counts == {"X": words.total()}
