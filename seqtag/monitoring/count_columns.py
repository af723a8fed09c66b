"""Column layout of count matrices: tokens, spans, tags, tag bigrams, lengths and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from seqtag.config import SchemeName
from seqtag.monitoring.column_bins import ColumnBins
from seqtag.tagging.schemes import read_tags

OTHER = "(other)"  # a tag or type unknown to the reference
EDGE = "(edge)"  # before the first and after the last token of a sequence

# Smallest length (tokens) of each bin; two bins per doubling.
LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
N_CONFIDENCE = 20  # bins of 0.05 in [0, 1]

Part = Literal["tags", "bigrams", "lengths", "confidence"]


@dataclass(frozen=True)
class CountColumns:
    """The columns of a profile, in this order.

    tokens, unknown | spans by type | unseen spans by type | tags | tag bigrams | lengths | confidence |
    by quantity of a column of tokens: bins | by column of tokens: tokens with and without a value

    The columns of tags and of types each end with one for labels that are not in `tags`. With `partial`,
    untagged tokens count as tokens, but only bigrams of tagged neighbours and spans with known ends count.
    """

    tags: tuple[str, ...]
    scheme: SchemeName
    partial: bool = False
    bins: tuple[ColumnBins, ...] = ()

    @classmethod
    def of(
        cls,
        tags: Sequence[str],
        scheme: SchemeName,
        *,
        partial: bool = False,
        bins: Sequence[ColumnBins] = (),
    ) -> CountColumns:
        """Return the layout for the tags that the champion can predict, and the columns that it reads."""
        return cls(tuple(sorted(set(tags))), scheme, partial, tuple(bins))

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Span types, sorted; empty without a scheme."""
        return () if self.scheme == "none" else read_tags(self.tags)[2]

    @property
    def n_tags(self) -> int:
        return len(self.tags) + 1  # including `OTHER`

    @property
    def n_types(self) -> int:
        return len(self.types) + 1

    @property
    def n_marks(self) -> int:
        """Number of possible sides of a bigram: tags, `OTHER` and `EDGE`."""
        return self.n_tags + 1

    @property
    def spans(self) -> slice:
        return slice(2, 2 + self.n_types)

    @property
    def unseen(self) -> slice:
        return slice(self.spans.stop, self.spans.stop + self.n_types)

    @property
    def tag_counts(self) -> slice:
        return slice(self.unseen.stop, self.unseen.stop + self.n_tags)

    @property
    def bigrams(self) -> slice:
        """A flattened `[from, to]` square."""
        return slice(self.tag_counts.stop, self.tag_counts.stop + self.n_marks**2)

    @property
    def lengths(self) -> slice:
        return slice(self.bigrams.stop, self.bigrams.stop + len(LENGTHS))

    @property
    def confidence(self) -> slice:
        return slice(self.lengths.stop, self.lengths.stop + N_CONFIDENCE)

    @cached_property
    def quantities(self) -> dict[str, slice]:
        """The bins of each quantity of a column of tokens, by its name."""
        stops = self.confidence.stop + np.cumsum([0, *(len(bins.labels) for bins in self.bins)])
        return {
            bins.name: slice(int(start), int(stop))
            for bins, (start, stop) in zip(self.bins, pairwise(stops), strict=True)
        }

    @cached_property
    def has_value(self) -> dict[str, slice]:
        """Two columns by name of a column of tokens: tokens with and without a value."""
        start = max((each.stop for each in self.quantities.values()), default=self.confidence.stop)
        names = dict.fromkeys(bins.column.name for bins in self.bins)
        return {name: slice(start + 2 * i, start + 2 * i + 2) for i, name in enumerate(names)}

    @property
    def n_columns(self) -> int:
        return max((each.stop for each in self.has_value.values()), default=self.confidence.stop)

    def label(self, part: str, place: int) -> str:
        """Return the display name of a column of a part.

        Computed on demand: a tag set of 2,000 has 4 million bigrams.
        """
        marks = (*self.tags, OTHER, EDGE)
        if part == "tags":
            return marks[place]
        if part == "bigrams":
            return f"{marks[place // self.n_marks]} → {marks[place % self.n_marks]}"
        if part == "lengths":
            return _ranges(LENGTHS)[place]
        if part in self.quantities:
            return next(bins for bins in self.bins if bins.name == part).labels[place]
        return f"{place / N_CONFIDENCE:.2f} to {(place + 1) / N_CONFIDENCE:.2f}"

    def part(self, part: str) -> slice:
        """Return the columns of a part, or of a quantity of a column of tokens."""
        places = {
            **self.quantities,
            "tags": self.tag_counts,
            "bigrams": self.bigrams,
            "lengths": self.lengths,
            "confidence": self.confidence,
        }
        return places[part]


TOKENS_COLUMN, UNKNOWN_COLUMN = 0, 1


def length_bin(
    lengths: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the bin of each length.

    >>> length_bin(np.array([1, 5, 7, 5000])).tolist()
    [0, 3, 4, 19]
    """
    return np.searchsorted(np.array(LENGTHS), lengths, side="right") - 1


def _ranges(least: Sequence[int]) -> tuple[str, ...]:
    """Return bin names from their first and last lengths.

    >>> _ranges((1, 2, 4))
    ('1', '2 to 3', '4 or more')
    """
    ends = [f"{a}" if a == b - 1 else f"{a} to {b - 1}" for a, b in pairwise(least)]
    return (*ends, f"{least[-1]} or more")
