"""Columns of tokens that are read as numbers or times hold nothing else."""

from __future__ import annotations

from seqtag.config import CategoryColumn, NumberColumn, SetColumn, TimeColumn
from seqtag.corpus.token_column_profile import ColumnSize
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
        "token 2: column 'amount': expected a finite number, got inf",
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
        for i in (*range(9), "NaN")  # a missing number is in every range
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


def test_columns_are_profiled_by_split_after_quarantine(validated):
    times = ["2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00"]  # the same moment
    flags = SetColumn(kind="set", name="flags")
    rows = [
        *sound_corpus(),  # 50 tokens in each split, without values
        sequence("a/O b/O", amount=["1", "9.5"], time=times, host=["web", "api"], flags=["x|y", None]),
        sequence("c/O d/O", amount=["2", None], time=None, host=["web", None], flags=["x", None]),
        sequence("e/O", amount=["?"], time=None, host=["lost"], flags=["lost"]),
        sequence("f/O g/O", split="test", amount=None, time=None, host=["web", "db"], flags=["x|z", "z"]),
    ]
    result = validated(rows, quality=LENIENT, read_columns=(*COLUMNS, flags))
    columns = {column.name: column for column in result.profile.columns}

    assert columns["amount"].splits == {
        "train": ColumnSize(54, n_missing=51, n_values=3, minimum=1.0, median=2.0, maximum=9.5),
        "dev": ColumnSize(50, n_missing=50, n_values=0),
        "test": ColumnSize(52, n_missing=52, n_values=0),
    }
    ten = 1767261600.0  # 2026-01-01T10:00:00Z
    assert columns["time"].splits["train"] == ColumnSize(54, 52, 2, minimum=ten, median=ten, maximum=ten)
    assert columns["host"].splits["train"] == ColumnSize(54, 51, n_values=3, n_distinct=2, n_unseen=0)
    assert columns["host"].splits["test"] == ColumnSize(52, 50, n_values=2, n_distinct=2, n_unseen=1)
    assert columns["flags"].splits["train"] == ColumnSize(54, 52, n_values=3, n_distinct=2, n_unseen=0)
    assert columns["flags"].splits["test"] == ColumnSize(52, 50, n_values=3, n_distinct=2, n_unseen=2)

    page = result.page("index.html")
    assert "<td>1 to 9.5, median 2</td>" in page
    assert "<td>2026-01-01 10:00:00 to 2026-01-01 10:00:00 UTC</td>" in page
    assert "<td>2 distinct values; train lacks 50.0% of 2 values</td>" in page
    assert result.rule("empty_column").passed is True


def test_columns_without_values_in_train_and_values_that_train_lacks_are_warnings(validated):
    rows = [
        *sound_corpus(),
        sequence("a/O b/O", amount=None, time=None, host=["web", "web"]),
        sequence("c/O d/O", split="test", amount=["5", "6"], time=None, host=["web", "db"]),
    ]
    result = validated(rows, quality=LENIENT | {"max_unseen_values": 0.49}, read_columns=COLUMNS)

    assert result.profile.accepted is True
    empty, unseen = result.rule("empty_column"), result.rule("unseen_values")
    assert (empty.severity, empty.count, empty.passed) == ("warn", 2, False)
    assert (unseen.severity, unseen.count, unseen.passed) == ("warn", 1, False)
    assert result.profile.sentence.endswith(
        "; warnings: empty_column (column amount: none of 52 tokens has a value; column time: none of 52 "
        "tokens has a value), unseen_values (column host: train lacks 50.0% of 2 values of test)."
    )
    allowed = validated(rows, quality=LENIENT | {"max_unseen_values": 0.5}, read_columns=COLUMNS)
    assert allowed.rule("unseen_values").passed is True


def test_rules_about_columns_are_in_force_for_columns_that_they_judge(profiled):
    rows = [*sound_corpus(), sequence("a/O", amount=["1"], time=None, host=["web"])]
    seen = [
        profiled(rows, read_columns=columns).rules & {"empty_column", "unseen_values"}
        for columns in ((), COLUMNS[:2], COLUMNS)
    ]
    assert seen == [set(), {"empty_column"}, {"empty_column", "unseen_values"}]
