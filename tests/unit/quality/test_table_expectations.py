"""Expectations of the tagger's file, evaluated by Great Expectations on tokens and sequences."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from seqtag.config import ExpectationConfig, QualityConfig, SplitConfig, TagsConfig
from seqtag.config.expectation_types import expectation_types
from seqtag.quality import expectation_tables
from seqtag.quality.sequence_table import Splitter, measure_corpus
from tests.unit.config.test_expectations import EXAMPLE
from tests.unit.quality.conftest import sequence, sound_corpus, write_parts
from tests.unit.quality.test_data_docs import EVIL, Page

LENIENT = {"min_tag_support": 0, "quarantine_budget": 1.0}
NO_DIGITS = {
    "table": "tokens",
    "type": "expect_column_values_to_not_match_regex",
    "kwargs": {"column": "token", "regex": r"\d{4}"},
}
IN_DEV = {"type": "comparison", "column": {"name": "split"}, "operator": "==", "parameter": "dev"}
MEAN = {"table": "sequences", "type": "expect_column_mean_to_be_between"}
SOME_DIGITS = [
    sequence("In/O 1998/O and/O 1999/O", sequence_id="years"),
    sequence("Ada/B-PER spoke/O in/O 2001/O", sequence_id="year", split="dev"),
]


def with_expectations(**expectations: dict[str, Any]) -> dict[str, Any]:
    return LENIENT | {"expectations": expectations}


def test_an_expectation_that_is_met_is_part_of_the_verdict(validated):
    result = validated(sound_corpus(), quality=with_expectations(years=NO_DIGITS | {"severity": "fail"}))

    assert result.profile.accepted
    assert result.rule("expectations.years").passed
    assert result.rule("expectations.years").message == (
        'expected: expect_column_values_to_not_match_regex(column = "token", regex = "\\\\d{4}") in tokens; '
        "found: 0 of 150 tokens fail (0.00%)"
    )
    assert result.profile.expectations.defined == result.profile.expectations.evaluated == 27


def test_severity_fail_refuses_the_corpus(validated):
    result = validated(
        [*sound_corpus(), *SOME_DIGITS], quality=with_expectations(years=NO_DIGITS | {"severity": "fail"})
    )

    assert not result.profile.accepted
    assert "3 of 158 tokens fail (1.90%); first sequence years (row 30), token 2: token = 1998" in (
        result.profile.sentence
    )
    assert result.quarantine == []


def test_severity_warn_accepts_the_corpus_and_names_the_expectation(validated):
    result = validated(
        [*sound_corpus(), *SOME_DIGITS], quality=with_expectations(years=NO_DIGITS | {"severity": "warn"})
    )

    assert result.profile.accepted
    assert "warnings: expectations.years" in result.profile.sentence
    assert result.quarantine == []


def test_severity_quarantine_takes_every_sequence_with_a_failing_row(validated, monkeypatch):
    monkeypatch.setattr(expectation_tables, "_PART", 12)  # tokens: many parts

    result = validated(
        [*SOME_DIGITS, *sound_corpus()],
        quality=with_expectations(years=NO_DIGITS | {"severity": "quarantine"}),
    )

    assert result.profile.accepted
    assert [(row["row"], row["reasons"]) for row in result.quarantine] == [
        (0, ["expectations.years"]),
        (1, ["expectations.years"]),
    ]
    assert result.profile.quarantined.by_rule["expectations.years"] == 2
    assert result.rule("expectations.years").count == 2
    page = Page(result.page("index.html"))
    assert "token 2 fails expect_column_values_to_not_match_regex" in page.text
    assert "token 4 fails expect_column_values_to_not_match_regex" in page.text


def test_the_number_of_quarantined_sequences_has_no_limit(validated):
    many = [sequence(f"In/O 20{i:02}/O", sequence_id=str(i)) for i in range(99)] * 3

    result = validated(
        [*many, *sound_corpus()],
        quality=with_expectations(years=NO_DIGITS | {"severity": "quarantine"})
        | {"rules": {"duplicate_id": "off"}},
    )

    assert result.rule("expectations.years").count == 297
    assert "297 of 744 tokens fail" in result.rule("expectations.years").message


def test_severity_off_evaluates_nothing(validated):
    result = validated(sound_corpus(), quality=with_expectations(years=NO_DIGITS | {"severity": "off"}))

    assert "expectations.years" not in result.names
    assert not (result.folder / "data_docs" / "tokens.html").exists()


def test_sequences_have_their_lengths_and_spans(validated):
    expectations = {
        "lengths": MEAN | {"kwargs": {"column": "n_tokens", "min_value": 5, "max_value": 5}},
        "spans": MEAN | {"kwargs": {"column": "n_spans", "min_value": 2, "max_value": 2}},
        "too_many": MEAN | {"kwargs": {"column": "n_spans", "min_value": 3}, "severity": "warn"},
    }

    result = validated(sound_corpus(), quality=with_expectations(**expectations))

    assert result.rule("expectations.lengths").passed
    assert result.rule("expectations.spans").passed
    assert result.rule("expectations.too_many").message.endswith("found: observed value 2.0")


def test_a_query_may_join_both_tables(validated):
    query = (
        "SELECT sequence_id, count(*) AS n FROM {batch} JOIN sequences USING (sequence_id) "
        "WHERE tag = 'B-ORG' AND n_spans = 2 GROUP BY 1"
    )
    wanted = {"table": "tokens", "type": "unexpected_rows_expectation", "severity": "warn"}

    result = validated(
        sound_corpus(),
        quality=with_expectations(joined=wanted | {"kwargs": {"unexpected_rows_query": query}}),
    )

    assert result.rule("expectations.joined").message.endswith("found: observed value 30")


def test_a_row_condition_limits_what_is_quarantined(validated):
    kwargs = NO_DIGITS["kwargs"] | {"row_condition": IN_DEV}

    result = validated(
        [*sound_corpus(), *SOME_DIGITS],
        quality=with_expectations(years=NO_DIGITS | {"kwargs": kwargs, "severity": "quarantine"}),
    )

    assert [row["sequence_id"] for row in result.quarantine] == ["year"]


def test_sequences_that_a_built_in_rule_refuses_are_left_out(validated):
    broken = sequence("1998/I-PER", sequence_id="broken")

    result = validated([*sound_corpus(), broken], quality=with_expectations(years=NO_DIGITS))

    assert result.rule("expectations.years").passed
    assert [row["reasons"] for row in result.quarantine] == [["illegal_transition"]]


def test_tokens_without_a_tag_have_none(validated):
    wanted = {"table": "tokens", "type": "expect_column_values_to_be_null", "severity": "warn"}
    row = sequence("a/- b/O c/B-PER", sequence_id="partial")

    result = validated(
        [*sound_corpus(), row],
        tags={"partial": True, "scheme": "IOB2"},
        quality=with_expectations(tags=wanted | {"kwargs": {"column": "tag"}}),
    )

    assert "152 of 153 tokens fail" in result.rule("expectations.tags").message


def test_further_columns_are_in_both_tables(validated):
    rows = [row | {"site": "a" if i else "b"} for i, row in enumerate(sound_corpus())]
    wanted = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "site", "value_set": ["a"]}}

    result = validated(
        rows,
        columns=["site"],
        quality=with_expectations(
            t=wanted | {"table": "tokens", "severity": "warn"},
            s=wanted | {"table": "sequences", "severity": "quarantine"},
        ),
    )

    assert "5 of 150 tokens fail" in result.rule("expectations.t").message
    assert [row["row"] for row in result.quarantine] == [0]


def test_the_data_docs_have_a_page_for_each_table_that_is_used(validated):
    rows = [*sound_corpus(), sequence(f"{EVIL}/O 1998/O", sequence_id=EVIL)]
    wanted = {"table": "tokens", "type": "expect_column_value_lengths_to_be_between", "severity": "warn"}
    expectations = {"length": wanted | {"kwargs": {"column": "token", "max_value": 9}}, "digits": NO_DIGITS}

    result = validated(rows, quality=with_expectations(**expectations))

    page = Page(result.page("tokens.html"))
    assert EVIL in page.text
    assert "warn · expectations.length: expect_column_value_lengths_to_be_between" in page.text
    assert "fail · expectations.digits" in page.text
    assert not page.elements & {"script", "link", "img"}
    assert set(page.addresses) == {"index.html", "metrics.html", "violations.html", "tokens.html"}


def test_the_expectations_of_the_guide_are_evaluated(validated):
    expectations = tomllib.loads(EXAMPLE)["quality"]["expectations"]

    result = validated(sound_corpus(), quality=with_expectations(**expectations))

    assert {rule: result.rule(f"expectations.{rule}").passed for rule in expectations} == {
        "no_urls": True,
        "enough_spans": True,
        "test_has_locations": False,
        "splits_have_documents": True,
    }


def test_an_expectation_that_cannot_be_evaluated_refuses_the_corpus_with_the_reason(validated):
    wanted = {"table": "tokens", "type": "unexpected_rows_expectation", "severity": "warn"}
    query = "SELECT * FROM {batch} WHERE token REGEXP '('"

    result = validated(
        sound_corpus(),
        quality=with_expectations(digits=wanted | {"kwargs": {"unexpected_rows_query": query}}),
    )

    assert not result.profile.accepted
    assert result.profile.sentence.startswith("refused: only 26 of 27 expectations were evaluated; ")
    assert "expectations.digits: (sqlite3.OperationalError) user-defined function" in result.profile.sentence


# Arguments of every expectation that judges each row by itself, of which some rows fail.
BY_ROW = {
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "position", "column_B": "row"},
    "expect_column_pair_values_to_be_equal": {"column_A": "token", "column_B": "tag"},
    "expect_column_pair_values_to_be_in_set": {
        "column_A": "split",
        "column_B": "tag",
        "value_pairs_set": [["train", "O"]],
    },
    "expect_column_value_lengths_to_be_between": {"column": "token", "max_value": 5},
    "expect_column_value_lengths_to_equal": {"column": "token", "value": 5},
    "expect_column_values_to_be_between": {"column": "position", "max_value": 4},
    "expect_column_values_to_be_in_set": {"column": "tag", "value_set": ["O"]},
    "expect_column_values_to_be_null": {"column": "tag"},
    "expect_column_values_to_match_like_pattern": {"column": "token", "like_pattern": "H%"},
    "expect_column_values_to_match_like_pattern_list": {"column": "token", "like_pattern_list": ["H%"]},
    "expect_column_values_to_match_regex": {"column": "token", "regex": r"^\D+$"},
    "expect_column_values_to_match_regex_list": {"column": "token", "regex_list": ["^H"]},
    "expect_column_values_to_not_be_in_set": {"column": "tag", "value_set": ["O"]},
    "expect_column_values_to_not_be_null": {"column": "tag"},
    "expect_column_values_to_not_match_like_pattern": {"column": "token", "like_pattern": "H%"},
    "expect_column_values_to_not_match_like_pattern_list": {"column": "token", "like_pattern_list": ["H%"]},
    "expect_column_values_to_not_match_regex": {"column": "token", "regex": r"\d"},
    "expect_column_values_to_not_match_regex_list": {"column": "token", "regex_list": [r"\d"]},
    "expect_multicolumn_sum_to_equal": {"column_list": ["row", "position"], "sum_total": 6},
    "expect_multicolumn_values_to_be_equal": {"column_list": ["row", "position"]},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["row", "position"]},
}


def test_every_expectation_that_judges_each_row_is_known_here():
    assert set(BY_ROW) == {name for name, each in expectation_types().items() if each.by_row}


def failing_rows(
    folder: Path, expectations: dict[str, ExpectationConfig]
) -> dict[str, tuple[list[int], list[int]]]:
    """Return the failing sequences of each type of expectation, and the first failing token of each."""
    rows = [*sound_corpus(), sequence("a/- b/O c/B-PER", sequence_id="partial")]
    parts, tags = write_parts(folder, rows), TagsConfig(scheme="IOB2", partial=True)
    splitter = Splitter(parts, SplitConfig())
    measured = measure_corpus(parts, tags=tags, quality=QualityConfig(), splitter=splitter)
    found = expectation_tables.judge_tables(
        parts,
        measured,
        kept=np.ones(len(rows), np.bool_),
        expectations=expectations,
        columns=(),
        tags=tags,
        scheme="IOB2",
        folder=folder,
    )
    assert found.errors == {}
    return {
        rule.removeprefix("expectations."): (each.rows.tolist(), each.tokens.tolist())
        for rule, each in found.failing.items()
    }


def test_failing_rows_are_the_same_in_one_part_and_in_many(tmp_path, monkeypatch):
    expectations = {
        name: ExpectationConfig(table="tokens", type=name, kwargs=kwargs, severity="quarantine")
        for name, kwargs in BY_ROW.items()
    }

    in_one_part = failing_rows(tmp_path / "one", expectations)
    monkeypatch.setattr(expectation_tables, "_PART", 60)  # tokens
    in_many_parts = failing_rows(tmp_path / "many", expectations)

    assert in_many_parts == in_one_part
    assert all(rows for rows, _ in in_one_part.values())
    assert in_one_part["expect_column_values_to_not_be_null"] == ([30], [1])
    assert in_one_part["expect_column_values_to_not_match_regex"] == (list(range(30)), [2] * 30)
    assert in_one_part["expect_select_column_values_to_be_unique_within_record"] == (
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5],
    )
