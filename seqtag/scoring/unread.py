"""Spellings of span tags that no pattern reads: brackets, angle brackets, and no separator."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

_BRACKETED = re.compile(r"(?:[(][^()*]+)*[*][)]*")
_ANGLED = re.compile(r"<[BIESLUMbieslum][-_:/.|].+>")
_JOINED = re.compile(r"([BI])([A-Z][A-Z]+)")
_MOST = 0.9  # of the tokens that are not outside
_OUTSIDE = ("O", "o", "0", "<O>")


def unread_spelling(tokens: Mapping[str, int]) -> str | None:
    """Say how tags spell spans in a way that no pattern reads; None for flat labels.

    >>> unread_spelling({"(PER*": 2, "*)": 2, "*": 5})
    'tags are spans in brackets, such as (PER*'
    >>> unread_spelling({"BPER": 2, "IPER": 2, "BLOC": 1, "ILOC": 1, "O": 5})
    'tags have no separator after the prefix, such as BLOC'
    >>> unread_spelling({"IN": 4, "INTJ": 1, "BADJ": 1, "NN": 7}) is None
    True
    """
    inside = {tag: n for tag, n in tokens.items() if tag not in _OUTSIDE}
    total = sum(inside.values())
    bracketed = [tag for tag in inside if _BRACKETED.fullmatch(tag)]
    opening = sorted(tag for tag in bracketed if tag.startswith("("))
    if opening and "*" in tokens and sum(inside[tag] for tag in bracketed) >= _MOST * total:
        return f"tags are spans in brackets, such as {opening[0]}"
    angled = sorted(tag for tag in inside if _ANGLED.fullmatch(tag))
    if angled and sum(inside[tag] for tag in angled) >= _MOST * total:
        return f"tags are in angle brackets, such as {angled[0]}"
    joined = {tag: found for tag in inside if (found := _JOINED.fullmatch(tag))}
    letters: dict[str, set[str]] = defaultdict(set)
    for found in joined.values():
        letters[found[2]].add(found[1])
    both = {type_ for type_, some in letters.items() if some == {"B", "I"}}
    paired = sorted(tag for tag, found in joined.items() if found[2] in both)
    if paired and (len(both) > 1 or "O" in tokens) and sum(inside[t] for t in paired) >= _MOST * total:
        return f"tags have no separator after the prefix, such as {paired[0]}"
    return None
