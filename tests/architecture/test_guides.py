"""How-to guides: the code in them imports names that exist."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDES = sorted(
    str(path.relative_to(CHECKOUT))
    for path in (CHECKOUT / "docs" / "how-to").glob("*.md")
    if "```python" in path.read_text("utf-8")
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def modules_in(guide: str) -> list[ast.Module]:
    """Return the blocks that are whole modules or definitions; a fragment, such as a `case`, is left out."""
    trees = []
    for block in BLOCK.findall((CHECKOUT / guide).read_text("utf-8")):
        try:
            trees.append(ast.parse(block))
        except SyntaxError:
            continue
    return trees


def missing_imports(trees: list[ast.Module]) -> Iterator[str]:
    """Yield the imports from seqtag and tests that fail; what the guide itself defines need not exist."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    defined = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("seqtag", "tests"):
            module = importlib.import_module(str(node.module))
            for name in (alias.name for alias in node.names):
                if name not in defined and not hasattr(module, name):
                    yield f"{node.module}.{name}"


@pytest.mark.parametrize("guide", GUIDES)
def test_the_code_of_a_guide_imports_names_that_exist(guide: str) -> None:
    trees = modules_in(guide)

    assert trees
    assert list(missing_imports(trees)) == []


def test_a_name_that_does_not_exist_is_found() -> None:
    tree = ast.parse(
        "from seqtag.artifacts import write_json, lists\nfrom seqtag.errors import Mine\nclass Mine: ..."
    )

    assert list(missing_imports([tree])) == ["seqtag.artifacts.lists"]
