"""New sequences of a snapshot: a growing corpus contains the earlier ones again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config.monitor_config import Compare
from seqtag.corpus.schema import DOCUMENT_ID, TOKENS
from seqtag.io.hash_counts import HashCounts, Hashes, find_hashes
from seqtag.io.hashing import hash_pairs, hash_sequences, hash_strings

_MOST = 0.5  # minimum share of the earlier sequences in a grown corpus
_FEWEST = 0.01  # maximum share of earlier sequences that became rarer in a grown corpus


class EarlierSequences:
    """Counts of the distinct sequences of an earlier snapshot; 16 bytes each."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._held = HashCounts(map(_hashes, batches))

    def are_in(self, batches: Iterable[pa.RecordBatch]) -> bool:
        """Tell whether a later snapshot contains at least half of the sequences, so that its rest is new.

        Sequences that repeat recur in any sample of the traffic and are not evidence. Some of those seen once
        also occur once in an independent sample by chance: under independence, the number of sequences with
        counts (1, 1) is twice the geometric mean of those with (2, 0) and (0, 2). If repeated sequences have
        become rarer, some were dropped, so new copies would pass for old ones: the result is False.
        """
        later = HashCounts(map(_hashes, batches))
        both = np.union1d(self._held.numbers, later.numbers)
        before, now = self._held.of(both), later.of(both)

        def count(n_before: int, n_now: int) -> int:
            return int(np.count_nonzero((before == n_before) & (now == n_now)))

        by_chance = 2 * math.sqrt(count(2, 0) * count(0, 2))
        once = np.count_nonzero(before == 1)
        rarer = before[(now > 0) & (now < before)].sum()
        return bool(once and count(1, 1) - by_chance >= _MOST * once and rarer <= _FEWEST * before.sum())

    def left_out(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the new sequences; of one that occurred twice before, the third and later copies are new."""
        held, left = self._held.numbers, self._held.counts.copy()
        for batch in batches:
            hashes = _hashes(batch)
            place, is_old = find_hashes(hashes, held)
            is_old[is_old] = _rank(place[is_old]) < left[place[is_old]]
            left -= np.bincount(place[is_old], minlength=len(left))
            yield batch.filter(pa.array(~is_old))


def is_grown(earlier: EarlierSequences, batches: Iterable[pa.RecordBatch], *, compare: Compare) -> bool:
    """Tell whether to compare only new sequences: as configured or, for "auto", if the corpus has grown."""
    return compare == "new" or (compare == "auto" and earlier.are_in(batches))


def _hashes(batch: pa.RecordBatch) -> Hashes:
    return hash_pairs(hash_sequences(batch.column(TOKENS)), hash_strings(batch.column(DOCUMENT_ID)))


def _rank(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of equal values before each.

    >>> _rank(np.array([7, 3, 7, 7])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    within = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))
    ranks = np.empty_like(within)
    ranks[order] = within
    return ranks
