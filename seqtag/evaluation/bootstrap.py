"""Cluster bootstrap (Field and Welsh 2007): the variation of a score from test split to test split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from seqtag.evaluation.counts import Counts

_CHUNK = 4096  # units whose weights are drawn at once; changing it changes the resamples
_LEVELS = 2**16


@dataclass(frozen=True, eq=False)
class Resampled:
    """A table of counts, summed over the test split and over each resample.

    sums: <float64>[1 + resamples, *shape]  row 0 is the test split itself
    n_units: <int64>[*shape]                resampling units with a count above 0
    """

    sums: npt.NDArray[np.float64]
    n_units: npt.NDArray[np.int64]


def resampled_totals(
    tables: Sequence[Counts], *, units: npt.NDArray[np.uint64], resamples: int, seed: int
) -> list[Resampled]:
    """Return the sums of each table over the sequences: of the test split and of each resample.

    A resample gives every unit a Poisson(1) weight, the same one in all tables, so results of one call can be
    compared pairwise. Poisson weights approximate drawing with replacement (Hanley and MacGibbon 2006) and
    need only a few thousand units in memory at a time.

    Args:
        tables: counts of the same sequences.
        units: `<uint64>[n_sequences]`, equal for sequences that are drawn together.
    """
    sizes = [math.prod(table.shape) for table in tables]
    totals, n_units = np.zeros((1 + resamples, sum(sizes))), np.zeros(sum(sizes), np.int64)
    generator = np.random.default_rng(seed)
    order = np.argsort(units, kind="stable")
    bounds = np.append(np.flatnonzero(_is_first(units[order])), len(units))
    for start in range(0, len(bounds) - 1, _CHUNK):
        counts = _unit_counts(tables, order, bounds[start : start + _CHUNK + 1])  # [unit, all columns]
        totals[0] += counts.sum(axis=0, dtype=np.float64)
        totals[1:] += _weights(generator, (resamples, len(counts))) @ counts
        n_units += np.count_nonzero(counts, axis=0)
    parts, present = np.split(totals, np.cumsum(sizes)[:-1], axis=1), np.split(n_units, np.cumsum(sizes)[:-1])
    return [
        Resampled(part.reshape(1 + resamples, *table.shape), found.reshape(table.shape))
        for part, found, table in zip(parts, present, tables, strict=True)
    ]


def unit_totals(counts: npt.NDArray[np.float32], units: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return `<float64>[n_units, ...]`, the sums of counts by unit, in ascending order of units."""
    distinct, number = np.unique(units, return_inverse=True)
    totals = np.zeros((len(distinct), *counts.shape[1:]))
    np.add.at(totals, number, counts)
    return totals


def percentile_interval(
    resampled: npt.NDArray[np.float64], confidence: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the ends of the percentile interval along the first axis; NaN resamples are ignored.

    >>> low, high = percentile_interval(np.arange(101.0), 0.5)
    >>> float(low), float(high)
    (25.0, 75.0)
    """
    ordered = np.sort(resampled, axis=0)  # NaN comes last
    defined = np.count_nonzero(~np.isnan(ordered), axis=0)
    tail = (1 - confidence) / 2
    return _quantile(ordered, defined, tail), _quantile(ordered, defined, 1 - tail)


def _is_first(ordered: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`, True if the value differs from the previous one."""
    return np.append(np.ones(min(1, len(ordered)), np.bool_), ordered[1:] != ordered[:-1])


def _unit_counts(
    tables: Sequence[Counts], order: npt.NDArray[np.int64], bounds: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return `<float32>[n_units, all columns]`, reading a few thousand sequences at a time.

    Args:
        order: sequences sorted by unit.
        bounds: the sequences of unit i are `order[bounds[i]:bounds[i + 1]]`.
    """
    counts = np.zeros((len(bounds) - 1, sum(math.prod(table.shape) for table in tables)), np.float32)
    for start in range(bounds[0], bounds[-1], _CHUNK):
        stop = min(start + _CHUNK, bounds[-1])
        sequences = order[start:stop]
        rows = [table.rows(sequences).reshape(len(sequences), -1) for table in tables]
        first = np.searchsorted(bounds, start, side="right") - 1
        last = np.searchsorted(bounds, stop, side="left")
        begins = np.maximum(bounds[first:last], start) - start
        counts[first:last] += np.add.reduceat(np.concatenate(rows, axis=1), begins, axis=0)
    return counts


def _weights(generator: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Draw Poisson(1) weights.

    A table lookup by 16 random bits is ten times as fast as `Generator.poisson`. Mean and variance are 0.05 %
    below 1, which cancels in ratios of sums.
    """
    return _weight_of_bits()[generator.integers(0, _LEVELS, shape, dtype=np.uint16)]


@cache
def _weight_of_bits() -> npt.NDArray[np.float32]:
    mass = [math.exp(-1) / math.factorial(k) for k in range(12)]
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    weights = np.searchsorted(np.cumsum(mass), levels).astype(np.float32)
    weights.flags.writeable = False
    return weights


def _quantile(
    ordered: npt.NDArray[np.float64], defined: npt.NDArray[np.intp], share: float
) -> npt.NDArray[np.float64]:
    """Return the quantile of the first `defined` rows, interpolated as in `numpy.quantile`."""
    position = share * np.maximum(defined - 1, 0)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    low = np.take_along_axis(ordered, below[None], axis=0)[0]
    high = np.take_along_axis(ordered, above[None], axis=0)[0]
    values: npt.NDArray[np.float64] = low + (position - below) * (high - low)
    return values
