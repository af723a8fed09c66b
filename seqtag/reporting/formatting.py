"""Format fractions as percent, and the names of metrics and models.

All percentages in reports are formatted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Interval = Mapping[str, Any]  # value, low, high: fractions or None; support, documents: int

METRIC_NAMES: Mapping[str, str] = {"accuracy": "token accuracy", "span_f1": "span F1"}
MISSING = "–"  # noqa: RUF001 - an en dash


def percent(fraction: float | None) -> str:
    """Format a fraction as percent.

    >>> percent(0.95683)
    '95.7%'
    """
    return MISSING if fraction is None else f"{100 * fraction:.1f}%"


def percent_range(interval: Interval) -> str:
    """Format both ends of an interval as percent.

    >>> percent_range({"value": 0.95, "low": 0.9412, "high": 0.96})
    '94.1 to 96.0%'
    """
    if interval["low"] is None or interval["high"] is None:
        return MISSING
    return f"{100 * interval['low']:.1f} to {percent(interval['high'])}"


def with_range(interval: Interval | None) -> str:
    """Format a fraction with its interval as percent.

    >>> with_range({"value": 0.95, "low": 0.9412, "high": 0.96})
    '95.0% (94.1 to 96.0%)'
    """
    if interval is None or interval["value"] is None:
        return MISSING
    return f"{percent(interval['value'])} ({percent_range(interval)})"


def points(difference: float | None) -> str:
    """Format a difference of two fractions in signed percentage points.

    >>> points(-0.0123)
    '−1.2 points'
    """  # noqa: RUF002 - a real minus sign
    return MISSING if difference is None else f"{_signed(difference)} points"


def points_range(interval: Interval) -> str:
    """Format both ends of the interval of a difference in percentage points.

    >>> points_range({"value": 0.01, "low": -0.002, "high": 0.022})
    '−0.2 to +2.2 points'
    """  # noqa: RUF002 - a real minus sign
    if interval["low"] is None or interval["high"] is None:
        return MISSING
    return f"{_signed(interval['low'])} to {points(interval['high'])}"


def distance(difference: float | None) -> str:
    """Format the distance of two fractions in percentage points.

    >>> distance(0.0213)
    '2.1 points'
    """
    return MISSING if difference is None else f"{100 * difference:.1f} points"


def distance_range(interval: Interval) -> str:
    """Format both ends of the interval of a distance in percentage points.

    >>> distance_range({"value": 0.02, "low": 0.0, "high": 0.031})
    '0.0 to 3.1 points'
    """
    if interval["low"] is None or interval["high"] is None:
        return MISSING
    return f"{100 * interval['low']:.1f} to {distance(interval['high'])}"


def decimal(figure: float | None) -> str:
    """Format a figure that is not a share.

    >>> decimal(0.04683)
    '0.047'
    """
    return MISSING if figure is None else f"{figure:.3f}"


def decimal_range(interval: Interval) -> str:
    """Format both ends of the interval of such a figure.

    >>> decimal_range({"value": 0.05, "low": 0.0412, "high": 0.06})
    '0.041 to 0.060'
    """
    if interval["low"] is None or interval["high"] is None:
        return MISSING
    return f"{decimal(interval['low'])} to {decimal(interval['high'])}"


def level(confidence: float) -> str:
    """Format a confidence level.

    >>> level(0.95), level(0.975)
    ('95%', '97.5%')
    """
    return f"{100 * confidence:g}%"


def without_verdict(decision: Mapping[str, Any]) -> str:
    """Return the sentence of a decision without the leading verdict.

    >>> without_verdict({"verdict": "HOLD", "sentence": "HOLD: accuracy 95.0% is a tie."})
    'Accuracy 95.0% is a tie.'
    """
    return f"{sentence(decision['sentence'].removeprefix(decision['verdict'] + ': '))}."


def champion_label(decision: Mapping[str, Any]) -> str:
    """Return the name of the model in the champion's column.

    >>> champion_label({"champion_version": "3", "is_anchored": False})
    'champion (version 3)'
    >>> champion_label({"champion_version": "3", "is_anchored": True})
    'recipe of champion (version 3), retrained'
    """
    champion = f"champion (version {decision['champion_version']})"
    return f"recipe of {champion}, retrained" if decision["is_anchored"] else champion


def baseline_label(metrics: Mapping[str, Any]) -> str:
    """Return the name of the baseline.

    >>> baseline_label({"baseline_name": "crfsuite"})
    'baseline crfsuite'
    """
    return f"baseline {metrics['baseline_name'] or ''}".rstrip()


def baseline_sentence(metrics: Mapping[str, Any]) -> str:
    """Describe the difference between the challenger and the baseline."""
    metric, label = METRIC_NAMES[metrics["metric"]], baseline_label(metrics)
    difference = metrics["baseline_difference"]
    if difference is None:
        return f"No comparison with the {label}: one of the two has no {metric}."
    found = f"({level(metrics['confidence'])} interval {points_range(difference)})"
    if difference["low"] <= 0 <= difference["high"]:
        apart = points(difference["value"])
        return f"This model is not clearly above or below the {label} in {metric}: {apart} {found}."
    side = "above" if difference["value"] > 0 else "below"
    apart = distance(abs(difference["value"]))
    return f"This model is {apart} {side} the {label} in {metric} {found}."


def sentence(text: str) -> str:
    """Return the text with an initial capital and without a final full stop.

    >>> sentence("accepted: 3 sequences.")
    'Accepted: 3 sequences'
    """
    return text[:1].upper() + text[1:].removesuffix(".")


def left_out(metrics: Mapping[str, Any]) -> str:
    """Describe the tokens left out for lack of a gold tag; "" if there are none.

    >>> left_out({"n_untagged": 12}), left_out({"n_untagged": 0})
    ('; 12 tokens without a tag were left out', '')
    """
    n = metrics.get("n_untagged", 0)
    return f"; {plural(n, 'token')} without a tag {'was' if n == 1 else 'were'} left out" if n else ""


def count(number: float | None) -> str:
    """Format a count with thousands separators.

    >>> count(6646)
    '6,646'
    """
    return MISSING if number is None else f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """Format a count with its noun.

    >>> plural(1, "sequence"), plural(2000, "sequence")
    ('1 sequence', '2,000 sequences')
    """
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _signed(difference: float) -> str:
    rounded = f"{100 * difference:+.1f}"
    return "0.0" if rounded in ("+0.0", "-0.0") else rounded.replace("-", "−")  # noqa: RUF001
