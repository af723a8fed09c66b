"""Results of single expectations: the rule, the error, and values that Data Docs can render.

Imports Great Expectations.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from great_expectations.core import ExpectationValidationResult

RULE = "rule"  # key of `meta` that names the rule of an expectation


def rule_of(result: ExpectationValidationResult) -> str:
    """Return the rule that an expectation belongs to."""
    configuration = result.expectation_config
    return "" if configuration is None else str(configuration.meta[RULE])


def error_of(result: ExpectationValidationResult) -> str | None:
    """Return the message of the error that an expectation raised; None if it was evaluated.

    Great Expectations reports it at the top level or under each metric.
    """
    information: Mapping[str, Any] = result.exception_info
    each = [information] if "raised_exception" in information else list(information.values())
    return next((str(one["exception_message"]) for one in each if one["raised_exception"]), None)


def escaped_values(value: Any) -> Any:
    """Return the values of a result with HTML-escaped text: Data Docs insert cells verbatim."""
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, Mapping):
        return {key: escaped_values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(escaped_values(each) for each in value)
    return value
