"""Rules that cut a text into tokens, each at half-open `[start, stop)` in Unicode code points."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from typing import Literal

Rule = Literal["whitespace", "words"]
Bounds = list[tuple[int, int]]

_JOINERS = "\u200c\u200d"  # zero-width: within words of Persian and Indic languages, and emoji


def token_bounds(text: str, rule: Rule) -> Bounds:
    """Return where the tokens of a text start and stop; they are in order and contain no whitespace.

    whitespace: runs of characters other than whitespace.
    words: runs of letters and digits, and each other character by itself. Combining marks and joiners belong
    to the character before them.

    >>> text = "Ada's 2nd, x_1"
    >>> [text[start:stop] for start, stop in token_bounds(text, "whitespace")]
    ["Ada's", '2nd,', 'x_1']
    >>> [text[start:stop] for start, stop in token_bounds(text, "words")]
    ['Ada', "'", 's', '2nd', ',', 'x', '_', '1']
    """
    return [found.span() for found in _pattern(rule).finditer(text)]


@cache
def _pattern(rule: Rule) -> re.Pattern[str]:
    if rule == "whitespace":
        return re.compile(r"\S+")
    marks = _JOINERS + "".join(c for c in map(chr, range(sys.maxunicode + 1)) if _is_mark(c))
    mark = rf"(?![\0-\u02ff])[{marks}]"  # the first condition is faster, and true of all marks
    return re.compile(rf"[^\W_]+(?:(?:{mark})+[^\W_]*)*|\S(?:{mark})*")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
