"""Null, an empty tag and a mark are read as no tag."""

from __future__ import annotations

import doctest

import pyarrow as pa
import pytest

from seqtag.corpus import untagged
from seqtag.corpus.untagged import known_tags, n_untagged

STRINGS = pa.list_(pa.string())
ROWS = [["O", "-", None], ["-", ""], [], None, ["B-X"], ["", "I-X"]]
KNOWN = [["O", None, None], None, [], None, ["B-X"], [None, "I-X"]]


def coded(rows):
    """Return the lists with dictionary-encoded values, as Parquet gives them."""
    plain = pa.array(rows, STRINGS)
    values = plain.values.dictionary_encode()
    return pa.ListArray.from_arrays(plain.offsets, values, mask=plain.is_null())


@pytest.mark.parametrize("lists", [pa.array(ROWS, STRINGS), coded(ROWS)])
def test_missing_tags_are_null_and_a_sequence_without_tags_is_null(lists):
    found = known_tags(lists, "-")
    assert found.to_pylist() == KNOWN
    assert n_untagged(found) == 3
    assert known_tags(lists[1:], "-").to_pylist() == KNOWN[1:]
    assert known_tags(found, "-").to_pylist() == KNOWN


def test_tags_are_unchanged_if_every_token_needs_one():
    lists = pa.array(ROWS, STRINGS)
    assert known_tags(lists, None) is lists


def test_lists_without_a_gap_are_not_copied():
    lists = pa.array([["O", "B-X"], None], STRINGS)
    assert known_tags(lists, "-") is lists


def test_a_null_list_over_values_stays_null():
    lists = pa.ListArray.from_arrays([0, 1, 3], pa.array(["O", "B-X", None]), mask=pa.array([True, False]))
    assert known_tags(lists, "-").to_pylist() == [None, ["B-X", None]]


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(untagged).failed == 0
