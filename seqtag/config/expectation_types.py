"""Types of expectations and their arguments, from the JSON Schemas that Great Expectations ships.

The schemas are read as files: importing Great Expectations takes seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqtag.config.suggestions import did_you_mean

# Set by seqtag, or without effect on one batch.
_NOT_ARGUMENTS = frozenset(
    {
        *(
            "id",
            "meta",
            "notes",
            "description",
            "severity",
            "rendered_content",
            "metadata",
            "library_metadata",
        ),
        *("result_format", "catch_exceptions", "windows", "batch_id", "condition_parser"),
    }
)
_UNSUPPORTED = frozenset(
    {
        "expect_column_values_to_match_strftime_format",  # not in SQLite
        "expect_query_results_to_match_comparison",  # compares two data sources
        "expect_table_row_count_to_equal_other_table",
    }
)
_NOT_BY_ROW = frozenset(  # of those with `mostly`: a row fails because of other rows, or of the column's type
    {
        "expect_column_values_to_be_of_type",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_not_be_outliers",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_compound_columns_to_be_unique",
    }
)
_CONDITIONS = ("comparison", "nullity", "and", "or")  # text is deprecated, and other types are not for SQL


@dataclass(frozen=True)
class ExpectationType:
    """A type of expectation."""

    name: str
    arguments: frozenset[str]
    required: tuple[str, ...]
    by_row: bool  # judges each row by its own values
    schema: Mapping[str, Any]  # JSON Schema of the arguments


@cache
def expectation_types() -> Mapping[str, ExpectationType]:
    """Return the types that can be evaluated on seqtag's tables, by name."""
    package = find_spec("great_expectations")
    folder = Path(package.origin).parent if package and package.origin else Path()
    schemas = folder / "expectations" / "core" / "schemas"
    found = [_read(file) for file in sorted(schemas.glob("*Expect*.json"))]
    return {each.name: each for each in found if each.name not in _UNSUPPORTED}


def check_type(name: str) -> str:
    """Return the name of a type unchanged.

    Raises:
        ValueError: there is no such type.
    """
    known = expectation_types()
    if name in _UNSUPPORTED:
        raise ValueError(f"{name} cannot be evaluated on these tables; use another expectation")
    if name not in known:
        expected = (
            did_you_mean(name, known) or "; expected a name such as 'expect_column_values_to_match_regex'"
        )
        raise ValueError(f"unknown expectation {name!r}{expected}")
    return name


def check_arguments(type_name: str, arguments: Mapping[str, Any]) -> None:
    """Check the names and values of arguments.

    Raises:
        ValueError: an argument is unknown, missing, or has a value that the type does not accept.
    """
    kind = expectation_types()[type_name]
    for name in arguments:
        if name not in kind.arguments:
            raise ValueError(
                f"unknown argument {name!r} of {type_name}: expected {', '.join(sorted(kind.arguments))}"
                + did_you_mean(name, kind.arguments)
            )
    missing = [name for name in kind.required if name not in arguments]
    if missing:
        raise ValueError(f"arguments of {type_name} are missing: expected also {', '.join(missing)}")
    _check_values(kind, arguments)
    for pattern in [arguments.get("regex", ""), *arguments.get("regex_list", ())]:
        _check_pattern(pattern)


def _read(file: Path) -> ExpectationType:
    schema = json.loads(file.read_text("utf-8"))
    properties = {
        name: _argument(each) for name, each in schema["properties"].items() if name not in _NOT_ARGUMENTS
    }
    if "row_condition" in properties:
        properties["row_condition"] = {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": _CONDITIONS}},
        }
    name = schema["properties"]["metadata"]["properties"]["expectation_type"]["const"]
    return ExpectationType(
        name=name,
        arguments=frozenset(properties),
        required=tuple(schema.get("required", ())),
        by_row="mostly" in properties and name not in _NOT_BY_ROW,
        schema={"type": "object", "properties": properties, "definitions": schema["definitions"]},
    )


def _argument(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an argument without references to suite parameters, which seqtag does not set."""
    kept = {key: value for key, value in schema.items() if key != "multipleOf"}  # 0.57 is none of 0.01
    if "anyOf" not in kept:
        return kept
    alternatives = [each for each in kept.pop("anyOf") if each != {"type": "object"}]
    return kept | (alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives})


def _check_values(kind: ExpectationType, arguments: Mapping[str, Any]) -> None:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import best_match

    fault = best_match(Draft7Validator(kind.schema).iter_errors(arguments))
    if fault is not None:
        where = ".".join(map(str, fault.absolute_path))
        raise ValueError(f"argument {where} of {kind.name} is invalid: {fault.message}")


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {pattern!r}: {error}") from None
