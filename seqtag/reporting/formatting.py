"""Format fractions as percent, and the names of metrics and models.

All percentages in reports are formatted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from seqtag.config import Metric
from seqtag.evaluation import Interval, Metrics

METRIC_NAMES: Mapping[Metric, str] = {"accuracy": "token accuracy", "span_f1": "span F1"}
MISSING = "–"  # noqa: RUF001 - an en dash


class Range(Protocol):
    """Both ends of an interval; None if it is undefined."""

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


def percent(fraction: float | None) -> str:
    """Format a fraction as percent.

    >>> percent(0.95683)
    '95.7%'
    """
    return MISSING if fraction is None else f"{100 * fraction:.1f}%"


def percent_range(interval: Range) -> str:
    """Format both ends of an interval as percent.

    >>> percent_range(Interval(0.95, 0.9412, 0.96, support=100, documents=8))
    '94.1 to 96.0%'
    """
    if interval.low is None or interval.high is None:
        return MISSING
    return f"{100 * interval.low:.1f} to {percent(interval.high)}"


def with_range(interval: Interval | None) -> str:
    """Format a fraction with its interval as percent.

    >>> with_range(Interval(0.95, 0.9412, 0.96, support=100, documents=8))
    '95.0% (94.1 to 96.0%)'
    """
    if interval is None or interval.value is None:
        return MISSING
    return f"{percent(interval.value)} ({percent_range(interval)})"


def points(difference: float | None) -> str:
    """Format a difference of two fractions in signed percentage points.

    >>> points(-0.0123)
    '−1.2 points'
    """  # noqa: RUF002 - a real minus sign
    return MISSING if difference is None else f"{_signed(difference)} points"


def points_range(interval: Range) -> str:
    """Format both ends of the interval of a difference in percentage points.

    >>> points_range(Interval(0.01, -0.002, 0.022, support=100, documents=8))
    '−0.2 to +2.2 points'
    """  # noqa: RUF002 - a real minus sign
    if interval.low is None or interval.high is None:
        return MISSING
    return f"{_signed(interval.low)} to {points(interval.high)}"


def distance(difference: float | None) -> str:
    """Format the distance of two fractions in percentage points.

    >>> distance(0.0213)
    '2.1 points'
    """
    return MISSING if difference is None else f"{100 * difference:.1f} points"


def distance_range(interval: Range) -> str:
    """Format both ends of the interval of a distance in percentage points.

    >>> distance_range(Interval(0.02, 0.0, 0.031, support=100, documents=8))
    '0.0 to 3.1 points'
    """
    if interval.low is None or interval.high is None:
        return MISSING
    return f"{100 * interval.low:.1f} to {distance(interval.high)}"


def decimal(figure: float | None) -> str:
    """Format a figure that is not a share.

    >>> decimal(0.04683)
    '0.047'
    """
    return MISSING if figure is None else f"{figure:.3f}"


def decimal_range(interval: Range) -> str:
    """Format both ends of the interval of such a figure.

    >>> decimal_range(Interval(0.05, 0.0412, 0.06, support=100, documents=8))
    '0.041 to 0.060'
    """
    if interval.low is None or interval.high is None:
        return MISSING
    return f"{decimal(interval.low)} to {decimal(interval.high)}"


def level(confidence: float) -> str:
    """Format a confidence level.

    >>> level(0.95), level(0.975)
    ('95%', '97.5%')
    """
    return f"{100 * confidence:g}%"


def without_verdict(text: str, verdict: str) -> str:
    """Return the sentence of a decision without the leading verdict.

    >>> without_verdict("HOLD: accuracy 95.0% is a tie.", "HOLD")
    'Accuracy 95.0% is a tie.'
    """
    return f"{sentence(text.removeprefix(f'{verdict}: '))}."


def champion_label(version: str | None, *, is_anchored: bool) -> str:
    """Return the name of the model in the champion's column.

    Args:
        is_anchored: as `Decision.is_anchored`.

    >>> champion_label("3", is_anchored=False)
    'champion (version 3)'
    >>> champion_label("3", is_anchored=True)
    'recipe of champion (version 3), retrained'
    """
    champion = f"champion (version {version})"
    return f"recipe of {champion}, retrained" if is_anchored else champion


def baseline_label(name: str | None) -> str:
    """Return the name of the baseline.

    >>> baseline_label("crfsuite")
    'baseline crfsuite'
    """
    return f"baseline {name or ''}".rstrip()


def baseline_sentence(metrics: Metrics) -> str:
    """Describe the difference between the challenger and the baseline."""
    metric, label = METRIC_NAMES[metrics.metric], baseline_label(metrics.baseline_name)
    difference = metrics.baseline_difference
    if difference is None or difference.value is None or difference.low is None or difference.high is None:
        return f"No comparison with the {label}: one of the two has no {metric}."
    found = f"({level(metrics.confidence)} interval {points_range(difference)})"
    if difference.low <= 0 <= difference.high:
        apart = points(difference.value)
        return f"This model is not clearly above or below the {label} in {metric}: {apart} {found}."
    side = "above" if difference.value > 0 else "below"
    apart = distance(abs(difference.value))
    return f"This model is {apart} {side} the {label} in {metric} {found}."


def sentence(text: str) -> str:
    """Return the text with an initial capital and without a final full stop.

    >>> sentence("accepted: 3 sequences.")
    'Accepted: 3 sequences'
    """
    return text[:1].upper() + text[1:].removesuffix(".")


def left_out(n_untagged: int) -> str:
    """Describe the tokens left out for lack of a gold tag; "" if there are none.

    >>> left_out(12), left_out(0)
    ('; 12 tokens without a tag were left out', '')
    """
    if not n_untagged:
        return ""
    return f"; {plural(n_untagged, 'token')} without a tag {'was' if n_untagged == 1 else 'were'} left out"


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
