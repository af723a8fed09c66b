"""Site of the documents: it builds without a warning, and pages load nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="`make test-slow` installs it")

CHECKOUT = Path(__file__).resolve().parents[2]
LOADED = re.compile(  # what a browser fetches by itself
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//[^\">]*"
    r"|<link\b(?=[^>]*\brel=\"?(?:stylesheet|preconnect|preload|icon))[^>]*\bhref=\"?(?:https?:)?//[^\">]*"
    r"|@import[^;]*//[^;]*|url\(\s*['\"]?(?:https?:)?//[^)]*"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=CHECKOUT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]

    assert len(files) > 40
    assert [(file.name, found) for file in files for found in LOADED.findall(file.read_text("utf-8"))] == []


@pytest.mark.slow
def test_no_page_has_a_diagram_whose_program_would_be_downloaded(site: Path) -> None:
    assert [page.name for page in site.rglob("*.html") if 'class="mermaid"' in page.read_text("utf-8")] == []


@pytest.mark.slow
def test_the_reference_of_python_has_the_docstrings(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text("utf-8")

    assert "Load a tagger from the registry or from a run." in page
    assert 'id="seqtag.library.LoadedTagger.tag_arrow"' in page


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="https://unpkg.com/mermaid"></script>',
        '<link rel="stylesheet" href="https://fonts.googleapis.com/css">',
        "src: url(//example.org/a.woff2)",
    ],
)
def test_addresses_that_would_be_loaded_are_found(markup: str) -> None:
    assert LOADED.search(markup)


def test_ordinary_links_are_not_loaded() -> None:
    assert not LOADED.search('<a href="https://www.prefect.io">Prefect</a><script src="../a.js"></script>')
