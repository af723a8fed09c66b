"""Counts of 64-bit numbers such as hashes, accumulated by batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HashCounts:
    """Distinct numbers, sorted, with their counts; 16 bytes each."""

    numbers: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    counts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def adding(self, further: Hashes) -> HashCounts:
        """Return the counts with further numbers added, which may repeat and be in any order.

        >>> HashCounts().adding(np.array([5, 3], np.uint64)).adding(np.array([5, 4, 5], np.uint64))
        HashCounts(numbers=array([3, 4, 5], dtype=uint64), counts=array([1, 1, 3]))
        """
        found, n = np.unique(further, return_counts=True)
        numbers, place = np.unique(np.concatenate([self.numbers, found]), return_inverse=True)
        sums = np.bincount(place, weights=np.concatenate([self.counts, n]), minlength=len(numbers))
        return HashCounts(numbers, sums.astype(np.int64))

    def of(self, numbers: Hashes) -> Ints:
        """Return `<int64>[n]`: the count of each number, 0 if absent.

        >>> HashCounts().adding(np.array([5, 5, 3], np.uint64)).of(np.array([4, 5, 9], np.uint64))
        array([0, 2, 0])
        """
        if not len(self.numbers):
            return np.zeros(len(numbers), np.int64)
        nearest = np.minimum(np.searchsorted(self.numbers, numbers), len(self.numbers) - 1)
        return np.where(self.numbers[nearest] == numbers, self.counts[nearest], 0)
