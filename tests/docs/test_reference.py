"""Reference pages: they are those that the code generates, and list every key and command."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from seqtag.cli import app
from seqtag.config import tagger_schema

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["configuration.md", "command-line.md"])
def test_pages_are_up_to_date(page: str) -> None:
    assert (FOLDER / page).read_text("utf-8") == generator().pages()[page], "run `make docs`"


def test_every_key_is_listed() -> None:
    schema = tagger_schema()
    page = (FOLDER / "configuration.md").read_text("utf-8")
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    missing = [
        f"{name}.{key}"
        for name, table in schema["$defs"].items()
        for key in table["properties"]
        if key not in ("format", "kind") and key not in listed
    ]

    assert missing == []
    assert page.count("\n| `token_column` |") == 6  # formats conll, conllu, table, parquet-long, xes and sql


def test_a_key_has_its_type_default_and_description() -> None:
    page = (FOLDER / "configuration.md").read_text("utf-8")

    assert "| `dev` | number > 0, < 0.5 | `0.1` | share of documents |\n" in page


def test_every_command_is_listed() -> None:
    page = (FOLDER / "command-line.md").read_text("utf-8")
    names = [each.name for each in app.registered_commands if not each.hidden]

    assert [name for name in names if f"\n## seqtag {name}\n" not in page] == []
