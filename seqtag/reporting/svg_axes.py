"""Axes of the plots drawn in the page itself: ticks and positions of values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from seqtag.formatting import Estimate

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5)
_MOST_TICKS = 6
_NARROWEST = 0.1  # width of an axis for fractions; a narrower one would make noise look like a difference


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`; `ticks` are the labelled values, including both ends."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> str:
        """Return the position of a value as an SVG length, clipped to the axis.

        >>> Axis(0.5, 1.0, (0.5, 1.0)).at(0.75)
        '50.00%'
        """
        share = (value - self.low) / (self.high - self.low)
        return f"{min(1.0, max(0.0, share)):.2%}"


def share_axis(intervals: Iterable[Estimate], *also: float) -> Axis:
    """Return an axis for fractions in [0, 1], as narrow as the intervals and the values `also` allow."""
    numbers = _numbers(intervals, also)
    missing = max(0.0, _NARROWEST - (max(numbers) - min(numbers)))
    axis = difference_axis([], max(0.0, min(numbers) - missing / 2), min(1.0, max(numbers) + missing / 2))
    ticks = tuple(tick for tick in axis.ticks if -1e-9 <= tick <= 1 + 1e-9)
    return Axis(ticks[0], ticks[-1], ticks) if len(ticks) > 1 else Axis(0.0, 1.0, (0.0, 0.5, 1.0))


def difference_axis(intervals: Iterable[Estimate], *also: float) -> Axis:
    """Return an axis that contains the intervals and the values `also`."""
    numbers = _numbers(intervals, also)
    low, high = min(numbers), max(numbers)
    step = next((s for s in _STEPS if _n_ticks(low, high, s) <= _MOST_TICKS), 1.0)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    ticks = tuple(round(n * step, 6) for n in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def _n_ticks(low: float, high: float, step: float) -> int:
    return math.ceil(high / step - 1e-9) - math.floor(low / step + 1e-9) + 1


def _numbers(intervals: Iterable[Estimate], also: Iterable[float]) -> list[float]:
    ends = [end for of in intervals for end in (of.value, of.low, of.high)]
    return [number for number in (*ends, *also) if number is not None] or [0.0, 1.0]
