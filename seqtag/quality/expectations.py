"""Expectation suites: every active rule as a Great Expectations expectation.

Imports Great Expectations.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from great_expectations import ExpectationSuite
from great_expectations.core import ExpectationValidationResult
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations.core.expect_column_distinct_values_to_equal_set import (
    ExpectColumnDistinctValuesToEqualSet,
)
from great_expectations.expectations.core.expect_column_max_to_be_between import ExpectColumnMaxToBeBetween
from great_expectations.expectations.core.expect_column_min_to_be_between import ExpectColumnMinToBeBetween
from great_expectations.expectations.core.expect_column_values_to_not_be_in_set import (
    ExpectColumnValuesToNotBeInSet,
)
from great_expectations.expectations.core.expect_column_values_to_not_be_null import (
    ExpectColumnValuesToNotBeNull,
)
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.row_conditions import Column
from great_expectations.render.components import RenderedStringTemplateContent, RenderedTableContent
from great_expectations.render.renderer.renderer import renderer

from seqtag.config import SPLITS, Severity
from seqtag.quality.split_metrics import CORPUS
from seqtag.quality.validation_rules import BY_VIOLATIONS, ValidationRule

METRICS, VIOLATIONS = "metrics", "violations"
RULE = "rule"  # key of `meta` that names the rule of an expectation
VIOLATION_COLUMNS = ("row", "place", "sequence_id", "split", "finding", "excerpt")

_SEVERITY: dict[Severity, str] = {"fail": "critical", "quarantine": "warning", "warn": "info"}
_WHOLE_CORPUS: dict[str, Any] = {"row_condition": Column("split") == CORPUS}


class ExpectNoViolations(ExpectColumnValuesToNotBeInSet):
    """Expect a rule to have no violations.

    The frame holds only a sample of them; the parameter `n_violations` is the exact total, and decides.
    """

    n_violations: Any  # int, or {"$PARAMETER": name}
    n_judged: Any

    success_keys: ClassVar[tuple[str, ...]] = (  # type: ignore[assignment]  # the base class fixes the length at two
        "value_set",
        "mostly",
        "n_violations",
        "n_judged",
    )

    def _validate(
        self,
        metrics: dict[Any, Any],
        runtime_configuration: dict[Any, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        outcome: dict[str, Any] = super()._validate(metrics, runtime_configuration, execution_engine)
        found = self._get_success_kwargs()
        n_violations, n_judged = int(found["n_violations"]), int(found["n_judged"])
        shown = outcome["result"]["unexpected_count"]
        outcome["success"] = n_violations == 0 and shown == 0
        outcome["result"] |= {
            "element_count": n_judged,
            "unexpected_count": n_violations,
            "unexpected_percent": 100.0 * n_violations / n_judged if n_judged else 0.0,
        }
        return outcome

    # Great Expectations looks up renderers by type; the method names must match those they override.
    @classmethod
    @renderer(renderer_type="renderer.diagnostic.unexpected_statement")
    def _diagnostic_unexpected_statement_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[Any, Any] | None = None,
    ) -> list[Any]:
        received = {} if result is None else result.result
        if not received.get("unexpected_count"):
            return super()._diagnostic_unexpected_statement_renderer(
                configuration, result, runtime_configuration
            )
        count, judged = received["unexpected_count"], received["element_count"]
        shown = len(received["unexpected_index_list"])
        text = f"\n{count:,} violations among {judged:,}; {'all' if shown == count else f'{shown:,}'} shown"
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={"template": text, "tag": "strong", "styling": {"classes": ["text-danger"]}},
            )
        ]

    @classmethod
    @renderer(renderer_type="renderer.diagnostic.unexpected_table")
    def _diagnostic_unexpected_table_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,  # noqa: ARG003 - signature of the base class
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[Any, Any] | None = None,  # noqa: ARG003
    ) -> list[Any] | None:
        rows = None if result is None else result.result.get("unexpected_index_list")
        if not rows:
            return None
        return [
            RenderedTableContent(
                content_block_type="table",
                header_row=list(VIOLATION_COLUMNS),
                table=[[row[column] for column in VIOLATION_COLUMNS] for row in rows],
                styling={"body": {"classes": ["table-bordered", "table-sm", "mt-3"]}},
            )
        ]


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
                **_notes(rule),
            )
            for rule in rules
            if rule.name in BY_VIOLATIONS
        ],
    )


def _metric_expectations(rule: ValidationRule, *, in_force: Collection[str]) -> list[Expectation]:
    notes = _notes(rule)
    match rule.name:
        case "complete_metrics":
            numbers = ["received", "sequences", "refused_share", "ambiguous_share"]
            numbers += ["duplicate_share", "leaked_share"]
            optional = {"majority_tag": "majority_share", "tag_drift": "tag_drift"}
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
        case "tag_drift":
            return [_at_most("tag_drift", "max_tag_drift", **_WHOLE_CORPUS, **notes)]
    raise ValueError(f"no metric expectation for rule {rule.name!r}")


def _at_most(column: str, threshold: str, **notes: Any) -> Expectation:
    return ExpectColumnMaxToBeBetween(column=column, max_value={"$PARAMETER": threshold}, **notes)


def _notes(rule: ValidationRule) -> dict[str, Any]:
    """Return description, severity and meta; Data Docs show only the description, and do not escape it."""
    return {
        "description": f"{rule.severity} · {rule.name}: {html.escape(rule.required)}",
        "severity": _SEVERITY[rule.severity],
        "meta": {RULE: rule.name},
    }
