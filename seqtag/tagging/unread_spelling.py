"""Spellings of span tags that are not supported: brackets, other separators or prefixes, no separator."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from seqtag.config.scheme_names import SEPARATORS

_BRACKETED = re.compile(r"(?:[(][^()*]+)*[*][)]*")
_ANGLED = re.compile(r"<[BIESLUMbieslum][-_:/.|].+>")
_JOINED = re.compile(r"([BI])([A-Z][A-Z]+)")
_WORDS = {
    "B": ("b", "beg", "begin", "beginning"),
    "I": ("i", "in", "inner", "inside", "intermediate", "m", "mid", "middle"),
}  # the prefixes of a longer span
_PREFIX = "|".join(word for words in _WORDS.values() for word in words)
_FRONT = re.compile(rf"(?P<open>[\[({{<]?)(?P<prefix>{_PREFIX})(?P<between>[^a-z0-9]+)(?P<type>.+)", re.I)
_BACK = re.compile(rf"(?P<type>.+?)(?P<between>[^a-z0-9]+)(?P<prefix>{_PREFIX})(?P<close>[\])}}>]?)", re.I)
_MOST = 0.9  # share of the tokens that are not outside
_OUTSIDE = ("O", "o", "0", "<O>")
_NO_BRACKETS = (*_OUTSIDE, "-", "_", "*", "")  # of tokens without a bracket, where spans are (1, 1) and (2)


def unread_spelling(tokens: Mapping[str, int]) -> str | None:
    """Describe span tags in a spelling that is not supported; None for flat labels.

    >>> unread_spelling({"(PER*": 2, "*)": 2, "*": 5})
    'tags are spans in brackets, such as (PER*'
    >>> unread_spelling({"BPER": 2, "IPER": 2, "BLOC": 1, "ILOC": 1, "O": 5})
    'tags have no separator after the prefix, such as BLOC'
    >>> unread_spelling({"BEGIN-PER": 2, "IN-PER": 2, "O": 5})
    'tags have a prefix that is not read, such as BEGIN-PER'
    >>> unread_spelling({"IN": 4, "INTJ": 1, "BADJ": 1, "NN": 7}) is None
    True
    """
    inside = {tag: n for tag, n in tokens.items() if tag not in _OUTSIDE}
    total = sum(inside.values())
    bracketed = [tag for tag in inside if _BRACKETED.fullmatch(tag)]
    opening = sorted(tag for tag in bracketed if tag.startswith("("))
    if opening and "*" in tokens and sum(inside[tag] for tag in bracketed) >= _MOST * total:
        return f"tags are spans in brackets, such as {opening[0]}"
    opened = sorted(tag for tag in inside if len(tag) > 1 and tag.startswith("(") and not tag.endswith(")"))
    closed = [tag for tag in inside if len(tag) > 1 and tag.endswith(")")]
    others = sum(n for tag, n in tokens.items() if tag not in _NO_BRACKETS)
    if opened and closed and sum(tokens[tag] for tag in (*opened, *closed)) >= _MOST * others:
        return f"tags are spans in brackets, such as {opened[0]}"
    angled = sorted(tag for tag in inside if _ANGLED.fullmatch(tag))
    if angled and sum(inside[tag] for tag in angled) >= _MOST * total:
        return f"tags are in angle brackets, such as {angled[0]}"
    for pattern in (_FRONT, _BACK):
        prefixed = _with_other_prefixes(inside, pattern)
        if sum(inside[tag] for tag in prefixed) >= _MOST * total > 0:
            return f"tags have a prefix that is not read, such as {prefixed[0]}"
    joined = {tag: found for tag in inside if (found := _JOINED.fullmatch(tag))}
    letters: dict[str, set[str]] = defaultdict(set)
    for found in joined.values():
        letters[found[2]].add(found[1])
    both = {type_ for type_, some in letters.items() if some == {"B", "I"}}
    paired = sorted(tag for tag, found in joined.items() if found[2] in both)
    if paired and (len(both) > 1 or "O" in tokens) and sum(inside[t] for t in paired) >= _MOST * total:
        return f"tags have no separator after the prefix, such as {paired[0]}"
    return None


def _with_other_prefixes(tags: Mapping[str, int], pattern: re.Pattern[str]) -> list[str]:
    """Return the tags with a prefix that `split_like` does not read; none if no type has both B and I."""
    matches = {tag: found for tag in tags if (found := pattern.fullmatch(tag)) and not _is_read(found)}
    prefixes: dict[str, set[str]] = defaultdict(set)
    for found in matches.values():
        prefix = "B" if found["prefix"].casefold() in _WORDS["B"] else "I"
        prefixes[found["type"].casefold()].add(prefix)
    return sorted(matches) if any(len(some) == len(_WORDS) for some in prefixes.values()) else []


def _is_read(found: re.Match[str]) -> bool:
    """Return whether the prefix is a single letter with a supported separator."""
    brackets = found.groupdict().get("open") or found.groupdict().get("close")
    return len(found["prefix"]) == 1 and found["between"] in SEPARATORS and not brackets
