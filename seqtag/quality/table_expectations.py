"""Evaluate the expectations of a tagger's file on its tables of tokens and sequences.

Great Expectations queries an SQLite file, so that memory does not grow with the corpus.

Imports Great Expectations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from great_expectations import ExpectationSuite
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.datasource.fluent import SqliteDatasource
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_expectation_impl

from seqtag.config import ExpectationConfig, ExpectationTable
from seqtag.errors import ConfigError
from seqtag.formatting import shortened
from seqtag.quality.expectations import expectation_notes
from seqtag.quality.gx_context import ephemeral_context
from seqtag.quality.gx_results import error_of, escaped_values, rule_of
from seqtag.quality.validation_rules import expectation_rule
from seqtag.quality.violation_text import printable
from seqtag.quality.violations import FailingRows, TableFindings

_SHOWN = 3  # values in a sentence
_SHOWN_ROWS = 20  # in the Data Docs
_ALL_ROWS = 2**31 - 1
_LONGEST = 200  # characters of an error
_PLACE: Mapping[ExpectationTable, list[str]] = {
    "tokens": ["row", "sequence_id", "position"],
    "sequences": ["row", "sequence_id"],
}


def run_expectations(
    file: Path, expectations: Mapping[str, ExpectationConfig], *, edges: Sequence[int]
) -> TableFindings:
    """Evaluate expectations on the tables that `write_tables` wrote.

    Args:
        expectations: by name.
        edges: row numbers that cut the snapshot into parts whose failing rows fit into memory.

    Raises:
        ConfigError: Great Expectations refuses the arguments of an expectation.
    """
    by_table: dict[ExpectationTable, dict[str, Expectation]] = defaultdict(dict)
    severities = {}
    for name, expectation in expectations.items():
        rule = expectation_rule(name, expectation)
        severities[rule.name] = rule.severity
        by_table[expectation.table][rule.name] = _built(rule.name, expectation, expectation_notes(rule))
    results: dict[str, ExpectationSuiteValidationResult] = {}
    sentences: dict[str, str] = {}
    errors: dict[str, str] = {}
    failing: dict[str, FailingRows] = {}
    with _database(file) as database:
        for table, built in by_table.items():
            batch = database.add_table_asset(table, table_name=table)
            whole = batch.add_batch_definition_whole_table(table).get_batch()
            results[table] = _validated(whole, table, list(built.values()), n_shown=_SHOWN_ROWS)
            quarantining = []
            for result in results[table].results:
                name, error = rule_of(result), error_of(result)
                if severities[name] == "quarantine":
                    failing[name] = FailingRows(np.zeros(0, np.int64), np.zeros(0, np.int64))
                if error is not None:
                    errors[name] = shortened(" ".join(error.split()), _LONGEST)
                    sentences[name] = f"not evaluated: {errors[name]}"
                    continue
                sentences[name] = _sentence(result, table)
                if name in failing and not result.success:
                    quarantining.append(built[name])
                result.result = escaped_values(result.result)
            failing |= _failing_rows(database, table, quarantining, edges)
    return TableFindings(results, sentences, errors, failing)


@contextmanager
def _database(file: Path) -> Iterator[SqliteDatasource]:
    source = ephemeral_context().data_sources.add_sqlite("tables", connection_string=f"sqlite:///{file}")
    try:
        yield source
    finally:
        source.get_engine().dispose()


def _built(rule: str, wanted: ExpectationConfig, notes: Mapping[str, Any]) -> Expectation:
    try:
        return get_expectation_impl(wanted.type)(**wanted.kwargs, **notes)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"quality.{rule}: Great Expectations refuses the arguments: {reason}") from None


def _validated(
    batch: Batch, table: ExpectationTable, expectations: list[Expectation], *, n_shown: int
) -> ExpectationSuiteValidationResult:
    return batch.validate(
        ExpectationSuite(table, expectations=expectations),
        result_format={
            "result_format": "SUMMARY",
            "partial_unexpected_count": n_shown,
            "unexpected_index_column_names": _PLACE[table],
            "return_unexpected_index_query": False,
        },
    )


def _failing_rows(
    database: SqliteDatasource, table: ExpectationTable, expectations: list[Expectation], edges: Sequence[int]
) -> dict[str, FailingRows]:
    """Return the sequences with a failing row by rule; only the failing rows of one part are in memory."""
    found: dict[str, list[FailingRows]] = defaultdict(list)
    for start, stop in pairwise(edges) if expectations else ():
        query = f'SELECT * FROM {table} WHERE "row" >= {start} AND "row" < {stop}'  # noqa: S608 - numbers
        asset = database.add_query_asset(f"{table} from {start}", query=query)
        batch = asset.add_batch_definition_whole_table(asset.name).get_batch()
        for result in _validated(batch, table, expectations, n_shown=_ALL_ROWS).results:
            first: dict[int, int] = {}
            for place in result.result.get("partial_unexpected_index_list") or ():
                token = place.get("position", 0)
                first[place["row"]] = min(token, first.get(place["row"], token))
            rows = np.array(sorted(first), np.int64)
            found[rule_of(result)].append(FailingRows(rows, np.array([first[row] for row in rows], np.int64)))
    return {
        rule: FailingRows(
            np.concatenate([each.rows for each in parts]), np.concatenate([each.tokens for each in parts])
        )
        for rule, parts in found.items()
    }


def _sentence(result: ExpectationValidationResult, table: ExpectationTable) -> str:
    """Describe what an expectation found."""
    found = result.result
    if "element_count" not in found:
        return _observed(found) or ("met" if result.success else "not met")
    failed, of = found["unexpected_count"], found["element_count"]
    sentence = f"{failed:,} of {of:,} {table} fail" + (f" ({failed / of:.2%})" if of else "")
    for place in found.get("partial_unexpected_index_list") or ():
        return f"{sentence}; first {_described(place)}"
    return sentence


def _described(place: Mapping[str, Any]) -> str:
    """Return `sequence s1 (row 3), token 2: tag = B-X` for a failing row."""
    token = f", token {place['position']}" if "position" in place else ""
    values = ", ".join(
        f"{name} = {_shown(each)}" for name, each in place.items() if name not in _PLACE["tokens"]
    )
    where = f"sequence {_shown(place['sequence_id'])} (row {place['row']}){token}"
    return f"{where}: {values}" if values else where


def _observed(found: Mapping[str, Any]) -> str:
    parts = []
    if found.get("observed_value") is not None:
        parts.append(f"observed value {_shown(found['observed_value'])}")
    for key, name in (("partial_unexpected_list", "unexpected"), ("partial_missing_list", "missing")):
        if values := found.get(key):
            parts.append(f"{name} {', '.join(map(_shown, values[:_SHOWN]))}")
    return "; ".join(parts)


def _shown(value: Any) -> str:
    return printable(None if value is None else str(value))
