"""Expectation suites: every active rule as a Great Expectations expectation.

Imports Great Expectations.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.expectations.core.expect_column_distinct_values_to_equal_set import (
    ExpectColumnDistinctValuesToEqualSet,
)
from great_expectations.expectations.core.expect_column_max_to_be_between import ExpectColumnMaxToBeBetween
from great_expectations.expectations.core.expect_column_min_to_be_between import ExpectColumnMinToBeBetween
from great_expectations.expectations.core.expect_column_values_to_not_be_null import (
    ExpectColumnValuesToNotBeNull,
)
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import Column

from seqtag.config import SPLITS, Severity
from seqtag.quality.gx_compat import ExpectNoViolations
from seqtag.quality.gx_results import RULE
from seqtag.quality.split_metrics import CORPUS
from seqtag.quality.validation_rules import BY_VIOLATIONS, ValidationRule

METRICS, VIOLATIONS = "metrics", "violations"
_SEVERITY: dict[Severity, str] = {"fail": "critical", "quarantine": "warning", "warn": "info"}
_WHOLE_CORPUS: dict[str, Any] = {"row_condition": Column("split") == CORPUS}


def metrics_suite(rules: Sequence[ValidationRule]) -> ExpectationSuite:
    """Return the expectations on the metrics of the splits."""
    expectations = [
        expectation
        for rule in rules
        if rule.name not in BY_VIOLATIONS
        for expectation in _metric_expectations(rule, in_force={r.name for r in rules})
    ]
    return ExpectationSuite(METRICS, expectations=expectations)


def violations_suite(rules: Sequence[ValidationRule]) -> ExpectationSuite:
    """Return the expectations on the violations: no rule has any."""
    return ExpectationSuite(
        VIOLATIONS,
        expectations=[
            ExpectNoViolations(
                column="rule",
                value_set=[rule.name],
                n_violations={"$PARAMETER": rule.name},
                n_judged={"$PARAMETER": f"{rule.name}_judged"},
                **expectation_notes(rule),
            )
            for rule in rules
            if rule.name in BY_VIOLATIONS
        ],
    )


def expectation_notes(rule: ValidationRule) -> dict[str, Any]:
    """Return description, severity and meta; Data Docs show only the description, and do not escape it."""
    return {
        "description": f"{rule.severity} · {rule.name}: {html.escape(rule.required)}",
        "severity": _SEVERITY[rule.severity],
        "meta": {RULE: rule.name},
    }


def _metric_expectations(rule: ValidationRule, *, in_force: Collection[str]) -> list[Expectation]:
    notes = expectation_notes(rule)
    match rule.name:
        case "complete_metrics":
            numbers = ["received", "sequences", "refused_share", "ambiguous_share"]
            numbers += ["duplicate_share", "leaked_share"]
            optional = {"majority_tag": "majority_share", "tag_drift": "tag_drift"}
            optional["volume_loss"] = "volume_loss"
            numbers += [column for name, column in optional.items() if name in in_force]
            every_split = ExpectColumnDistinctValuesToEqualSet(
                column="split", value_set=[CORPUS, *SPLITS], **notes
            )
            return [every_split, *(ExpectColumnValuesToNotBeNull(column=n, **notes) for n in numbers)]
        case "empty_corpus":
            return [ExpectColumnMaxToBeBetween(column="received", min_value=1, **_WHOLE_CORPUS, **notes)]
        case "too_few_sequences":
            least = {"$PARAMETER": "min_sequences"}
            return [ExpectColumnMaxToBeBetween(column="sequences", min_value=least, **_WHOLE_CORPUS, **notes)]
        case "empty_split":
            return [ExpectColumnMinToBeBetween(column="sequences", min_value=1, **notes)]
        case "leakage":  # dev and test each
            return [_at_most("leaked_share", "max_leakage_share", **notes)]
        case "quarantine_budget":
            return [_at_most("refused_share", "quarantine_budget", **_WHOLE_CORPUS, **notes)]
        case "duplicates":
            return [_at_most("duplicate_share", "max_duplicate_share", **_WHOLE_CORPUS, **notes)]
        case "majority_tag":
            return [_at_most("majority_share", "max_majority_share", **_WHOLE_CORPUS, **notes)]
        case "volume_loss":
            return [_at_most("volume_loss", "max_volume_loss", **_WHOLE_CORPUS, **notes)]
        case "tag_drift":
            return [_at_most("tag_drift", "max_tag_drift", **_WHOLE_CORPUS, **notes)]
    raise ValueError(f"no metric expectation for rule {rule.name!r}")


def _at_most(column: str, threshold: str, **notes: Any) -> Expectation:
    return ExpectColumnMaxToBeBetween(column=column, max_value={"$PARAMETER": threshold}, **notes)
