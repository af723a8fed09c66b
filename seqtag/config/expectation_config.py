"""`[quality.expectations]`: expectations of Great Expectations on the tokens and sequences of a corpus."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from seqtag.config.expectation_types import check_arguments, check_type, expectation_types
from seqtag.config.suggestions import did_you_mean
from seqtag.config.toml_table import Table

Severity = Literal["fail", "quarantine", "warn", "off"]
ExpectationTable = Literal["tokens", "sequences"]

# Columns with their types in SQLite; the further columns of the corpus follow.
TABLES: Final[Mapping[ExpectationTable, Mapping[str, str]]] = {
    "tokens": {
        "row": "INTEGER",  # of the sequence in the snapshot, from 0
        "sequence_id": "TEXT",
        "document_id": "TEXT",
        "split": "TEXT",  # train, dev or test
        "position": "INTEGER",  # in the sequence, from 1
        "token": "TEXT",
        "tag": "TEXT",  # null: none
    },
    "sequences": {
        "row": "INTEGER",
        "sequence_id": "TEXT",
        "document_id": "TEXT",
        "split": "TEXT",
        "n_tokens": "INTEGER",
        "n_spans": "INTEGER",  # as conlleval counts them; null without a tag scheme
    },
}


class ExpectationConfig(Table):
    """Expectation of Great Expectations on the sequences that the built-in rules keep.

    The table `tokens` has the columns row, sequence_id, document_id, split, position, token and tag; the
    table `sequences` has row, sequence_id, document_id, split, n_tokens and n_spans. Both have the further
    columns of the corpus, and `tokens` has the columns of the tokens.
    """

    table: ExpectationTable = Field(description="one row a token, or one row a sequence")
    type: str = Field(description="name in Great Expectations, such as expect_column_values_to_match_regex")
    kwargs: dict[str, Any] = Field(
        default_factory=dict, description="arguments of the expectation, such as column and mostly"
    )
    severity: Severity = Field(
        default="fail",
        description="if it is not met: fail refuses the corpus, quarantine the sequences with failing rows",
    )

    @field_validator("type")
    @classmethod
    def _type_exists(cls, name: str) -> str:
        return check_type(name)

    @field_validator("kwargs")
    @classmethod
    def _arguments_exist(cls, kwargs: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "type" in info.data:
            check_arguments(info.data["type"], kwargs)
        return kwargs

    @field_validator("severity")
    @classmethod
    def _rows_can_be_quarantined(cls, severity: Severity, info: ValidationInfo) -> Severity:
        name, kwargs = info.data.get("type"), info.data.get("kwargs", {})
        if severity != "quarantine" or name is None:
            return severity
        if not expectation_types()[name].by_row:
            raise ValueError(
                f"quarantine needs an expectation that judges each row by itself: got {name}; use fail or "
                "warn"
            )
        if "mostly" in kwargs:
            raise ValueError(
                "quarantine cannot be combined with mostly, as each failing row counts: remove mostly, and "
                "limit the share by quality.quarantine_budget; or use fail or warn"
            )
        return severity

    @property
    def sentence(self) -> str:
        """The expectation in one line: `expect_column_to_exist(column = "tag") in tokens`."""
        kwargs = ", ".join(
            f"{key} = {json.dumps(each, ensure_ascii=False)}" for key, each in self.kwargs.items()
        )
        return f"{self.type}({kwargs}) in {self.table}"

    def check_columns(self, key: str, further: Sequence[str], token_columns: Mapping[str, str]) -> None:
        """Check the names of columns and the query.

        Args:
            key: of the expectation, for messages.
            further: further columns of the corpus.
            token_columns: columns of the tokens with their types in SQLite.

        Raises:
            ValueError: the table has no such column or two of one name, or SQLite cannot run the query.
        """
        taken = [
            name for name in (*further, *token_columns) if any(name in columns for columns in TABLES.values())
        ]
        if taken:
            raise ValueError(
                f"{key}: further column {taken[0]!r} has the name of a column of the tables: expected "
                "another; rename it in the source"
            )
        columns = _columns_of(self.table, further, token_columns)
        for name in self._columns():
            if name not in columns:
                raise ValueError(
                    f"{key}: table {self.table} has no column {name!r}: expected {', '.join(columns)}"
                    + did_you_mean(name, columns)
                )
        if (query := self.kwargs.get("unexpected_rows_query")) is not None:
            self._check_query(key, query, further, token_columns)

    def _columns(self) -> Iterator[str]:
        for name, value in self.kwargs.items():
            if name in ("column", "column_A", "column_B") and self.type != "expect_column_to_exist":
                yield value
            elif name == "column_list" and self.type != "expect_table_columns_to_match_ordered_list":
                yield from value
            elif name == "row_condition":
                yield from _condition_columns(value)

    def _check_query(
        self, key: str, query: str, further: Sequence[str], token_columns: Mapping[str, str]
    ) -> None:
        with closing(sqlite3.connect(":memory:")) as database:
            for table in TABLES:
                database.execute(table_definition(table, further, token_columns))
            database.create_function("regexp", 2, bool)  # SQLAlchemy adds it
            try:
                database.execute(f"EXPLAIN {query.replace('{batch}', self.table)}")
            except sqlite3.Error as error:
                raise ValueError(f"{key}.kwargs.unexpected_rows_query cannot be run: {error}") from None


def _condition_columns(condition: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns that a row condition names, such as {"column": {"name": "split"}, ...}."""
    if isinstance(column := condition.get("column"), Mapping):
        yield str(column.get("name"))
    for each in condition.get("conditions", ()):
        yield from _condition_columns(each)


def table_definition(
    table: ExpectationTable, further: Sequence[str], token_columns: Mapping[str, str]
) -> str:
    """Return the SQL that creates a table with the further columns of the corpus and of the tokens.

    Args:
        token_columns: with their types in SQLite.
    """
    columns = _columns_of(table, further, token_columns)
    quoted = (f'"{name.replace(chr(34), chr(34) * 2)}" {kind}' for name, kind in columns.items())
    return f"CREATE TABLE {table} ({', '.join(quoted)})"


def _columns_of(
    table: ExpectationTable, further: Sequence[str], token_columns: Mapping[str, str]
) -> dict[str, str]:
    of_tokens = token_columns if table == "tokens" else {}
    return {**TABLES[table], **dict.fromkeys(further, "TEXT"), **of_tokens}
