"""Word types: the distinct tokens of a split and their ids."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.errors import RunDirError
from seqtag.features import read_word_types
from seqtag.features.word_types import WordTypeCounter


def encoded(*tokens: str) -> pa.DictionaryArray:
    return pa.array(tokens, pa.string()).dictionary_encode()


def test_word_types_are_numbered_from_one_in_order_of_appearance() -> None:
    counter = WordTypeCounter()
    assert counter.ids(encoded("b", "a", "b", "c")).tolist() == [1, 2, 1, 3]
    assert counter.ids(encoded("d", "a", "d", "b")).tolist() == [4, 2, 4, 1]


def test_ids_do_not_depend_on_the_order_of_the_dictionary() -> None:
    dictionary = pa.array(["a", "unused", "b"])
    tokens = pa.DictionaryArray.from_arrays(pa.array([2, 0, 2], pa.int32()), dictionary)
    assert WordTypeCounter().ids(tokens).tolist() == [1, 2, 1]


def test_case_digits_and_empty_tokens_are_separate_word_types(tmp_path: Path) -> None:
    counter = WordTypeCounter()
    assert counter.ids(encoded("Ab", "ab", "1", "2", "")).tolist() == [1, 2, 3, 4, 5]
    counter.save(tmp_path)
    assert read_word_types(tmp_path).to_pylist() == ["Ab", "ab", "1", "2", ""]


def test_a_split_without_tokens_has_no_word_types(tmp_path: Path) -> None:
    counter = WordTypeCounter()
    assert counter.ids(encoded()).tolist() == []
    counter.save(tmp_path)
    assert read_word_types(tmp_path).to_pylist() == []


@given(batches=st.lists(st.lists(st.sampled_from("abcdeé😀"), max_size=8), max_size=6))
def test_ids_do_not_depend_on_the_batches_of_a_split(batches: list[list[str]]) -> None:
    counter = WordTypeCounter()
    in_parts = [number for batch in batches for number in counter.ids(encoded(*batch)).tolist()]
    tokens = [token for batch in batches for token in batch]
    word2idx = {word: i + 1 for i, word in enumerate(dict.fromkeys(tokens))}
    assert (
        in_parts == WordTypeCounter().ids(encoded(*tokens)).tolist() == [word2idx[token] for token in tokens]
    )


@pytest.mark.parametrize("content", ["nothing", "nonsense", "another table"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "word_types.parquet"
    if content == "nonsense":
        path.write_text(content)
    elif content == "another table":
        pq.write_table(pa.table({"word": ["a"]}), path)
    with pytest.raises(RunDirError, match=r"word_types\.parquet: .*: expected .*, got "):
        read_word_types(tmp_path)
