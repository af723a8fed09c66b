"""Drift statistics: comparisons of two periods as functions of their counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seqtag.divergence import jensen_shannon_divergence
from seqtag.monitoring.count_columns import (
    N_CONFIDENCE,
    OTHER,
    TOKENS_COLUMN,
    UNKNOWN_COLUMN,
    CountColumns,
)
from seqtag.monitoring.period_profile import PeriodProfile

Way = Literal["difference", "distance", "psi"]
Floats = npt.NDArray[np.float64]

_EXPECTED = 5  # minimum expected count of a bin; smaller bins are merged (Cochran 1954)
_HALF = 0.5  # added to each bin of PSI, which is undefined for empty bins
UNSURE = N_CONFIDENCE // 2  # number of bins with confidence below 0.5


@dataclass(frozen=True, eq=False)
class StatisticSpec:
    """Specification of one statistic.

    way       difference   share of bin 0, current minus reference, so that higher is worse
              distance     Jensen-Shannon distance, base 2: 0 for equal, 1 for disjoint distributions
                           (Endres and Schindelin 2003); its square is the divergence in bits
              psi          population stability index, base e, with half a count added to each bin
    bins      names of the bins
    select: <int64>[n_columns, n_bins], sparse: assignment of columns to bins
    needs_labels   counts only sequences with tags
    fixable        can be fixed by retraining on the new data, as it concerns words, columns or labels
    """

    name: str
    way: Way
    unit: str
    bins: tuple[str, ...]
    select: Any
    needs_labels: bool
    fixable: bool

    def value(self, reference: Floats, current: Floats) -> Floats:
        """Return the statistic for counts `<float64>[..., n_bins]`; NaN if one side is empty."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.way == "difference":
                return _first_share(current) - _first_share(reference)
            if self.way == "distance":
                distances: Floats = np.sqrt(jensen_shannon_divergence(_shares(reference), _shares(current)))
                return distances
            p, q = _smoothed(reference), _smoothed(current)
            index = ((q - p) * np.log(q / p)).sum(axis=-1)
            return np.where((reference.sum(axis=-1) > 0) & (current.sum(axis=-1) > 0), index, np.nan)

    def support(self, profile: PeriodProfile) -> int:
        """Return the total count over all bins."""
        return int(self.counts(profile).sum())

    def counts(self, profile: PeriodProfile) -> Floats:
        """Return `<float64>[n_bins]` for the whole period."""
        return (profile.counts @ self.select).astype(np.float64)


def comparable_statistics(
    reference: PeriodProfile, current: PeriodProfile, *, min_support: int
) -> tuple[StatisticSpec, ...]:
    """Return the statistics for which both periods have at least `min_support`."""
    layout = reference.layout
    unknown = _rate(layout, "unknown tokens", "tokens", [UNKNOWN_COLUMN], [TOKENS_COLUMN], of="unknown")
    columns = np.arange(layout.n_columns)
    unseen, spans, confident = columns[layout.unseen], columns[layout.spans], columns[layout.confidence]
    by_type = [
        _rate(layout, f"unseen spans of {name}" if name else "unseen spans", "spans", [u], [s], of="unseen")
        for name, u, s in zip(layout.types, unseen[:-1], spans[:-1], strict=True)
        if min(reference.counts[s], current.counts[s])
        >= min_support  # each spec holds a matrix of all columns
    ]
    all_types = _rate(layout, "unseen spans", "spans", list(unseen), list(spans), of="unseen")
    unsure = _rate(
        layout, "unsure tokens", "tokens", list(confident[:UNSURE]), list(confident), of="below 0.5"
    )
    missing = [
        _rate(layout, f"missing {name}", "tokens", [where.start + 1], list(columns[where]), of="missing")
        for name, where in layout.has_value.items()
    ]
    found = [unknown, all_types, *(by_type if len(layout.types) > 1 else []), unsure, *missing]
    units = {
        "tags": "tokens",
        "bigrams": "bigrams",
        "lengths": "sequences",
        "confidence": "tokens",
        **{bins.name: bins.unit for bins in layout.bins},
    }
    for part, unit in units.items():
        found += _distributions(reference, current, part, unit)
    return tuple(m for m in found if min(m.support(reference), m.support(current)) >= min_support)


def _rate(
    layout: CountColumns, name: str, unit: str, part: list[Any], whole: list[Any], *, of: str
) -> StatisticSpec:
    """Return the statistic of a share; bin 1 is the rest, so that both bins add up to the whole."""
    from scipy import sparse

    rows, bins = [*whole, *part, *part], [1] * len(whole) + [1] * len(part) + [0] * len(part)
    signs = np.repeat([1, -1, 1], [len(whole), len(part), len(part)])
    select = sparse.coo_array((signs, (rows, bins)), shape=(layout.n_columns, 2)).tocsr()
    kind = {"unseen": (True, True), "unknown": (False, True)}  # others are not a matter of training
    needs_labels, fixable = kind.get(of, (False, False))
    return StatisticSpec(name, "difference", unit, (of, "other"), select, needs_labels, fixable)


def _distributions(
    reference: PeriodProfile, current: PeriodProfile, part: str, unit: str
) -> list[StatisticSpec]:
    """Return the statistics of a distribution, with bins determined by the reference alone."""
    from scipy import sparse

    where = reference.layout.part(part)
    counts = reference.counts[where]
    smaller = min(int(counts.sum()), int(current.counts[where].sum()))
    expected = counts / max(int(counts.sum()), 1) * smaller
    own = np.flatnonzero(expected >= _EXPECTED)
    bin_of = np.full(len(counts), len(own), np.int64)
    bin_of[own] = np.arange(len(own))
    rows = np.arange(where.start, where.stop)
    shape = (reference.layout.n_columns, len(own) + 1)
    select = sparse.coo_array((np.ones(len(rows), np.int64), (rows, bin_of)), shape=shape).tocsr()
    bins = (*(reference.layout.label(part, int(place)) for place in own), OTHER)
    labelled = part in ("tags", "bigrams")
    fixable = labelled or part in reference.layout.quantities
    ways: tuple[Way, ...] = ("distance", "psi")
    return [StatisticSpec(part, way, unit, bins, select, labelled, fixable) for way in ways]


def _first_share(counts: Floats) -> Floats:
    share: Floats = counts[..., 0] / counts.sum(axis=-1)
    return share


def _shares(counts: Floats) -> Floats:
    shares: Floats = counts / counts.sum(axis=-1, keepdims=True)
    return shares


def _smoothed(counts: Floats) -> Floats:
    more = counts + _HALF
    shares: Floats = more / more.sum(axis=-1, keepdims=True)
    return shares
