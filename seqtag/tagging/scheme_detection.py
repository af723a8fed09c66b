"""Detection of a corpus' tag scheme and spelling, from its tags and their transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtag.config import SchemeName
from seqtag.tagging.schemes import PREFIXES, SPAN_SCHEMES, legal_transitions, split_tags
from seqtag.tagging.spelling import (
    CANONICAL_SPELLING,
    PATTERNS,
    UNTAGGED,
    Spelling,
    SpellingEvidence,
    is_bare,
    read_spelling,
    split_like,
)
from seqtag.tagging.unread_spelling import unread_spelling

_MOST_STRAYS = {True: 1.0, False: 1 / 9}  # per token with a span tag; by whether the pattern is canonical
_MOSTLY_LEGAL = 20  # tokens for each illegal transition, if the tags alone are weak evidence
_SHOWN = 3  # labels in a message


@dataclass(frozen=True)
class SchemeVerdict:
    """The scheme of a corpus, and the reason for it.

    `illegal` counts illegal transitions under each scheme. `unread` describes tags that spell spans in a way
    that no pattern reads.
    """

    scheme: SchemeName
    reason: str
    illegal: Mapping[SchemeName, int]
    spelling: Spelling = CANONICAL_SPELLING
    unread: str | None = None


def detect_scheme(
    tags: Sequence[str],
    transitions: npt.NDArray[np.int64],
    *,
    pattern: str = "auto",
    outside: str | None = None,
) -> SchemeVerdict:
    """Choose the scheme under which the fewest transitions of a corpus are illegal.

    Args:
        tags: the distinct tags of the corpus.
        transitions: `<int64>[n_tags + 1, n_tags + 1]`, counts of the column's tag after the row's, with start
            and end of sequences as in `legal_transitions`.
        pattern, outside: the declared spelling of the tags, if any.
    """
    tokens = _tokens(tags, transitions)
    reading = read_spelling(tokens, pattern=pattern, outside=outside, certain=False)
    illegal: dict[SchemeName, int] = {"none": 0}
    for scheme in _candidates(tags, reading.spelling):
        spelled = reading.spelling.of_scheme(scheme)
        canonical = [spelled.canonical(tag) for tag in tags]
        illegal[scheme] = int(transitions[~legal_transitions(canonical, scheme)].sum())
    counts = ", ".join(f"{n:,} in {scheme}" for scheme, n in illegal.items() if scheme != "none")
    best = min(SPAN_SCHEMES, key=lambda scheme: illegal.get(scheme, np.inf))
    objection = _no_spans(tokens, reading, best, illegal) if pattern == "auto" else None
    if objection is not None:
        return SchemeVerdict("none", objection, illegal, unread=unread_spelling(tokens))
    spelling = reading.spelling.of_scheme(best)
    reason = f"fewest illegal transitions (of {int(transitions.sum()):,}: {counts})"
    if spelling != CANONICAL_SPELLING:
        reason += f"; tags are spelled {spelling.sample(best)}"
    return SchemeVerdict(best, reason, illegal, spelling)


def detect_spelling(
    tags: Sequence[str],
    transitions: npt.NDArray[np.int64],
    scheme: SchemeName,
    *,
    pattern: str = "auto",
    outside: str | None = None,
) -> Spelling:
    """Return the spelling of tags whose scheme is declared. Arguments as for `detect_scheme`."""
    if scheme == "none":
        return CANONICAL_SPELLING
    tokens = _tokens(tags, transitions)
    return read_spelling(tokens, pattern=pattern, outside=outside, certain=True).spelling.of_scheme(scheme)


def _tokens(tags: Sequence[str], transitions: npt.NDArray[np.int64]) -> dict[str, int]:
    return dict(zip(tags, transitions.sum(axis=0)[: len(tags)].tolist(), strict=True))


def _candidates(tags: Sequence[str], spelling: Spelling) -> tuple[SchemeName, ...]:
    """Return the schemes to compare. Without an E, tags of IOE1 look like those of IOB1."""
    prefixes, _ = split_tags([spelling.canonical(tag) for tag in tags])
    return SPAN_SCHEMES if "E" in prefixes else SPAN_SCHEMES[:3]


def _no_spans(
    tokens: Mapping[str, int], reading: SpellingEvidence, best: SchemeName, illegal: Mapping[SchemeName, int]
) -> str | None:
    """Return the reason why tags have no scheme, or None if they have one."""
    if set(tokens) <= set(PREFIXES) and len(set(tokens) - {"O"}) > 1:
        return None
    bare = is_bare(tokens)
    if not reading.spans or (bare and not reading.supported):  # a single letter may be a label
        return "no tag has a prefix (B-, I-, E-, S-)"
    pattern = reading.spelling.pattern
    strays = _strays(reading)
    in_spans, other = (sum(tokens[tag] for tag in some) for some in (reading.spans, strays))
    if other > in_spans * _MOST_STRAYS[pattern == PATTERNS[0]]:
        how = "(B-, I-, E-, S-)" if pattern == PATTERNS[0] else f'(as tags.spelling = "{pattern}" reads it)'
        return f"only {in_spans:,} tokens have a tag with a prefix {how}, {other:,} have another tag"
    if bare or (pattern != PATTERNS[0] and not reading.has_outside):
        if illegal[best] * _MOSTLY_LEGAL <= sum(tokens.values()):
            return None
        return f"{illegal[best]:,} transitions are illegal even in {best}"
    if reading.supported:
        return None
    # One-token spans of a small corpus, or labels such as E-mail and S-Bahn?
    if strays or not reading.has_outside or illegal[best] or best in ("IOE1", "IOE2"):
        shown = ", ".join(sorted(reading.spans)[:_SHOWN])
        return f"labels such as {shown}: no type has two prefixes of a longer span (B- and I-, B- and E-)"
    return None


def _strays(reading: SpellingEvidence) -> list[str]:
    """Return the tags that are neither outside nor, in any spelling, of a type that the corpus has.

    If all other tags are spans, a single such tag means outside or untagged, so it is no stray. Neither is a
    mark such as - or _ in a corpus with spans, however frequent.
    """
    if reading.supported and not reading.has_outside and len(reading.strays) == 1:
        return []
    pattern = reading.spelling.pattern
    types = {split_like(tag, pattern)[1].casefold() for tag in reading.spans}
    return [
        tag
        for tag in reading.strays
        if not (reading.supported and tag.casefold() in UNTAGGED)
        and not any(split_like(tag, other)[1].casefold() in types - {""} for other in PATTERNS)
    ]
