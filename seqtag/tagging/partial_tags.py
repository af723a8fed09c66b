"""Spans and schemes where nobody knows the tag of some tokens (partial annotation).

What two tags say of a span's ends depends on the tag between them, so that a token without a tag also makes
doubtful what stands beside it. Nothing is guessed:

- A gold span is certain if both of its ends are. `B-X` begins one whatever stands before, `I-X` behind a
  token without a tag need not; `E-X` and `S-X` end one whatever follows, `B-X` and `I-X` before a token
  without a tag need not.
- The tokens without a tag and those of doubtful gold spans are cut out of gold and prediction alike: a
  predicted span that overlaps one of them is neither right nor wrong, and does not count. Were it wrong, a
  model would be blamed for what nobody knows, and were it right wherever it fits, a model that predicts
  longer spans would gain. All models are judged on the same gold spans.
- A tag is spelled in another scheme only if the tags that are known leave it one spelling there; otherwise it
  becomes unknown itself. From IOB2 and IOBES to IOB2 nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.errors import TagSchemeError
from seqtag.tagging.ragged import UNTAGGED, distinct_or_none, flatten, relist
from seqtag.tagging.schemes import (
    PREFIXES,
    begin_mask,
    convert_tags,
    end_mask,
    legal_transitions,
    read_tags,
    spell,
    tag_name,
)
from seqtag.tagging.spans import SpanMode, Spans, read_spans, token_positions

Mask = npt.NDArray[np.bool_]

_NO_TAG = "?"  # a tag of no scheme, which counts as O


def certain_spans(
    tag_ids: npt.NDArray[np.int32],
    tags: tuple[str, ...],
    offsets: npt.NDArray[np.int64],
    *,
    scheme: SchemeName,
    mode: SpanMode,
) -> tuple[Spans, Mask | None]:
    """Return the spans whose ends are known, and which tokens spans are not judged on.

    Args:
        tag_ids: `<int32>[n_tokens]`, numbers into `tags`, `UNTAGGED` where nobody knows the tag.

    Returns: the spans, and `<bool>[n_tokens]`, True at tokens without a tag and at those of doubtful spans;
        None where every token has a tag.
    """
    untagged = tag_ids < 0
    if not untagged.any():
        return read_spans(tag_ids, tags, offsets, scheme=scheme, mode=mode), None
    filled, tags = np.where(untagged, len(tags), tag_ids).astype(np.int32), (*tags, _NO_TAG)
    found = read_spans(filled, tags, offsets, scheme=scheme, mode="conlleval")
    doubtful = _is_doubtful(found, filled, tags, untagged, offsets)
    cut = untagged.copy()
    cut[token_positions(found.where(doubtful), offsets)] = True
    if mode == "conlleval":
        return found.where(~doubtful), cut
    strict = read_spans(filled, tags, offsets, scheme=scheme, mode=mode)
    return judged_spans(strict, cut, offsets), cut


def judged_spans(spans: Spans, cut: Mask | None, offsets: npt.NDArray[np.int64]) -> Spans:
    """Return the spans that overlap no token of `cut: <bool>[n_tokens]`; all of them where that is None."""
    if cut is None:
        return spans
    n_cut = np.append(0, np.cumsum(cut))
    begin = offsets[spans.sequence]
    return spans.where(n_cut[begin + spans.stop] == n_cut[begin + spans.start])


def convert_known_tags(tags: pa.ListArray, source: SchemeName, target: SchemeName) -> pa.ListArray:
    """Return the same spans spelled in another scheme, as `convert_tags` does; null tags stay null.

    A tag beside a null becomes null if what is known allows it more than one spelling: `B-X` before a null
    may be `B-X` or `S-X` in IOBES. What could stand in place of the null is what `source` allows there.

    >>> tags = pa.array([["B-X", None, "I-X", "O", "B-X"]])
    >>> convert_known_tags(tags, "IOB2", "IOBES").to_pylist()
    [[None, None, 'E-X', 'O', 'S-X']]
    >>> convert_known_tags(tags, "IOBES", "IOB2").to_pylist()
    [['B-X', None, 'I-X', 'O', 'B-X']]

    Raises:
        TagSchemeError: one of the two schemes has no spans, or a tag is no tag of any scheme.
    """
    values, offsets = flatten(tags)
    if source == target or "none" in (source, target) or not values.null_count:
        return convert_tags(tags, source, target)
    tag_ids, seen = distinct_or_none(values)
    untagged = tag_ids == UNTAGGED
    tag_prefix, tag_type, types = read_tags((*seen, "O"))
    stray = tag_prefix >= len(PREFIXES)
    if stray.any():
        raise TagSchemeError(
            f"a tag of scheme {source} was required. Received: {seen[int(np.argmax(stray))]!r}"
        )
    prefix, type_id = tag_prefix[tag_ids], tag_type[tag_ids]  # O in place of a null
    behind, before = _beside(untagged, offsets)
    ends = _ends(source)
    begins = begin_mask(prefix, type_id, offsets)
    begins = np.where(behind, ends.may_begin[prefix], begins)
    inside = untagged | (prefix != PREFIXES.index("O"))
    # A null goes on with what stands before it, unless that certainly ends.
    begins = np.where(untagged, ~_shifted(ends.may_go_on[prefix] & ~untagged, offsets), begins)
    spelled = spell(inside, begins, type_id, offsets, scheme=target)
    no_beginning = behind & ends.may_begin[prefix] & ends.may_continue[prefix]
    no_end = before & ends.may_end[prefix] & ends.may_go_on[prefix]
    # a tag of IOB2 says where a span begins, one of IOBES both ends, one of the others what is beside it, too
    doubtful = {"IOB2": no_beginning, "IOBES": no_beginning | no_end}.get(target, behind | before)
    doubtful &= prefix != PREFIXES.index("O")
    names = pa.array([tag_name(p, t) for p in PREFIXES for t in types], pa.string())
    codes = spelled.astype(np.int32) * len(types) + type_id
    return relist(names.take(pa.array(codes, mask=untagged | doubtful)), offsets, like=tags)


def _is_doubtful(
    spans: Spans,
    tag_ids: npt.NDArray[np.int32],
    tags: tuple[str, ...],
    untagged: Mask,
    offsets: npt.NDArray[np.int64],
) -> Mask:
    """Return `<bool>[n_spans]`: might the span go on at a token without a tag?"""
    behind, before = _beside(untagged, offsets)
    tag_prefix, _, _ = read_tags(tags)
    prefix = np.where(tag_prefix < len(PREFIXES), tag_prefix, 0)[tag_ids]
    begin = offsets[spans.sequence]
    first, last = begin + spans.start, begin + spans.stop - 1
    return (behind[first] & ~_always_begins()[prefix[first]]) | (before[last] & ~_always_ends()[prefix[last]])


def _beside(untagged: Mask, offsets: npt.NDArray[np.int64]) -> tuple[Mask, Mask]:
    """Return which tokens stand right behind, and right before, one without a tag in their sequence."""
    behind = _shifted(untagged, offsets)
    before = np.append(untagged[1:], False)[: len(untagged)]
    before[offsets[1:][np.diff(offsets) > 0] - 1] = False
    return behind & ~untagged, before & ~untagged


def _shifted(mask: Mask, offsets: npt.NDArray[np.int64]) -> Mask:
    """Return what `mask` says of the token before, False for the first of a sequence."""
    shifted = np.append(False, mask[:-1])[: len(mask)]
    shifted[offsets[:-1][np.diff(offsets) > 0]] = False
    return shifted


@dataclass(frozen=True)
class _Ends:
    """What a scheme lets a tag of each prefix be to its neighbours, each `<bool>[n_prefixes]`.

    may_begin     begins a span, as seen from the tag before
    may_continue  goes on with the span of the tag before
    may_end       ends a span, as seen from the tag behind
    may_go_on     goes on at the tag behind
    """

    may_begin: Mask
    may_continue: Mask
    may_end: Mask
    may_go_on: Mask


# Two types stand for all: whether tags go together depends on prefixes and on the equality of types alone.
_PAIRED = ("O", *(f"{p}-x" for p in PREFIXES[1:]), *(f"{p}-y" for p in PREFIXES[1:]))
_N = len(PREFIXES)  # O, then the tags of the first type: the numbers of prefixes


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
    """Return `<bool>[n_prefixes]`: does a span begin there whatever the tag before is?"""
    return np.asarray(_pair_masks()[0][:, :_N].all(axis=0))


@cache
def _always_ends() -> Mask:
    """Return `<bool>[n_prefixes]`: does a span end there whatever the tag behind is?"""
    return np.asarray(_pair_masks()[1][:_N].all(axis=1))


@cache
def _pair_masks() -> tuple[Mask, Mask]:
    """Return `<bool>[before, behind]` of `_PAIRED`: does a span begin at the second tag, end at the first?"""
    n = len(_PAIRED)
    prefix, type_id, _ = read_tags(_PAIRED)
    pairs = np.stack(np.divmod(np.arange(n * n), n), axis=1).reshape(-1)  # sequences of two tags
    offsets = np.arange(n * n + 1) * 2
    begins = begin_mask(prefix[pairs], type_id[pairs], offsets)
    ends = end_mask(prefix[pairs] != PREFIXES.index("O"), begins, offsets)
    return begins[1::2].reshape(n, n), ends[::2].reshape(n, n)
