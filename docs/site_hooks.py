"""Hooks of mkdocs: pages from outside docs/, and links to files that the site does not have."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

CHECKOUT: Final = Path(__file__).resolve().parents[1]
OUTSIDE: Final = {  # file of the checkout -> page of the site
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
_FENCE = re.compile(r"^```(\w+) ([^\s\"=]+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"(!\[[^\]]*\])\(([^)\s]+)\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages that are outside docs/, where GitHub expects them."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(CHECKOUT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links lead to pages of the site; a link to a file that it does not have becomes its text."""
    source = next((path for path, name in OUTSIDE.items() if name == page.file.src_uri), None)
    folder = (CHECKOUT / (source or f"docs/{page.file.src_uri}")).parent
    markdown = _FENCE.sub(r'```\1 title="\2"', markdown)  # a file's name, which GitHub does not show

    def address_of(link: str) -> str | None:
        path, _, anchor = link.partition("#")
        if "://" in link or not path:
            return link
        target = os.path.relpath((folder / path).resolve(), CHECKOUT)
        name = OUTSIDE.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
        if name is None or (CHECKOUT / target).is_dir():
            return None
        shown = os.path.relpath(name, Path(page.file.src_uri).parent)
        return f"{shown}#{anchor}" if anchor else shown

    def link(found: re.Match[str]) -> str:
        address = address_of(found[2])
        return found[1] if address is None else f"[{found[1]}]({address})"

    markdown = _IMAGE.sub(lambda found: f"{found[1]}({address_of(found[2])})", markdown)
    return _LINK.sub(link, markdown)
