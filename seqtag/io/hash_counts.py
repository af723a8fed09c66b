"""Counts of 64-bit numbers such as hashes, accumulated by batch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_MERGE_AT = 2**18  # numbers that wait to be merged


class HashCounts:
    """Distinct numbers with their counts; 16 bytes each.

    >>> counts = HashCounts([np.array([5, 3], np.uint64), np.array([5, 4, 5], np.uint64)])
    >>> counts.numbers.tolist(), counts.counts.tolist()
    ([3, 4, 5], [1, 1, 3])
    """

    def __init__(self, batches: Iterable[Hashes] = ()) -> None:
        self._numbers, self._counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        self._waiting: list[tuple[Hashes, Ints]] = []
        self._n_waiting = 0
        for batch in batches:
            self.add(batch)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def numbers(self) -> Hashes:
        """`<uint64>[n]`, sorted."""
        self._merge()
        return self._numbers

    @property
    def counts(self) -> Ints:
        """`<int64>[n]`, of each of `numbers`."""
        self._merge()
        return self._counts

    def add(self, numbers: Hashes, counts: Ints | None = None) -> None:
        """Count numbers, which may repeat: once each, or `counts` times."""
        self._waiting.append((numbers, np.ones(len(numbers), np.int64) if counts is None else counts))
        self._n_waiting += len(numbers)
        if self._n_waiting > max(len(self._numbers), _MERGE_AT):  # keeps the work linear
            self._merge()

    def of(self, numbers: Hashes) -> Ints:
        """Return `<int64>[n]`: the count of each number, 0 if absent.

        >>> HashCounts([np.array([5, 5, 3], np.uint64)]).of(np.array([4, 5, 9], np.uint64))
        array([0, 2, 0])
        """
        place, is_known = find_hashes(numbers, self.numbers)
        return np.where(is_known, np.append(self.counts, 0)[place], 0)

    def _merge(self) -> None:
        if not self._waiting:
            return
        numbers = np.concatenate([self._numbers, *(numbers for numbers, _ in self._waiting)])
        counts = np.concatenate([self._counts, *(counts for _, counts in self._waiting)])
        self._numbers, place = np.unique(numbers, return_inverse=True)
        sums = np.bincount(place, weights=counts, minlength=len(self._numbers))  # exact below 2**53
        self._counts = sums.astype(np.int64)
        self._waiting, self._n_waiting = [], 0


def find_hashes(numbers: Hashes, known: Hashes) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the position of each number in `known`, which is sorted, and a mask of those that are there.

    >>> find_hashes(np.array([4, 5], np.uint64), np.array([3, 5], np.uint64))
    (array([1, 1]), array([False,  True]))
    """
    place = np.minimum(np.searchsorted(known, numbers), max(len(known) - 1, 0))
    if not len(known):
        return place, np.zeros(len(numbers), np.bool_)
    return place, known[place] == numbers
