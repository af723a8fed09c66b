"""Streaming counters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seqtag.quality.counters import MAX_DETECTED_TAGS, TagCounter, TransitionCounter, WordTypeCounts
from seqtag.quality.snapshot_reader import CodedLists


def coded(*lists):
    return CodedLists.of(pa.array(lists, pa.list_(pa.string())))


def splits(*numbers):
    return np.array(numbers, dtype=np.int8)


def test_counts_can_be_subtracted_again():
    tags = TagCounter()
    tags.add(coded(["O", "B-X"], ["O"]), splits(0, 2))
    tags.add(coded(["B-X", None, ""]), splits(0))
    tags.add(coded(["O"]), splits(2), times=-1)

    assert tags.counts() == {
        "B-X": {"train": 2, "dev": 0, "test": 0},
        "O": {"train": 1, "dev": 0, "test": 0},
    }
    assert tags.n_untagged() == (2, 0, 0)
    tags.add(coded([None, "O"]), splits(0), times=-1)
    assert tags.n_untagged() == (1, 0, 0)


def test_repeated_word_types_count_once():
    types = WordTypeCounts()
    types.add(coded(["a", "b", "a"], ["a"]), splits(0, 1))
    types.add(coded(["b", "c"], ["d"]), splits(0, 0))
    types.add(coded(["d"]), splits(0), times=-1)

    assert types.n_types() == (3, 1, 0)


def test_word_types_of_many_batches_are_merged():
    types = WordTypeCounts()
    for first in range(0, 500_000, 100_000):
        types.add(coded([f"w{i}" for i in range(first, first + 200_000)]), splits(0))

    assert types.n_types() == (600_000, 0, 0)


def test_transitions_of_several_batches_add_up():
    counter = TransitionCounter()
    counter.add(coded(["O", "I-X"], ["I-X"]), np.array([True, True]))
    counter.add(coded(["B-X", "I-X"], ["I-Y", "O"]), np.array([True, False]))

    verdict = counter.verdict()

    assert verdict.scheme == "IOB1"
    assert verdict.illegal["IOB2"] == 2  # O to I-X, and I-X at the start; the last one is not aligned
    assert verdict.illegal["IOB1"] == 1  # B-X at the start


def test_nothing_is_illegal_next_to_an_untagged_token():
    counter = TransitionCounter()
    rows = [["O", None, "I-X"], [None, "I-X"], ["B-X", None, "I-Y", "I-X"], [None, None]]

    broken = counter.add(coded(*rows), np.ones(4, dtype=np.bool_))

    iob2, iob1, iobes = 1, 2, 4
    # I-X after I-Y breaks IOB2, B-X at the start IOB1, and no last span ends as IOBES demands
    assert [bool(b & iob2) for b in broken] == [False, False, True, False]
    assert [bool(b & iob1) for b in broken] == [False, False, True, False]
    assert [bool(b & iobes) for b in broken] == [True, True, True, False]
    # start to O, I-X to end (row 1), I-X to end (row 2), start to B-X, I-Y to I-X, I-X to end
    assert "illegal transitions (of 6: " in counter.verdict().reason


def test_too_many_tags_for_a_matrix_have_no_detected_scheme_but_are_still_checked():
    lists = [[f"B-{i}", f"I-{i}", "I-other"] for i in range(MAX_DETECTED_TAGS)]
    counter = TransitionCounter()

    broken = counter.add(coded(*lists), np.ones(len(lists), dtype=np.bool_))
    counter.add(coded(["O"]), np.ones(1, dtype=np.bool_))

    assert broken.all()
    assert counter.verdict().scheme == "none"
    assert counter.verdict().reason == "more than 2,000 distinct tags, too many to detect a scheme"
