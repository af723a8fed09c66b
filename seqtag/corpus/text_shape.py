"""Shape of the first lines of a text: JSON, columns, and blank lines between groups of lines."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seqtag.corpus.text_blocks import fields_of_line

_JSON = re.compile(r'\s*[\[{]\s*["\[\]{}]')  # the start of an array or object, also over several lines
_COMMENT = re.compile(r"#( |new|begin|end)[^\t]*$|-DOCSTART-")
_NUMBERED = re.compile(r"\d+([-.]\d+)?\t")
_CONLLU_COLUMNS = 10


@dataclass(frozen=True)
class TextShape:
    """Shape of a text, apart from comments.

    Attributes:
        json_line: the number of the first line that begins with JSON; None without one.
        is_adjacent: whether two lines are adjacent, without a blank line between them.
        has_blank: whether there is a blank line between two others.
        n_tabs: number of tabs of at least nine in ten lines; None if there is no such number.
        n_fields: number of fields between blanks and tabs, likewise.
        is_numbered: whether every line has the ten columns of CoNLL-U, and begins with a number.
    """

    json_line: int | None
    is_adjacent: bool = False
    has_blank: bool = False
    n_tabs: int | None = None
    n_fields: int | None = None
    is_numbered: bool = False


def shape_of(text: str) -> TextShape:
    r"""Return the shape of a text of whole lines.

    >>> shape = shape_of("Ada\tB-PER\nspoke\tO\n\nBob\tB-PER\n")
    >>> shape.has_blank, shape.n_tabs, shape.n_fields
    (True, 1, 2)
    >>> shape_of('{"tokens": ["Ada"]}\n').json_line
    1
    """
    if _JSON.match(text):
        return TextShape(json_line=1)
    lines = text.removesuffix("\n").split("\n")
    if (number := _json_line(lines)) is not None:
        return TextShape(json_line=number)
    lines = [line.strip(" ") for line in lines if not _COMMENT.match(line)]
    body = "\n".join(line if fields_of_line(line) else "" for line in lines).strip("\n")
    tokens = [line for line in body.split("\n") if line]
    n_tabs = _usual([line.count("\t") for line in tokens])
    return TextShape(
        json_line=None,
        is_adjacent="\n" in re.sub(r"\n\n+", "", body),
        has_blank="\n\n" in body,
        n_tabs=n_tabs,
        n_fields=_usual([len(fields_of_line(line)) for line in tokens]),
        is_numbered=n_tabs == _CONLLU_COLUMNS - 1 and all(_NUMBERED.match(line) for line in tokens),
    )


def _usual(counts: Sequence[int]) -> int | None:
    """Return the number that at least nine in ten lines share, if there is one."""
    if not counts:
        return None
    ((usual, n),) = Counter(counts).most_common(1)
    return usual if n >= 0.9 * len(counts) else None


def _json_line(lines: list[str]) -> int | None:
    """Return the number of the first line that is an object or array of JSON."""
    for number, line in enumerate(lines, 1):
        if _JSON.match(line):
            try:
                json.loads(line)
            except (ValueError, RecursionError):
                continue
            return number
    return None
