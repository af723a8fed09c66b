"""Ids of words and characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.errors import RunDirError
from seqtag.features import Symbols, Vocabulary, symbols


def counted(**counts: int) -> pa.Table:
    return pa.table(
        {"symbol": pa.array(list(counts), pa.string()), "count": pa.array(counts.values(), pa.int64())}
    )


@pytest.fixture(params=["hash table", "sorted hashes"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with both look-up algorithms, of which the number of strings selects one."""
    monkeypatch.setattr(symbols, "_SMALL", 2**17 if request.param == "hash table" else 0)


def test_ids_are_ordered_by_falling_count_then_by_symbol() -> None:
    known = Symbols.of_counts(counted(b=2, a=2, c=5, B=2))
    assert known.symbols.to_pylist() == ["<pad>", "<unk>", "c", "B", "a", "b"]
    assert known.counts.tolist() == [0, 0, 5, 2, 2, 2]


def test_rare_symbols_become_unk() -> None:
    known = Symbols.of_counts(counted(a=3, b=1, c=1), min_count=2)
    assert known.symbols.to_pylist() == ["<pad>", "<unk>", "a"]
    assert known.counts.tolist() == [0, 2, 3]
    assert known.ids(pa.array(["a", "b"])).tolist() == [2, 1]


def test_a_token_spelled_like_padding_is_unknown_not_padding() -> None:
    table = pa.table({"symbol": ["<pad>", "<unk>", "a"], "count": [9, 8, 1]})
    known = Symbols.of_counts(table)
    assert known.symbols.to_pylist() == ["<pad>", "<unk>", "a"]
    assert known.counts.tolist() == [0, 17, 1]
    assert known.ids(pa.array(["<pad>", "<unk>", "a"])).tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    "strings",
    [
        pa.array(["b", None, "x", "a", "b"]),
        pa.array(["b", None, "x", "a", "b"], pa.large_string()),
        pa.array(["b", None, "x", "a", "b"]).dictionary_encode(),
        pa.chunked_array([["b", None], [], ["x", "a", "b"]], pa.string()),
        pa.array(["?", "b", None, "x", "a", "b", "?"])[1:6],
    ],
    ids=["strings", "large strings", "dictionary", "chunks", "slice"],
)
@pytest.mark.usefixtures("both_ways")
def test_unknown_strings_and_nulls_become_unk(strings: pa.Array) -> None:
    ids = Symbols.of_counts(counted(a=2, b=1)).ids(strings)
    assert ids.tolist() == [3, 1, 1, 2, 3]
    assert ids.dtype == np.int32


@pytest.mark.usefixtures("both_ways")
def test_no_strings_have_no_ids() -> None:
    known = Symbols.of_counts(counted(a=2))
    assert known.ids(pa.array([], pa.string())).tolist() == []
    assert known.ids(pa.chunked_array([], pa.string())).tolist() == []


@pytest.mark.usefixtures("both_ways")
def test_without_known_symbols_all_are_unknown() -> None:
    assert Symbols.of_counts(counted()).ids(pa.array(["a", None])).tolist() == [1, 1]


@pytest.mark.usefixtures("both_ways")
def test_symbols_with_the_same_hash_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols, "hash_strings", lambda strings: np.full(len(strings), 7, np.uint64))
    assert Symbols.of_counts(counted(a=3, b=2, c=1)).ids(pa.array(["c", "x", "a"])).tolist() == [4, 1, 2]
    assert Symbols.of_counts(counted(a=3)).ids(pa.array(["x", "a"])).tolist() == [1, 2]


@pytest.mark.usefixtures("both_ways")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=4), st.integers(1, 3), max_size=20), st.lists(st.text(max_size=4)))
def test_ids_agree_with_a_dict(counts: dict[str, int], strings: list[str]) -> None:
    table = pa.table(
        {"symbol": pa.array(counts, pa.string()), "count": pa.array(counts.values(), pa.int64())}
    )
    order = sorted(counts, key=lambda symbol: (-counts[symbol], symbol.encode()))
    word2idx = {word: i + 2 for i, word in enumerate(order)}
    queries = [*strings, *counts]
    assert Symbols.of_counts(table).ids(pa.array(queries, pa.string())).tolist() == [
        word2idx.get(string, 1) for string in queries
    ]


def test_saved_symbols_load_unchanged(tmp_path: Path) -> None:
    known = Symbols.of_counts(counted(**{"ä": 2, "": 1, "line\nbreak": 1}))
    known.save(tmp_path / "words.parquet")
    loaded = Symbols.load(tmp_path / "words.parquet")
    assert loaded.symbols.to_pylist() == ["<pad>", "<unk>", "ä", "", "line\nbreak"]
    assert loaded.counts.tolist() == known.counts.tolist()
    assert loaded.digest == known.digest
    assert pq.read_table(tmp_path / "words.parquet")["id"].to_pylist() == [0, 1, 2, 3, 4]


def test_the_digest_depends_on_symbols_and_their_order_but_not_on_counts() -> None:
    digest = Symbols.of_counts(counted(ab=2, c=1)).digest
    assert Symbols.of_counts(counted(ab=9, c=4)).digest == digest
    assert Symbols.of_counts(counted(ab=1, c=2)).digest != digest
    assert Symbols.of_counts(counted(a=2, bc=1)).digest != digest


@pytest.mark.usefixtures("both_ways")
def test_folding_ignores_case_and_maps_all_digits_to_one() -> None:
    known = Symbols.of_counts(counted(Paris=2, PARIS=1, mp3=1, É=1), fold="case-digits")
    assert known.symbols.to_pylist() == ["<pad>", "<unk>", "paris", "mp0", "é"]
    assert known.counts.tolist() == [0, 0, 3, 1, 1]
    strings = ["paris", "pARIS", "MP4", "é", "e", None, "Paris"]
    assert known.ids(pa.array(strings)).tolist() == [2, 2, 3, 4, 1, 1, 2]
    assert known.ids(pa.array(strings).dictionary_encode()).tolist() == [2, 2, 3, 4, 1, 1, 2]


def test_folded_words_reach_the_minimum_count_together() -> None:
    known = Symbols.of_counts(counted(Ab=1, aB=1, c=1), min_count=2, fold="case-digits")
    assert known.symbols.to_pylist() == ["<pad>", "<unk>", "ab"]
    assert known.counts.tolist() == [0, 1, 2]


def test_a_word_that_folds_to_a_reserved_one_is_unknown() -> None:
    known = Symbols.of_counts(counted(**{"<PAD>": 1, "<Unk>": 1, "a": 1}), fold="case-digits")
    assert known.symbols.to_pylist() == ["<pad>", "<unk>", "a"]
    assert known.ids(pa.array(["<PAD>", "<unk>"])).tolist() == [1, 1]


def test_symbols_are_loaded_with_their_fold(tmp_path: Path) -> None:
    known = Symbols.of_counts(counted(A=1), fold="case-digits")
    known.save(tmp_path / "words.parquet")
    loaded = Symbols.load(tmp_path / "words.parquet")
    assert loaded.fold == "case-digits"
    assert loaded.ids(pa.array(["A"])).tolist() == [2]
    assert loaded.digest == known.digest
    assert loaded.digest != Symbols.of_counts(counted(a=1)).digest  # the same symbol with another fold


def test_a_missing_file_raises_a_run_dir_error(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match=r"words\.parquet"):
        Symbols.load(tmp_path / "words.parquet")


def test_a_table_of_another_kind_raises_a_run_dir_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"symbol": ["a"]}), tmp_path / "words.parquet")
    with pytest.raises(RunDirError, match=r"got \['symbol'\], 1 rows"):
        Symbols.load(tmp_path / "words.parquet")


def test_a_saved_vocabulary_loads_unchanged(tmp_path: Path) -> None:
    vocabulary = Vocabulary(Symbols.of_counts(counted(ab=2)), Symbols.of_counts(counted(a=2, b=2)))
    vocabulary.save(tmp_path)
    loaded = Vocabulary.load(tmp_path)
    assert (loaded.n_words, loaded.n_characters) == (3, 4)
    assert loaded.ids(pa.array(["ab", "a"])).tolist() == [2, 1]
    assert loaded.digest == vocabulary.digest
    assert loaded.digest != Vocabulary(vocabulary.words, vocabulary.words).digest
