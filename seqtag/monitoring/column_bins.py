"""Bins of the further columns of tokens that the model reads, learned from train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import NumberColumn, ReadColumn, SetColumn, TimeColumn
from seqtag.corpus.schema import TOKENS
from seqtag.corpus.token_values import numbers, seconds, set_members, token_values
from seqtag.features.column_index import ColumnIndex, LearnedColumn, gaps_before
from seqtag.features.column_learning import EvenSample
from seqtag.features.split_reader import row_groups
from seqtag.features.symbols import Lookup
from seqtag.features.time_zones import local_times
from seqtag.io.arrays import mask_of
from seqtag.tagging.ragged import flatten, sequence_numbers

Ints = npt.NDArray[np.int64]
Quantity = Literal["values", "gaps", "hours"]

_N_BUCKETS = 10  # of numbers and gaps
_MOST_NAMES = 1000  # values of a category or members of sets, the most frequent; others are combined
_OTHERS = "(other)"
_HOUR, _HOURS = 3600.0, 24  # seconds, number


@dataclass(frozen=True)
class ColumnBins:
    """Bins of a quantity of a column: its values, or the gaps and hours of a column of times.

    column       of the tokens
    quantity     `gaps` are seconds since the token before; `hours` are hours of the day in the column's zone
    names        values of a category or members of sets; one more bin has all others
    edges        between the buckets of numbers and gaps, ascending; the last is just above train's maximum
    """

    column: ReadColumn
    quantity: Quantity = "values"
    names: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The name of the statistic."""
        return f"{self.quantity} of {self.column.name}"

    @property
    def unit(self) -> str:
        """The unit of the counts."""
        return "members" if isinstance(self.column, SetColumn) else "tokens"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The name of each bin."""
        if self.quantity == "hours":
            return tuple(f"{hour:02d}:00 to {hour:02d}:59" for hour in range(_HOURS))
        if not isinstance(self.column, NumberColumn | TimeColumn):
            return (*self.names, _OTHERS)
        unit = " s" if self.quantity == "gaps" else ""
        names = [f"{edge:.6g}" for edge in self.edges]
        between = [low if low == high else f"{low} to {high}" for low, high in pairwise(names)]
        return tuple(f"{each}{unit}" for each in (f"below {names[0]}", *between, f"above {names[-1]}"))

    def bins(self, texts: pa.StringArray, offsets: Ints) -> tuple[Ints, Ints]:
        """Return the token and the bin of each value or member, both `<int64>[n]`.

        Args:
            texts: values of concatenated sequences, null where missing.
            offsets: `<int64>[n_sequences + 1]`, start of each sequence.
        """
        if isinstance(self.column, NumberColumn | TimeColumn):
            found = self.numbers(texts, offsets)
            token = np.flatnonzero(~np.isnan(found))
            if self.quantity == "hours":
                return token, (found[token] // _HOUR % _HOURS).astype(np.int64)
            return token, np.searchsorted(np.array(self.edges), found[token], side="right")
        if isinstance(self.column, SetColumn):
            names, starts = flatten(set_members(texts, self.column.separator))
            token = sequence_numbers(starts)
        else:
            names, token = texts.drop_null(), np.flatnonzero(mask_of(texts.is_valid()))
        place = Lookup(pa.array(self.names, pa.string())).positions(names).astype(np.int64)
        return token, np.where(place < 0, len(self.names), place)

    def numbers(self, texts: pa.StringArray, offsets: Ints) -> npt.NDArray[np.float64]:
        """Return `<float64>[n_tokens]`: numbers, gaps or local times, both in seconds; NaN if missing."""
        if not isinstance(self.column, TimeColumn):
            return numbers(texts)
        times = seconds(texts, self.column.format)
        if self.quantity == "gaps":
            return gaps_before(times, offsets)
        return local_times(times, self.column.zone)


def learn_bins(train: Path, index: ColumnIndex) -> tuple[ColumnBins, ...]:
    """Return the bins of the columns of an index; buckets of numbers and gaps are quantiles of train."""
    planned = [bins for learned in index.columns for bins in _planned(learned)]
    sampled = [
        bins
        for bins in planned
        if isinstance(bins.column, NumberColumn | TimeColumn) and bins.quantity != "hours"
    ]
    samples = [EvenSample() for _ in sampled]
    names = sorted({bins.column.name for bins in sampled})
    for batch in row_groups(train, [TOKENS, *names]) if sampled else ():
        _, offsets = flatten(batch.column(TOKENS))
        for bins, sample in zip(sampled, samples, strict=True):
            found = bins.numbers(token_values(batch.column(bins.column.name), offsets), offsets)
            sample.add(found[~np.isnan(found)])
    learned = {
        bins.name: ColumnBins(bins.column, bins.quantity, edges=_edges(sample))
        for bins, sample in zip(sampled, samples, strict=True)
    }
    return tuple(learned.get(bins.name, bins) for bins in planned)


def _edges(sample: EvenSample) -> tuple[float, ...]:
    found = sample.quantiles(np.linspace(0, 1, _N_BUCKETS + 1))
    found[-1] = np.nextafter(found[-1], np.inf)  # the maximum itself is in the last bucket
    return tuple(np.unique(found).tolist())


def _planned(learned: LearnedColumn) -> Sequence[ColumnBins]:
    if isinstance(learned.column, TimeColumn):
        return [ColumnBins(learned.column, "gaps"), ColumnBins(learned.column, "hours")]
    return [ColumnBins(learned.column, names=learned.known[:_MOST_NAMES])]
