"""Every page is in the navigation of the site, without building it."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COPIED = {
    "benchmarks.md",
    "changelog.md",
    "contributing.md",
}  # by docs/site_hooks.py, from elsewhere in the checkout


def test_the_navigation_lists_every_page():
    listed = re.findall(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", (CHECKOUT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {str(page.relative_to(CHECKOUT / "docs")) for page in CHECKOUT.glob("docs/**/*.md")}
    assert sorted(listed) == sorted(pages | COPIED)
