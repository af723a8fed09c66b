"""Conversion of tags to spans, like conlleval or strictly, and of spans to tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.errors import TagSchemeError
from seqtag.tagging.ragged import distinct, flatten, relist, sequence_numbers
from seqtag.tagging.schemes import PREFIXES, begin_mask, end_mask, read_tags, spell, tag_name

SpanMode = Literal["conlleval", "strict"]
SPAN_MODES: tuple[SpanMode, ...] = ("conlleval", "strict")

# The first and last prefix of well-formed spans. In IOB1, a span may begin with B only directly after a span
# of the same type; in IOE1, it may end with E only directly before one.
_WELL_FORMED: dict[SchemeName, tuple[tuple[str, str], ...]] = {
    "IOB1": (("I", "I"), ("B", "B"), ("B", "I")),
    "IOB2": (("B", "B"), ("B", "I")),
    "IOBES": (("S", "S"), ("B", "E")),
    "IOE1": (("I", "I"), ("E", "E"), ("I", "E")),
    "IOE2": (("E", "E"), ("I", "E")),
}

_B_OR_I = (PREFIXES.index("B"), PREFIXES.index("I"))
_I_OR_E = (PREFIXES.index("I"), PREFIXES.index("E"))


@dataclass(frozen=True, eq=False)
class Spans:
    """Non-overlapping spans `[start, stop)` within their sequences, in the order of the tokens.

    sequence, start, stop: <int64>[n_spans]   positions from 0
    type_id: <int32>[n_spans]                 indices into `types`
    """

    sequence: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]
    type_id: npt.NDArray[np.int32]
    types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)

    def where(self, kept: npt.NDArray[np.bool_]) -> Spans:
        """Return the spans selected by a mask, `<bool>[n_spans]`."""
        return Spans(self.sequence[kept], self.start[kept], self.stop[kept], self.type_id[kept], self.types)


def spans_of(tags: pa.ListArray, scheme: SchemeName, *, mode: SpanMode) -> Spans:
    """Return the spans that tags spell.

    conlleval   the spans that conlleval.pl (Sang and Buchholz 2000) finds, in any scheme; illegal tags are
                read leniently: an I after O begins a span
    strict      those of them that are well-formed in the scheme: in IOB2, beginning with B; in IOBES, one S,
                or B to E; in IOB1, beginning with B only directly after a span of the same type

    A tag of no scheme counts as O.

    Raises:
        TagSchemeError: the scheme has no spans, or a tag is null.
    """
    values, offsets = flatten(tags)
    tag_ids, seen = distinct(values)
    return read_spans(tag_ids, seen, offsets, scheme=scheme, mode=mode)


def read_spans(
    tag_ids: npt.NDArray[np.int32],
    tags: tuple[str, ...],
    offsets: npt.NDArray[np.int64],
    *,
    scheme: SchemeName,
    mode: SpanMode,
) -> Spans:
    """Return the spans of flat tags.

    Args:
        tag_ids: `<int32>[n_tokens]`, indices into `tags`.
        offsets: `<int64>[n_sequences + 1]`.
    """
    if scheme == "none":
        raise TagSchemeError("scheme 'none' has no spans: expected IOB1, IOB2, IOBES, IOE1 or IOE2")
    tag_prefix, tag_type, types = read_tags(tags)
    prefix, type_id = tag_prefix[tag_ids], tag_type[tag_ids]
    begins = begin_mask(prefix, type_id, offsets)
    inside = (prefix != PREFIXES.index("O")) & (prefix < len(PREFIXES))
    first = np.flatnonzero(begins)
    last = np.flatnonzero(end_mask(inside, begins, offsets))
    if mode == "strict":
        kept = _well_formed(prefix, type_id, offsets, first, last, scheme=scheme)
        first, last = first[kept], last[kept]
    sequence = sequence_numbers(offsets)[first]
    return Spans(sequence, first - offsets[sequence], last + 1 - offsets[sequence], type_id[first], types)


def tags_of(spans: Spans, lengths: npt.NDArray[np.int64], scheme: SchemeName) -> pa.ListArray:
    """Return the tags that spell `spans` in sequences of these lengths.

    Raises:
        TagSchemeError: the scheme has no spans.
    """
    if scheme == "none":
        raise TagSchemeError("scheme 'none' has no spans: expected IOB1, IOB2, IOBES, IOE1 or IOE2")
    offsets = np.append(0, np.cumsum(lengths, dtype=np.int64))
    tokens = token_positions(spans, offsets)
    inside = np.zeros(offsets[-1], np.bool_)
    inside[tokens] = True
    begins = np.zeros_like(inside)
    begins[offsets[spans.sequence] + spans.start] = True
    type_id = np.zeros(offsets[-1], np.int32)
    type_id[tokens] = np.repeat(spans.type_id, spans.stop - spans.start)
    spelled = spell(inside, begins, type_id, offsets, scheme=scheme)
    names = pa.array([tag_name(p, t) for p in PREFIXES for t in spans.types], pa.string())
    values = names.take(pa.array(spelled.astype(np.int32) * len(spans.types) + type_id))
    return relist(values, offsets)


def token_positions(spans: Spans, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the flat positions of the tokens of spans, span by span."""
    lengths = spans.stop - spans.start
    begin = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) + np.repeat(offsets[spans.sequence] + spans.start - begin, lengths)


def matches(spans: Spans, others: Spans, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_spans]`, True for spans that `others` contains with the same type.

    Both must have the same `types`.
    """
    if not len(others):
        return np.zeros(len(spans), np.bool_)
    begin = offsets[spans.sequence] + spans.start
    other_begin = offsets[others.sequence] + others.start
    nearest = np.minimum(np.searchsorted(other_begin, begin), len(others) - 1)
    same: npt.NDArray[np.bool_] = (
        (other_begin[nearest] == begin)
        & (others.stop[nearest] == spans.stop)
        & (others.type_id[nearest] == spans.type_id)
    )
    return same


def _well_formed(
    prefix: npt.NDArray[np.int8],
    type_id: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    last: npt.NDArray[np.int64],
    *,
    scheme: SchemeName,
) -> npt.NDArray[np.bool_]:
    kept = np.zeros(len(first), np.bool_)
    for begin, end in _WELL_FORMED[scheme]:
        kept |= (prefix[first] == PREFIXES.index(begin)) & (prefix[last] == PREFIXES.index(end))
    if scheme == "IOB1":
        at_start = np.isin(first, offsets)
        before = np.where(at_start, first, first - 1)
        touches = ~at_start & np.isin(prefix[before], _B_OR_I) & (type_id[before] == type_id[first])
        kept &= (prefix[first] != PREFIXES.index("B")) | touches
    if scheme == "IOE1":
        at_end = np.isin(last + 1, offsets)
        after = np.where(at_end, last, last + 1)
        touches = ~at_end & np.isin(prefix[after], _I_OR_E) & (type_id[after] == type_id[last])
        kept &= (prefix[last] != PREFIXES.index("E")) | touches
    return kept
