"""Run Great Expectations on two small frames: split metrics and violations.

Imports Great Expectations.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult

from seqtag.config import QualityConfig
from seqtag.quality.expectations import METRICS, VIOLATIONS, metrics_suite, violations_suite
from seqtag.quality.gx_compat import VIOLATION_COLUMNS, with_plain_numbers
from seqtag.quality.gx_context import ephemeral_context
from seqtag.quality.gx_results import error_of, rule_of
from seqtag.quality.rule_verdicts import Evidence
from seqtag.quality.validation_rules import BY_VIOLATIONS, ValidationRule
from seqtag.quality.violation_text import Violation


@dataclass(frozen=True)
class GXResult:
    """Outcome of each rule, and the numbers of expectations defined, evaluated and failed."""

    passed: Mapping[str, bool]
    defined: int
    evaluated: int
    failed: int
    results: Mapping[str, ExpectationSuiteValidationResult]  # by suite


def run_gx(rules: Sequence[ValidationRule], evidence: Evidence, *, quality: QualityConfig) -> GXResult:
    """Check the split metrics and the violations against the active rules.

    A rule with an unevaluated expectation counts as broken.

    Args:
        rules: all that are active.
        evidence: also has the results of the expectations of the tagger's file.
    """
    context = ephemeral_context()
    frames = {METRICS: evidence.metrics, VIOLATIONS: violation_frame(evidence.violations)}
    built_in = [rule for rule in rules if rule.name not in evidence.tables.sentences]
    suites = {METRICS: metrics_suite(built_in), VIOLATIONS: violations_suite(built_in)}
    index_columns = {METRICS: [], VIOLATIONS: list(VIOLATION_COLUMNS)}
    results: dict[str, ExpectationSuiteValidationResult] = {}
    for name, suite in suites.items():
        asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frames[name]})
        results[name] = batch.validate(
            suite,
            expectation_parameters=_parameters(rules, evidence, quality),
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": index_columns[name],
            },
        )
    defined = sum(len(suite.expectations) for suite in suites.values()) + len(rules) - len(built_in)
    return _gx_result(rules, {**results, **evidence.tables.results}, defined=defined)


def violation_frame(violations: Sequence[Violation]) -> pd.DataFrame:
    """Return the violations as HTML-escaped strings: Data Docs insert cells verbatim."""
    rows = [
        (o.rule, "" if o.row is None else str(o.row), o.place, o.sequence_id, o.split, o.finding, o.excerpt)
        for o in violations
    ]
    escaped = [[html.escape(cell) for cell in row] for row in rows]
    return pd.DataFrame(escaped, columns=["rule", *VIOLATION_COLUMNS], dtype=object)


def _parameters(
    rules: Sequence[ValidationRule], evidence: Evidence, quality: QualityConfig
) -> dict[str, float]:
    """Return the thresholds and exact counts that the suites refer to as {"$PARAMETER": name}."""
    by_violations = [rule.name for rule in rules if rule.name in BY_VIOLATIONS]
    return {
        "min_sequences": quality.min_sequences,
        "quarantine_budget": quality.quarantine_budget,
        "max_duplicate_share": quality.max_duplicate_share,
        "max_leakage_share": quality.max_leakage_share,
        "max_majority_share": quality.max_majority_share,
        "max_tag_drift": quality.max_tag_drift,
        "max_volume_loss": quality.max_volume_loss,
        **{name: evidence.counts[name] for name in by_violations},
        **{f"{name}_judged": evidence.judged(name) for name in by_violations},
    }


def _gx_result(
    rules: Sequence[ValidationRule], results: Mapping[str, ExpectationSuiteValidationResult], *, defined: int
) -> GXResult:
    outcomes: dict[str, list[bool]] = {rule.name: [] for rule in rules}
    evaluated = failed = 0
    for suite in results.values():
        for result in suite.results:
            result.result = with_plain_numbers(result.result)
            was_evaluated = error_of(result) is None
            success = was_evaluated and bool(result.success)
            outcomes[rule_of(result)].append(success)
            evaluated += was_evaluated
            failed += not success
    return GXResult(
        passed={rule: bool(successes) and all(successes) for rule, successes in outcomes.items()},
        defined=defined,
        evaluated=evaluated,
        failed=failed,
        results=results,
    )
