"""Hashes of strings and sequences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from seqtag.io.hashing import hash_contents, hash_sequences, hash_strings, hex_hashes

STRINGS = pa.list_(pa.string())
sequences = st.lists(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=4), max_size=8)


def test_hashes_never_change():
    """Splits depend on the hashes: other values would move documents between train and test."""
    strings = hash_strings(pa.array(["a", "", "ü", None]))
    lists = hash_sequences(pa.array([["a", "b"], [], ["b", "a"]], STRINGS))

    assert hex_hashes(strings).to_pylist() == [
        "c1999a454057bfd0",
        "186da64456263a46",
        "5cd6c8d05a2193cb",
        "000000006e756c6c",
    ]
    assert hex_hashes(lists).to_pylist() == ["c9522e727115d20f", "0000000000000000", "bbf012c70ba16123"]


def test_equal_strings_have_equal_hashes_and_different_ones_have_not():
    hashes = hash_strings(pa.array(["a", "b", "a", None, "null", None, ""]))

    assert hashes[0] == hashes[2]
    assert hashes[3] == hashes[5]
    assert len(set(hashes.tolist())) == 5


def test_chunked_and_empty_arrays_can_be_hashed():
    chunks = pa.chunked_array([["a"], [], ["b", "a"]], pa.string())

    assert hash_strings(chunks).tolist() == hash_strings(pa.array(["a", "b", "a"])).tolist()
    assert hash_strings(pa.array([], pa.string())).tolist() == []
    assert hash_strings(pa.array([None, None], pa.string())).shape == (2,)
    assert hash_sequences(pa.array([], STRINGS)).tolist() == []


@given(sequences)
def test_sequences_have_equal_hashes_if_and_only_if_they_are_equal(lists):
    hashes = hash_sequences(pa.array(lists, STRINGS))

    assert len(set(hashes.tolist())) == len({tuple(one) for one in lists})


@given(sequences, st.integers(0, 8))
def test_the_hash_of_a_sequence_does_not_depend_on_other_sequences(lists, start):
    whole = hash_sequences(pa.array(lists, STRINGS))

    assert np.array_equal(hash_sequences(pa.array(lists, STRINGS).slice(start)), whole[start:])
    assert np.array_equal(hash_sequences(pa.array(lists[start:], STRINGS)), whole[start:])


def test_contents_differ_by_the_values_and_the_names_of_columns():
    tokens = hash_sequences(pa.array([["a"], ["a"]], STRINGS))
    one, other, no_value = (pa.array([value, None], STRINGS) for value in (["x"], ["y"], None))

    columns = [{}, {"p": one}, {"q": one}, {"p": other}, {"p": one, "q": other}, {"p": other, "q": one}]

    contents = [hash_contents(tokens, each) for each in columns]

    assert len({found[0] for found in contents}) == len(contents)
    assert all(found[1] == tokens[1] for found in contents)
    assert hash_contents(tokens, {"q": other, "n": no_value, "p": one})[0] == contents[4][0]
