"""Tables and text as GitHub-flavoured Markdown, with nothing in them that means more than text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table whose cells are text.

    >>> print(table(["tag", "n"], [["a|b", 1]]))
    | tag | n |
    | --- | --- |
    | a\\|b | 1 |
    """
    lines = [header, ["---"] * len(header), *([inline(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def inline(text: object) -> str:
    r"""Escape what Markdown or HTML would take for more than text, and put it on one line.

    >>> print(inline("[a](http://b) <c>"))
    \[a\](http\://b) &lt;c&gt;
    """
    line = re.sub(r"\s+", " ", printable(str(text)))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", line)
    return re.sub(r":(?=//)|(?<=www)\.", r"\\\g<0>", line)  # what would become a link by itself


def printable(text: str) -> str:
    """Replace control characters, which could move a terminal's cursor or hide text."""
    return "".join(c if c.isprintable() else " " for c in text)


def link_list(links: Mapping[str, str]) -> str:
    """Write labels and where they lead: an address as a link; a path, which no browser follows, as text.

    >>> print(link_list({"Report": "http://127.0.0.1:4201/a b", "Run": "/srv/x"}))
    - [Report](<http://127.0.0.1:4201/a%20b>)
    - Run: `/srv/x`
    """
    return "\n".join(f"- {_link(label, where)}" for label, where in links.items())


def command(text: str) -> str:
    """Write a command as a block of code."""
    return f"    {printable(text)}"


def _link(label: str, where: str) -> str:
    where = printable(where)
    if where.startswith(("http://", "https://")):
        quoted = where.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
        return f"[{inline(label)}](<{quoted}>)"
    return f"{inline(label)}: `{where.replace('`', '')}`"
