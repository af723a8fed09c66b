"""Overrides of private methods of Great Expectations 1.24, and nothing else.

- `_validate`: Great Expectations counts the rows of its frame, which holds only a sample of the violations.
  Its docstrings name this method as the one that an expectation implements.
- The renderers: Data Docs show a row for each distinct value, here the rule, and join the places of all its
  violations in one cell (https://github.com/great-expectations/great_expectations/pull/6637). No report of
  this is known.
- `with_plain_numbers`: Data Docs cannot render NumPy numbers, in which metrics of pandas are given. No report
  of this is known.

`tests/unit/quality/test_gx_compat.py` fails when a renderer or `with_plain_numbers` can go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from great_expectations.core import ExpectationValidationResult
from great_expectations.execution_engine.execution_engine import ExecutionEngine
from great_expectations.expectations.core.expect_column_values_to_not_be_in_set import (
    ExpectColumnValuesToNotBeInSet,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.components import RenderedStringTemplateContent, RenderedTableContent
from great_expectations.render.renderer.renderer import renderer

VIOLATION_COLUMNS = ("row", "place", "sequence_id", "split", "finding", "excerpt")


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


def with_plain_numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an expectation with Python's numbers in place of NumPy's."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in result.items()}
