"""[quality.expectations]: faults are found when the file is read, without importing Great Expectations."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seqtag.config import TaggerConfig, load_tagger
from seqtag.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = CHECKOUT / "docs" / "how-to" / "validate.md"
(EXAMPLE,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
HEAD = 'name = "x"\n[corpus]\ncolumns = ["site"]\n[[corpus.sources]]\nformat = "conll"\npath = "a.conll"\n'
REGEX = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "token", "regex": "a"}}


def fault(*, columns: tuple[str, ...] = (), **changes: Any) -> str:
    """Return the message about an expectation that differs from a valid one."""
    expectation = {"table": "tokens", **REGEX, **changes}
    tables = {
        "name": "x",
        "corpus": {"sources": [{"format": "conll", "path": "a"}], "columns": columns},
        "quality": {"expectations": {"mine": expectation}},
    }
    with pytest.raises(ValidationError) as raised:
        TaggerConfig.model_validate(tables)
    return str(raised.value.errors()[0]["msg"]).removeprefix("Value error, ")


def test_the_example_of_the_guide_is_read_without_importing_great_expectations(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(HEAD + EXAMPLE, "utf-8")
    code = (
        "import sys\nfrom seqtag.config import load_tagger\n"
        f"print(len(load_tagger({str(path)!r}).quality.expectations), 'great_expectations' in sys.modules)"
    )

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert found.stdout == "4 False\n"


def test_a_fault_names_the_file_and_the_key(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(HEAD + EXAMPLE.replace("expect_column_mean", "expect_column_meen"), "utf-8")

    with pytest.raises(ConfigError) as raised:
        load_tagger(path)

    assert str(raised.value) == (
        f"{path}: quality.expectations.enough_spans.type: unknown expectation "
        "'expect_column_meen_to_be_between'; did you mean 'expect_column_mean_to_be_between'?"
    )


def test_an_unknown_argument_is_refused_with_the_known_ones() -> None:
    assert fault(kwargs={"column": "token", "regx": "a"}) == (
        "unknown argument 'regx' of expect_column_values_to_match_regex: expected column, mostly, regex, "
        "row_condition; did you mean 'regex'?"
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"regex": "a"}, "are missing: expected also column"),
        ({"column": 3, "regex": "a"}, "argument column of .* is invalid: 3 is not of type 'string'"),
        ({"column": "token", "regex": "("}, r"not a regular expression: '\(': missing \)"),
        ({"column": "token", "mostly": 57}, "mostly of .* is invalid: 57 is greater than the maximum"),
        (
            {"column": "token", "row_condition": "split"},
            "row_condition of .*: 'split' is not of type 'object'",
        ),
        ({"column": "tokn"}, "mine: table tokens has no column 'tokn': .*; did you mean 'token'"),
        ({"column": "n_spans"}, "mine: table tokens has no column 'n_spans': expected row, sequence_id"),
    ],
)
def test_wrong_arguments_are_refused(kwargs: dict[str, Any], message: str) -> None:
    assert re.search(message, fault(kwargs=kwargs))


def test_the_column_of_a_condition_must_exist() -> None:
    compared = {"type": "comparison", "column": {"name": "splitt"}, "operator": "==", "parameter": "dev"}
    condition = {"type": "and", "conditions": [compared]}

    assert "no column 'splitt'" in fault(kwargs={"column": "token", "regex": "a", "row_condition": condition})


def test_a_share_need_not_be_a_multiple_of_a_percent() -> None:
    kwargs = REGEX["kwargs"] | {"mostly": 0.575}
    expectation = {"table": "tokens", "type": REGEX["type"], "kwargs": kwargs}
    tables = {
        "name": "x",
        "corpus": {"sources": [{"format": "conll", "path": "a"}]},
        "quality": {"expectations": {"mine": expectation}},
    }

    assert TaggerConfig.model_validate(tables).quality.expectations["mine"].kwargs["mostly"] == 0.575


def test_a_query_with_an_unknown_column_is_refused() -> None:
    query = "SELECT tokn FROM {batch}"

    assert fault(type="unexpected_rows_expectation", kwargs={"unexpected_rows_query": query}) == (
        "quality.expectations.mine.kwargs.unexpected_rows_query cannot be run: no such column: tokn"
    )


def test_quarantine_needs_an_expectation_on_single_rows() -> None:
    found = fault(type="expect_column_values_to_be_unique", kwargs={"column": "token"}, severity="quarantine")

    assert found.startswith("quarantine needs an expectation that judges each row by itself: got expect_col")


def test_quarantine_cannot_be_combined_with_a_share() -> None:
    found = fault(kwargs=REGEX["kwargs"] | {"mostly": 0.9}, severity="quarantine")

    assert found.startswith("quarantine cannot be combined with mostly")


def test_a_further_column_needs_another_name_than_those_of_the_tables() -> None:
    assert fault(columns=("position",)).startswith(
        "quality.expectations.mine: further column 'position' has the name of a column of the tables"
    )
