"""Format tables and text as GitHub-flavoured Markdown, with all markup in the data escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from seqtag.formatting import printable

_ADDRESSES = ("http://", "https://")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a table of plain-text cells.

    >>> print(table(["tag", "n"], [["a|b", 1]]))
    | tag | n |
    | --- | --- |
    | a\\|b | 1 |
    """
    lines = [header, ["---"] * len(header), *([inline(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def inline(text: object) -> str:
    r"""Escape Markdown and HTML markup, and join the text into one line.

    >>> print(inline("[a](http://b) <c>"))
    \[a\](http\://b) &lt;c&gt;
    """
    line = re.sub(r"\s+", " ", printable(str(text)))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_\[\]|~#!$])", r"\\\1", line)
    return re.sub(r":(?=//)|(?<=www)\.", r"\\\g<0>", line)  # bare URLs would become links


def link(label: str, target: str) -> str:
    """Format a URL as a link, and a path, which browsers do not open, as text.

    >>> link("report", "http://127.0.0.1:4201/a b")
    '[report](<http://127.0.0.1:4201/a%20b>)'
    """
    target = printable(target)
    if target.startswith(_ADDRESSES):
        quoted = target.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
        return f"[{inline(label)}](<{quoted}>)"
    return f"{inline(label)}: `{target.replace('`', '')}`"


def link_list(links: Mapping[str, str]) -> str:
    """Format labelled targets: URLs as links, and paths, which browsers do not open, as text.

    >>> print(link_list({"Report": "http://127.0.0.1:4201/a b", "Run": "/srv/x"}))
    - [Report](<http://127.0.0.1:4201/a%20b>)
    - Run: `/srv/x`
    """
    lines = [f"- {link(label, target)}" for label, target in links.items()]
    if links and not any(target.startswith(_ADDRESSES) for target in links.values()):
        lines += ["", "No report server is running, so these are paths on its machine; `make up` starts one."]
    return "\n".join(lines)


def record_table(rows: Sequence[Mapping[str, object]], *, empty: str) -> str:
    """Format rows with the same keys as a table, or return `empty` without any.

    >>> print(record_table([{"tag": "A", "n": 1}], empty="Nothing."))
    | tag | n |
    | --- | --- |
    | A | 1 |
    """
    return table(list(rows[0]), [list(row.values()) for row in rows]) if rows else empty


def command(text: str) -> str:
    """Format a command as a code block."""
    return f"    {printable(text)}"
