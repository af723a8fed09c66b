"""Columns of tokens that are read as numbers or times hold nothing else."""

from __future__ import annotations

from seqtag.config import CategoryColumn, NumberColumn, TimeColumn
from tests.unit.quality.conftest import sequence, sound_corpus

COLUMNS = (
    NumberColumn(kind="number", name="amount"),
    TimeColumn(kind="time", name="time"),
    CategoryColumn(kind="category", name="host"),
)
LENIENT = {"quarantine_budget": 1.0, "min_tag_support": 0}


def test_values_that_are_no_number_or_time_are_quarantined(profiled, validated):
    sound = {"amount": ["1.5", None], "time": ["2026-01-01T10:00:00Z", None], "host": ["1,5", "?"]}
    wrong = [
        sequence("a/O b/O", **sound),
        sequence("c/O d/O", **{**sound, "amount": ["1", "1,5"]}),
        sequence("e/O f/O", **{**sound, "time": ["yesterday", None]}),
        sequence("g/O h/O", **{**sound, "amount": ["NaN", "inf"], "time": None}),
    ]
    seen = profiled([*sound_corpus(), *wrong], quality=LENIENT, read_columns=COLUMNS)

    assert seen.reasons == {row: ["invalid_value"] for row in (31, 32, 33)}
    found = [each.finding for each in seen.found.evidence.violations if each.rule == "invalid_value"]
    assert found == [
        "token 2: column 'amount': expected a finite number, got 1,5",
        "token 1: column 'time': expected a time (ISO 8601), got yesterday",
        "token 1: column 'amount': expected a finite number, got NaN",
    ]
    warned = validated(
        [*sound_corpus(), *wrong],
        quality={**LENIENT, "rules": {"invalid_value": "warn"}},
        read_columns=COLUMNS,
    )
    assert warned.quarantine == []
    assert warned.rule("invalid_value").count == 3


def test_the_rule_is_not_in_force_without_numbers_and_times(profiled):
    assert "invalid_value" not in profiled(sound_corpus(), read_columns=COLUMNS[2:]).rules


def test_expectations_read_columns_of_tokens(validated):
    between = {"column": "amount", "min_value": 0, "max_value": 100}
    rows = [
        sequence(f"a{i}/O", amount=[str(i)], time=None, host=None, split=s)
        for i in range(9)
        for s in ("train", "dev", "test")
    ]
    quality = {
        **LENIENT,
        "expectations": {
            "amounts": {
                "table": "tokens",
                "type": "expect_column_values_to_be_between",
                "kwargs": between,
                "severity": "quarantine",
            }
        },
    }
    wrong = sequence("b/O", amount=["101"], time=None, host=None)
    result = validated([*rows, wrong], quality=quality, read_columns=COLUMNS)
    assert [row["tokens"] for row in result.quarantine] == [["b"]]
