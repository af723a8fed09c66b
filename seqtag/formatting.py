"""Numbers and names as people read them: percent, points, intervals, counts, metrics, and safe text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

METRIC_NAMES: Mapping[str, str] = {"accuracy": "token accuracy", "span_f1": "span F1"}
MISSING = "–"  # noqa: RUF001 - an en dash


class Range(Protocol):
    """Both ends of an interval; None if it is undefined."""

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


class Estimate(Range, Protocol):
    """A value with its interval, such as `seqtag.evaluation.Interval`; None if it is undefined."""

    @property
    def value(self) -> float | None: ...


def short_name(metric: str) -> str:
    """Return the name of a metric for a sentence that leaves no doubt about what is counted.

    >>> short_name("accuracy"), short_name("span_f1")
    ('accuracy', 'span F1')
    """
    return METRIC_NAMES[metric].removeprefix("token ")


def percent(fraction: float | None) -> str:
    """Format a fraction as percent.

    >>> percent(0.95683)
    '95.7%'
    """
    return MISSING if fraction is None else f"{fraction:.1%}"


def percent_range(interval: Range) -> str:
    """Format both ends of an interval as percent.

    >>> from types import SimpleNamespace
    >>> percent_range(SimpleNamespace(low=0.9412, high=0.96))
    '94.1 to 96.0%'
    """
    return _both_ends(interval, _hundredfold, "%")


def with_range(interval: Estimate | None) -> str:
    """Format a fraction with its interval as percent.

    >>> from types import SimpleNamespace
    >>> with_range(SimpleNamespace(value=0.95, low=0.9412, high=0.96))
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

    >>> from types import SimpleNamespace
    >>> points_range(SimpleNamespace(low=-0.002, high=0.022))
    '−0.2 to +2.2 points'
    """  # noqa: RUF002 - a real minus sign
    return _both_ends(interval, _signed, " points")


def fine_points(difference: float) -> str:
    """Format a difference of two fractions in signed hundredths of a percentage point, without the unit.

    >>> fine_points(0.0123), fine_points(-0.2)
    ('+1.23', '-20.00')
    """
    return f"{100 * difference:+.2f}"


def distance(difference: float | None) -> str:
    """Format the distance of two fractions in percentage points.

    >>> distance(0.0213)
    '2.1 points'
    """
    return MISSING if difference is None else f"{_hundredfold(difference)} points"


def distance_range(interval: Range) -> str:
    """Format both ends of the interval of a distance in percentage points.

    >>> from types import SimpleNamespace
    >>> distance_range(SimpleNamespace(low=0.0, high=0.031))
    '0.0 to 3.1 points'
    """
    return _both_ends(interval, _hundredfold, " points")


def decimal(figure: float | None) -> str:
    """Format a figure that is not a share.

    >>> decimal(0.04683)
    '0.047'
    """
    return MISSING if figure is None else f"{figure:.3f}"


def decimal_range(interval: Range) -> str:
    """Format both ends of the interval of such a figure.

    >>> from types import SimpleNamespace
    >>> decimal_range(SimpleNamespace(low=0.0412, high=0.06))
    '0.041 to 0.060'
    """
    return _both_ends(interval, decimal, "")


def level(confidence: float) -> str:
    """Format a confidence level.

    >>> level(0.95), level(0.975)
    ('95%', '97.5%')
    """
    return f"{100 * confidence:g}%"


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


def sentence(text: str) -> str:
    """Return the text with an initial capital and without a final full stop.

    >>> sentence("accepted: 3 sequences.")
    'Accepted: 3 sequences'
    """
    return text[:1].upper() + text[1:].removesuffix(".")


def without_verdict(text: str, verdict: str) -> str:
    """Return the sentence of a decision without the leading verdict.

    >>> without_verdict("HOLD: accuracy 95.0% is a tie.", "HOLD")
    'Accuracy 95.0% is a tie.'
    """
    return f"{sentence(text.removeprefix(f'{verdict}: '))}."


def first_line(error: BaseException) -> str:
    r"""Return the first line of an error's message that is not blank, its class if there is none.

    >>> first_line(ValueError("\n  3 errors\nfirst ...")), first_line(ValueError())
    ('3 errors', 'ValueError')
    """
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)


def shortened(text: str, longest: int) -> str:
    """Cut text of more than `longest` characters.

    >>> shortened("view_item", 5)
    'view…'
    """
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def printable(text: str, substitute: str = " ") -> str:
    r"""Replace control characters, which could move a terminal's cursor or hide text.

    >>> printable("a\x1b[2J")
    'a [2J'
    """
    return "".join(c if c.isprintable() else substitute for c in text)


def escaped(text: str) -> str:
    r"""Escape the characters that `printable` replaces.

    >>> escaped("a\tb")
    'a\\tb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def _both_ends(interval: Range, number: Callable[[float], str], unit: str) -> str:
    if interval.low is None or interval.high is None:
        return MISSING
    return f"{number(interval.low)} to {number(interval.high)}{unit}"


def _hundredfold(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _signed(difference: float) -> str:
    rounded = f"{100 * difference:+.1f}"
    return "0.0" if rounded in ("+0.0", "-0.0") else rounded.replace("-", "−")  # noqa: RUF001
