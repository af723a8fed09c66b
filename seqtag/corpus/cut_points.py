"""Places where a rule cuts long sequences: after given tokens, and never within a span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import CutConfig
from seqtag.io.arrays import mask_of
from seqtag.tagging.ragged import distinct_or_none, flatten
from seqtag.tagging.schemes import PREFIXES, begin_mask, read_tags
from seqtag.tagging.spelling import PATTERNS, split_like

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_CANONICAL = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}


@dataclass(frozen=True)
class CutPoints:
    """Flat positions of tokens that begin a piece, ascending, and how many follow no token of the rule."""

    positions: Positions
    n_elsewhere: int


def cut_points(
    tokens: pa.ListArray, rule: CutConfig, *, tags: pa.ListArray | None = None, is_cut: Mask | None = None
) -> CutPoints:
    """Return where to cut the sequences of more than `rule.max_length` tokens.

    A piece ends after the last token of `rule.after` that it can hold, else with the last token that it can
    hold. If that would be within a span, it ends before the span; if there is nothing before it, the piece
    holds the whole span, and is longer than the rule allows. The end of a sequence decides nothing, so the
    pieces stay the same as a sequence grows.

    Args:
        tokens: `list<string>`.
        tags: `list<string>`, as many as tokens in each sequence of `is_cut`, or null; None: no spans.
        is_cut: `<bool>[n]`, the sequences that may be cut; None: all.

    >>> tokens = pa.array([list("ab.cdefg")])
    >>> cut_points(tokens, CutConfig(max_length=4, after=["."])).positions.tolist()
    [3, 7]
    """
    flat, offsets = flatten(tokens)
    long = np.diff(offsets) > rule.max_length
    if is_cut is not None:
        long &= is_cut
    if not long.any():
        return CutPoints(np.zeros(0, np.int64), 0)
    begin, end = offsets[:-1][long], offsets[1:][long]
    free = np.ones(len(flat), np.bool_) if tags is None else ~_within_spans(tags, offsets, long)
    preferred = free.copy()
    if rule.after:
        is_end = pc.is_in(flat.cast(pa.string()), value_set=pa.array(rule.after, pa.string()))
        preferred[1:] &= mask_of(is_end)[:-1]
    places = _Places(_last(preferred), _last(free), np.flatnonzero(free), rule.max_length)
    found = [place for each in zip(begin.tolist(), end.tolist(), strict=True) for place in places.cuts(*each)]
    positions = np.array(found, np.int64)
    return CutPoints(positions, int((~preferred[positions]).sum()))


@dataclass(frozen=True)
class _Places:
    """Flat positions at which a piece may begin.

    last_preferred, last_free: `<int64>[n_tokens]`, the last such position up to each token, -1 without one.
    free: `<int64>[n]`, ascending.
    """

    last_preferred: Positions
    last_free: Positions
    free: Positions
    max_length: int

    def cuts(self, begin: int, end: int) -> Iterator[int]:
        """Yield where the pieces of the tokens `[begin, end)` begin, without the first."""
        while end - begin > self.max_length:
            limit = begin + self.max_length
            place = int(self.last_preferred[limit])
            if place <= begin:
                place = int(self.last_free[limit])
            if place <= begin:
                after = int(np.searchsorted(self.free, limit))
                place = int(self.free[after]) if after < len(self.free) else end
            if place >= end:
                return
            yield place
            begin = place


def _last(mask: Mask) -> Positions:
    return np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))


def _within_spans(tags: pa.ListArray, offsets: Positions, long: Mask) -> Mask:
    """Return `<bool>[n_tokens]`, True for tokens of long sequences that continue a span, in any spelling.

    Every spelling is understood, since that of a corpus is known only when all of it has been read.
    """
    within = np.zeros(offsets[-1], np.bool_)
    is_tagged = long & mask_of(tags.is_valid())
    if not is_tagged.any():
        return within
    values, tag_offsets = flatten(tags.filter(pa.array(is_tagged)))
    tag_ids, seen = distinct_or_none(values)
    prefix, type_id, _ = read_tags([*map(_canonical, seen), "O"])  # null tags count as O
    begins = begin_mask(prefix[tag_ids], type_id[tag_ids], tag_offsets)
    within[np.repeat(is_tagged, np.diff(offsets))] = (prefix[tag_ids] != PREFIXES.index("O")) & ~begins
    return within


@lru_cache(maxsize=4096)
def _canonical(tag: str) -> str:
    """Return a tag in canonical spelling, "O" if it is no tag of a span.

    >>> _canonical("per_l"), _canonical("B-PER"), _canonical("NOUN")
    ('E-per', 'B-PER', 'O')
    """
    for pattern in PATTERNS:
        letter, type_ = split_like(tag, pattern)
        if letter:
            return f"{_CANONICAL[letter]}-{type_}" if type_ else _CANONICAL[letter]
    return "O"
