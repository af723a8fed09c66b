"""Counts of hashes, accumulated by batch."""

from __future__ import annotations

import doctest

import numpy as np

from seqtag.io import hash_counts
from seqtag.io.hash_counts import HashCounts


def test_the_docstring_examples_are_correct() -> None:
    assert doctest.testmod(hash_counts).failed == 0


def test_counts_are_the_same_however_often_batches_are_merged(monkeypatch) -> None:
    batches = [np.array(batch, np.uint64) for batch in ([7, 1], [], [1, 1, 9], [7])]
    for merge_at in (0, 2, 100):
        monkeypatch.setattr(hash_counts, "_MERGE_AT", merge_at)
        counts = HashCounts(batches)
        assert len(counts) == 3
        assert counts.numbers.tolist() == [1, 7, 9]
        assert counts.counts.tolist() == [3, 2, 1]


def test_counts_can_be_subtracted_again() -> None:
    counts = HashCounts()
    counts.add(np.array([4, 5], np.uint64), np.array([2, 1]))
    counts.add(np.array([4], np.uint64), np.array([-2]))
    assert counts.of(np.array([4, 5, 6], np.uint64)).tolist() == [0, 1, 0]


def test_nothing_is_known_at_first() -> None:
    assert HashCounts().of(np.array([4], np.uint64)).tolist() == [0]
