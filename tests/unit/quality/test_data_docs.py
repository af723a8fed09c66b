"""Data docs: real violations, no external resources, and no token that runs as a script."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from html.parser import HTMLParser

import pytest

from tests.unit.quality.conftest import sequence, sound_corpus

PAGES = ("index.html", "metrics.html", "violations.html")
EVIL = "<script>alert(1)</script>"
LENIENT = {"min_tag_support": 0, "quarantine_budget": 1.0}


class Page(HTMLParser):
    """The elements of a page, the addresses it loads or links to, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        self.addresses += [
            value for name, value in attrs if name in ("href", "src", "srcset", "data", "action")
        ]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def evil_rows():
    return [
        *sound_corpus(),
        sequence(f"{EVIL}/I-PER", sequence_id="<img src=x onerror=alert(2)>"),
        sequence("a/O b/O", tags=["O", "I-</td><script>alert(3)</script>"]),
        sequence("a/O", defect="c.txt:1: <b>&amp;</b> $column"),
        sequence("$PARAMETER/I-PER $column/O {{7*7}}/O"),
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_no_external_resource(name, validated):
    html = validated(evil_rows(), quality=LENIENT).page(name)

    page = Page(html)
    assert set(page.addresses) == set(PAGES)
    assert not page.elements & {"script", "link", "img", "iframe", "object", "embed"}
    assert not re.search(r"@import|url\(", html)


@pytest.mark.parametrize("name", ["index.html", "violations.html"])
def test_a_token_is_shown_and_not_executed(name, validated):
    page = Page(validated(evil_rows(), quality=LENIENT).page(name))

    assert f"{EVIL}/I-PER" in page.text
    assert "<img src=x onerror=alert(2)>" in page.text
    assert "token 2: I-</td><script>alert(3)</script> cannot follow O in IOB2" in page.text
    assert "c.txt:1: <b>&amp;</b> $column" in page.text
    assert "$PARAMETER/I-PER $column/O {{7*7}}/O" in page.text
    assert page.handlers == []


def test_violations_are_shown_with_their_exact_number(validated):
    rows = [*sound_corpus(), *(sequence(f"a{i}/O b{i}/I-PER") for i in range(25))]

    page = Page(validated(rows, quality=LENIENT).page("violations.html"))

    assert "25 violations among 55; 20 shown" in page.text
    assert "a0/O b0/I-PER" in page.text
    assert "a19/O b19/I-PER" in page.text
    assert "a20/O b20/I-PER" not in page.text
    assert "token 2: I-PER cannot follow O in IOB2" in page.text


def test_each_expectation_is_shown_with_its_severity(validated):
    result = validated(sound_corpus(), quality=LENIENT | {"rules": {"over_long": "warn"}})

    assert (
        "warn · over_long: a sequence has at most 10,000 tokens" in Page(result.page("violations.html")).text
    )
    assert "fail · quarantine_budget: at most 100.00%" in Page(result.page("metrics.html")).text


def test_contradictory_sequences_are_shown_next_to_each_other(validated):
    first = [sequence("x/O y/O", sequence_id="1"), sequence("u/O v/O", sequence_id="2")]
    second = [sequence("x/B-PER y/O", sequence_id="3"), sequence("u/O v/B-PER", sequence_id="4")]

    page = Page(validated([*first, *second, *sound_corpus()], quality=LENIENT).page("index.html"))

    excerpts = ["x/O y/O", "x/B-PER y/O", "u/O v/O", "u/O v/B-PER"]
    assert [page.text.index(e) for e in excerpts] == sorted(page.text.index(e) for e in excerpts)
    assert "row 2 has the same tokens but different tags" in page.text


def test_identical_corpora_produce_identical_bytes(validated):
    def digests():
        folder = validated(evil_rows(), quality=LENIENT).folder
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*.*")
        }

    assert digests() == digests()


def test_nothing_is_written_elsewhere_or_printed(validated, tmp_path, monkeypatch, capfd):
    empty = tmp_path / "nowhere"
    empty.mkdir()
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("TMPDIR", str(empty))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(empty)

    validated(evil_rows(), quality=LENIENT)

    assert list(empty.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_one_log_line_gives_the_verdict_and_the_scheme(validated, caplog):
    with caplog.at_level(logging.INFO, logger="seqtag"):
        validated(sound_corpus(), quality=LENIENT)

    assert [record.message for record in caplog.records if record.name.startswith("seqtag.quality")] == [
        "accepted: 10 train, 10 dev, 10 test sequences; 0.00% (0 of 30 sequences) quarantined. "
        "Splits: dev and test as labelled by the sources. "
        "Tags: scheme IOB2: fewest illegal transitions (of 180: 0 in IOB2, 60 in IOB1, 60 in IOBES)."
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_browser_renders_the_page_without_scripts(name, validated):
    playwright = pytest.importorskip("playwright.sync_api", reason="`make test-slow` installs it")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on the path")
    path = validated(evil_rows(), quality=LENIENT).folder / "data_docs" / name

    with playwright.sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        page.goto(path.as_uri())
        document = page.content()

    assert "</main>" in document
    assert "script" not in Page(document).elements
