"""Spans and scheme conversion under partial annotation, where some tokens have no tag.

An untagged token also makes its neighbours uncertain, since the ends of a span depend on adjacent tags.
Nothing is guessed:

- A gold span is certain if both of its ends are. `B-X` always begins a span; `I-X` after an untagged token
  may continue one. `E-X` and `S-X` always end a span; `B-X` and `I-X` before an untagged token may go on.
- Untagged tokens and the tokens of uncertain gold spans are excluded from scoring. A predicted span that
  overlaps one of them does not count, neither as correct nor as wrong: counting it as wrong would penalise
  models for missing annotation, and counting it as correct would reward long spans. All models are scored
  on the same gold spans.
- A tag is converted to another scheme only if the known tags determine its spelling there; otherwise it
  becomes null. Conversion from IOB2 or IOBES to IOB2 loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.tagging.ragged import UNTAGGED, distinct_or_none, flatten, relist
from seqtag.tagging.schemes import (
    PREFIXES,
    begin_mask,
    convert_tags,
    end_mask,
    foreign_tag,
    legal_transitions,
    read_tags,
    spell,
    tag_name,
)
from seqtag.tagging.spans import SpanMode, Spans, read_spans, token_positions

Mask = npt.NDArray[np.bool_]

_NO_TAG = "?"  # a tag of no scheme: counts as O


def certain_spans(
    tag_ids: npt.NDArray[np.int32],
    tags: tuple[str, ...],
    offsets: npt.NDArray[np.int64],
    *,
    scheme: SchemeName,
    mode: SpanMode,
) -> tuple[Spans, Mask | None]:
    """Return the spans with certain ends, and a mask of the tokens that are excluded from scoring.

    Args:
        tag_ids: `<int32>[n_tokens]`, indices into `tags`, `UNTAGGED` for untagged tokens.

    Returns: the spans, and `<bool>[n_tokens]`, True for untagged tokens and the tokens of uncertain spans;
        None if every token has a tag.
    """
    untagged = tag_ids < 0
    if not untagged.any():
        return read_spans(tag_ids, tags, offsets, scheme=scheme, mode=mode), None
    filled, tags = np.where(untagged, len(tags), tag_ids).astype(np.int32), (*tags, _NO_TAG)
    found = read_spans(filled, tags, offsets, scheme=scheme, mode="conlleval")
    uncertain = _uncertain(found, filled, tags, untagged, offsets)
    cut = untagged.copy()
    cut[token_positions(found.where(uncertain), offsets)] = True
    if mode == "conlleval":
        return found.where(~uncertain), cut
    strict = read_spans(filled, tags, offsets, scheme=scheme, mode=mode)
    return judged_spans(strict, cut, offsets), cut


def judged_spans(spans: Spans, cut: Mask | None, offsets: npt.NDArray[np.int64]) -> Spans:
    """Return the spans that overlap no token of `cut: <bool>[n_tokens]`; all spans if `cut` is None."""
    if cut is None:
        return spans
    n_cut = np.append(0, np.cumsum(cut))
    begin = offsets[spans.sequence]
    return spans.where(n_cut[begin + spans.stop] == n_cut[begin + spans.start])


def convert_known_tags(tags: pa.ListArray, source: SchemeName, target: SchemeName) -> pa.ListArray:
    """Convert tags to another scheme like `convert_tags`; null tags stay null.

    A tag next to a null becomes null if its spelling depends on the missing tag: `B-X` before a null is `B-X`
    or `S-X` in IOBES. The missing tag may be any that `source` allows there.

    >>> tags = pa.array([["B-X", None, "I-X", "O", "B-X"]])
    >>> convert_known_tags(tags, "IOB2", "IOBES").to_pylist()
    [[None, None, 'E-X', 'O', 'S-X']]
    >>> convert_known_tags(tags, "IOBES", "IOB2").to_pylist()
    [['B-X', None, 'I-X', 'O', 'B-X']]

    Raises:
        TagSchemeError: either scheme has no spans, or a tag belongs to no scheme.
    """
    values, offsets = flatten(tags)
    if source == target or "none" in (source, target) or not values.null_count:
        return convert_tags(tags, source, target)
    tag_ids, seen = distinct_or_none(values)
    untagged = tag_ids == UNTAGGED
    tag_prefix, tag_type, types = read_tags((*seen, "O"))
    stray = tag_prefix >= len(PREFIXES)
    if stray.any():
        raise foreign_tag(seen[int(np.argmax(stray))], source)
    prefix, type_id = tag_prefix[tag_ids], tag_type[tag_ids]  # O in place of a null
    after_gap, before_gap = _next_to_gaps(untagged, offsets)
    ends = _ends(source)
    begins = begin_mask(prefix, type_id, offsets)
    begins = np.where(after_gap, ends.may_begin[prefix], begins)
    inside = untagged | (prefix != PREFIXES.index("O"))
    # A null continues the span before it, unless that span certainly ends.
    begins = np.where(untagged, ~_shifted(ends.may_go_on[prefix] & ~untagged, offsets), begins)
    spelled = spell(inside, begins, type_id, offsets, scheme=target)
    unknown_start = after_gap & ends.may_begin[prefix] & ends.may_continue[prefix]
    unknown_end = before_gap & ends.may_end[prefix] & ends.may_go_on[prefix]
    # IOB2 tags depend on where the span begins, IOBES tags on both ends, all others on both neighbours
    uncertain = {"IOB2": unknown_start, "IOBES": unknown_start | unknown_end}.get(
        target, after_gap | before_gap
    )
    uncertain &= prefix != PREFIXES.index("O")
    names = pa.array([tag_name(p, t) for p in PREFIXES for t in types], pa.string())
    codes = spelled.astype(np.int32) * len(types) + type_id
    return relist(names.take(pa.array(codes, mask=untagged | uncertain)), offsets, like=tags)


def _uncertain(
    spans: Spans,
    tag_ids: npt.NDArray[np.int32],
    tags: tuple[str, ...],
    untagged: Mask,
    offsets: npt.NDArray[np.int64],
) -> Mask:
    """Return `<bool>[n_spans]`, True for spans that may extend into an untagged token."""
    after_gap, before_gap = _next_to_gaps(untagged, offsets)
    tag_prefix, _, _ = read_tags(tags)
    prefix = np.where(tag_prefix < len(PREFIXES), tag_prefix, 0)[tag_ids]
    begin = offsets[spans.sequence]
    first, last = begin + spans.start, begin + spans.stop - 1
    starts_earlier = after_gap[first] & ~_always_begins()[prefix[first]]
    stops_later = before_gap[last] & ~_always_ends()[prefix[last]]
    return starts_earlier | stops_later


def _next_to_gaps(untagged: Mask, offsets: npt.NDArray[np.int64]) -> tuple[Mask, Mask]:
    """Return masks of the tagged tokens directly after, and directly before, an untagged one."""
    after = _shifted(untagged, offsets)
    before = np.append(untagged[1:], False)[: len(untagged)]
    before[offsets[1:][np.diff(offsets) > 0] - 1] = False
    return after & ~untagged, before & ~untagged


def _shifted(mask: Mask, offsets: npt.NDArray[np.int64]) -> Mask:
    """Return the mask of the previous token, False for the first of a sequence."""
    shifted = np.append(False, mask[:-1])[: len(mask)]
    shifted[offsets[:-1][np.diff(offsets) > 0]] = False
    return shifted


@dataclass(frozen=True)
class _Ends:
    """Span boundaries that a scheme allows at a tag of each prefix, each `<bool>[n_prefixes]`.

    may_begin     some previous tag makes it the first of a span
    may_continue  some previous tag makes it continue a span
    may_end       some next tag makes it the last of a span
    may_go_on     some next tag continues its span
    """

    may_begin: Mask
    may_continue: Mask
    may_end: Mask
    may_go_on: Mask


# Two types are enough: transitions depend only on the prefixes and on whether the types are equal.
_PAIRED = ("O", *(f"{p}-x" for p in PREFIXES[1:]), *(f"{p}-y" for p in PREFIXES[1:]))
_N = len(PREFIXES)  # the first _N of _PAIRED are O and the tags of the first type, in the order of PREFIXES


@cache
def _ends(scheme: SchemeName) -> _Ends:
    legal = legal_transitions(_PAIRED, scheme)[:-1, :-1]
    begins, ends = _pair_masks()
    return _Ends(
        may_begin=np.asarray((legal & begins)[:, :_N].any(axis=0)),
        may_continue=np.asarray((legal & ~begins)[:, :_N].any(axis=0)),
        may_end=np.asarray((legal & ends)[:_N].any(axis=1)),
        may_go_on=np.asarray((legal & ~ends)[:_N].any(axis=1)),
    )


@cache
def _always_begins() -> Mask:
    """Return `<bool>[n_prefixes]`, True where a span begins whatever the previous tag is."""
    return np.asarray(_pair_masks()[0][:, :_N].all(axis=0))


@cache
def _always_ends() -> Mask:
    """Return `<bool>[n_prefixes]`, True where a span ends whatever the next tag is."""
    return np.asarray(_pair_masks()[1][:_N].all(axis=1))


@cache
def _pair_masks() -> tuple[Mask, Mask]:
    """Return `<bool>[tag, next_tag]` of `_PAIRED`: a span begins at the second tag; one ends at the first."""
    n = len(_PAIRED)
    prefix, type_id, _ = read_tags(_PAIRED)
    pairs = np.stack(np.divmod(np.arange(n * n), n), axis=1).reshape(-1)  # sequences of two tags
    offsets = np.arange(n * n + 1) * 2
    begins = begin_mask(prefix[pairs], type_id[pairs], offsets)
    ends = end_mask(prefix[pairs] != PREFIXES.index("O"), begins, offsets)
    return begins[1::2].reshape(n, n), ends[::2].reshape(n, n)
