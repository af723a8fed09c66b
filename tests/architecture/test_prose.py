"""Plain English: no text of the project contains words of its former private dialect."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("seqtag", "flows", "tasks")
PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "deployments/README.md"),
    "docs/**/*.md",
)

# each pattern with the words to write instead
WORDS = {
    r"nights?|nightly": "run, daily run",
    r"verbs?": "step",
    r"rungs?|ladders?": "bucket, length buckets",
    r"beside": "next to, besides, baseline",
    r"anew": "again, restarted",
    r"ours": "seqtag's, own",
    r"tells? apart|told": "distinguish, reported, notified",
    r"mend(?:ed|s|able)?": "fix",
    r"tak(?:e|es|en|ing) up|took up": "recover, resume",
    r"tak(?:e|es|en|ing) over|took over": "reuse",
    r"stands?(?! for\b)": "is, is up to date, is written",
    r"seal(?:s|ed|ing)?": "publish, write",
    r"of (?:its|their) own": "separate, own",
    r"lets? serve": "promote",
    r"carv(?:e|es|ed|ing)": "split off",
    r"was required\. Received|were required\. Received": "expected ..., got ...",
}
PATTERN = re.compile(r"\b(?:" + "|".join(WORDS) + r")\b", re.IGNORECASE)
DATA = re.compile(r"^```text\b.*?^```$|(?<!`)`[^`]+`(?!`)", re.MULTILINE | re.DOTALL)  # in pages
RELEASED = re.compile(r"^## \d", re.MULTILINE)
QUESTION = re.compile(r"(?:What|Which|How|Whether|Where|Who|That|Of)\b")

# keys of older files
FIXED_NAMES = (
    '"ladder"',
    "features.ladder",
    '"carving"',
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line of a string or comment in a Python file with its number, except fixed names."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            for number, line in enumerate(token.string.splitlines()):
                if not any(name in line for name in FIXED_NAMES):
                    yield token.start[0] + number, line


def prose_of(page: Path) -> str:
    """Return a page without examples of data, names in code font, and notes on releases that are out."""
    text = page.read_text("utf-8")
    if page.name == "CHANGELOG.md":
        text = RELEASED.split(text, maxsplit=1)[0]
    return DATA.sub(lambda found: "\n" * found[0].count("\n"), text)


def python_files() -> list[str]:
    found = [path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")]
    return sorted(str(path.relative_to(CHECKOUT)) for path in found)


@pytest.mark.parametrize("package", sorted({str(Path(name).parent) for name in python_files()}))
def test_code_is_in_plain_english(package: str) -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{line}: {match[0]!r} in: {text.strip()}"
        for path in sorted((CHECKOUT / package).glob("*.py"))
        for line, text in texts(path)
        if (match := PATTERN.search(text))
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name", sorted(str(p.relative_to(CHECKOUT)) for page in PAGES for p in CHECKOUT.glob(page))
)
def test_documents_are_in_plain_english(name: str) -> None:
    found = [
        f"{name}:{n}: {match[0]!r} in: {line}"
        for n, line in enumerate(prose_of(CHECKOUT / name).splitlines(), 1)
        if (match := PATTERN.search(line))
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", python_files())
def test_docstrings_begin_with_an_imperative_or_a_noun(name: str) -> None:
    tree = ast.parse((CHECKOUT / name).read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        f"{name}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"
        for node in ast.walk(tree)
        if isinstance(node, documented) and (text := ast.get_docstring(node)) and QUESTION.match(text)
    ]

    assert not found, "\n".join(found)
