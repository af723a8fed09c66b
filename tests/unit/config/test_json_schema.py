"""JSON Schema of a tagger's file: all keys are described, and null does not occur."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seqtag.config import tagger_schema

CHECKOUT = Path(__file__).resolve().parents[3]
TAGGERS = sorted((CHECKOUT / "deployments" / "taggers").glob("*.toml"))
SOURCE = {"format": "conll", "path": "a.conll"}


def faults(table: dict[str, Any]) -> list[str]:
    """Return the messages of the schema about a tagger with one source and a further table."""
    tagger = {"name": "x", "corpus": {"sources": [SOURCE]}, **table}
    return [each.message for each in Draft202012Validator(tagger_schema()).iter_errors(tagger)]


def keys_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in {"": schema, **schema["$defs"]}.items():
        for key, each in table["properties"].items():
            yield f"{name}.{key}", each


def test_every_key_has_a_description() -> None:
    keys = dict(keys_of(tagger_schema()))

    assert len(keys) > 150
    assert [
        name
        for name, key in keys.items()
        if "description" not in key and "$ref" not in key and not name.endswith(".format")
    ] == []


def test_a_key_has_its_type_bounds_default_and_description() -> None:
    key = tagger_schema()["$defs"]["SplitConfig"]["properties"]["dev"]

    assert key == {
        "default": 0.1,
        "description": "share of documents",
        "exclusiveMaximum": 0.5,
        "exclusiveMinimum": 0,
        "type": "number",
    }


def test_a_key_that_may_be_left_out_has_neither_null_nor_a_default() -> None:
    key = tagger_schema()["$defs"]["TagsConfig"]["properties"]["outside"]

    assert key == {
        "type": "string",
        "minLength": 1,
        "description": "tag outside spans; default: inferred from the data",
    }


@pytest.mark.parametrize("file", TAGGERS, ids=lambda file: file.stem)
def test_valid_files_satisfy_the_schema(file: Path) -> None:
    tagger = tomllib.loads(file.read_text("utf-8"))

    assert list(Draft202012Validator(tagger_schema()).iter_errors(tagger)) == []


def test_other_names_of_a_scheme_satisfy_the_schema() -> None:
    assert faults({"tags": {"scheme": "BILOU"}}) == []


def test_a_misspelt_key_does_not_satisfy_the_schema() -> None:
    assert faults({"gate": {"flor": 0.5}}) == [
        "Additional properties are not allowed ('flor' was unexpected)"
    ]
