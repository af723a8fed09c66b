"""Validation of five-field cron expressions, equivalent to that of Prefect's scheduler.

Prefect 3.8.8 has a private copy of croniter, and seqtag does not import Prefect. A test of the flows
compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_LAST = "l"  # the last day of a month; l5: the last Friday
_STEP = re.compile(r"0*[1-9][0-9]*")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # maximum per month


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int | None:
        """Return the number of a digit string or name, None if it is not valid for this field."""
        number = self.names.get(text, int(text) if re.fullmatch("[0-9]{1,9}", text) else None)
        return number if number is not None and self.low <= number <= self.high else None


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    _Field("day of the week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
_DAY, _MONTH, _WEEKDAY = _FIELDS[2:]
_NTH = re.compile(rf"l[0-7]|([0-7]|({'|'.join(_WEEKDAYS)})(-({'|'.join(_WEEKDAYS)}))?)#[1-5]")


def checked_cron(text: str) -> str:
    """Return a valid cron expression unchanged.

    Raises:
        ValueError: it does not have five fields, a field is invalid, or no day ever matches.

    >>> checked_cron("30 4 * * mon-fri")
    '30 4 * * mon-fri'
    >>> checked_cron("0 2 * *")
    Traceback (most recent call last):
    ...
    ValueError: cron expression has 4 fields: expected minute, hour, day of the month, month and day of the \
week, such as "0 2 * * *" for 02:00 every day, got '0 2 * *'
    """
    if text.lower() in _ALIASES:
        return text
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"cron expression has {len(parts)} fields: expected minute, hour, day of the month, month and "
            f'day of the week, such as "0 2 * * *" for 02:00 every day, got {text!r}'
        )
    _, _, days, months, _ = (_values(part, of, text) for part, of in zip(parts, _FIELDS, strict=True))
    every_weekday = parts[-1] in ("*", "?")
    if every_weekday and days and not any(day <= _DAYS[month - 1] for month in months for day in days):
        raise ValueError(f"cron expression never matches a day: got {text!r}; correct the day or the month")
    return text


def _values(part: str, of: _Field, text: str) -> set[int]:
    """Return the numbers that a field matches; empty if they depend on the month."""
    if part == "?" and of in (_DAY, _WEEKDAY):
        return set(range(of.low, of.high + 1))
    each = part.split(",")
    nth = [one for one in each if of is _WEEKDAY and _NTH.fullmatch(one)]
    if nth and len(nth) < len(each):
        raise ValueError(
            f"cron expression mixes {nth[0]!r} with other weekdays: expected only one of the two notations, "
            f"got {text!r}"
        )
    if nth or (of is _DAY and _LAST in each):
        each = [one for one in each if one != _LAST and one not in nth]
        for one in each:
            _range(one, of, text)
        return set()
    return {number for one in each for number in _range(one, of, text)}


def _range(one: str, of: _Field, text: str) -> set[int]:
    """Return the numbers of one comma-separated part: `*`, `5`, `mon-fri`, `*/10` or `10-50/20`."""
    span, slash, step = one.partition("/")
    first, dash, last = span.partition("-")
    low = of.low if span == "*" else of.number(first)
    high = of.high if span == "*" or (slash and not dash) else of.number(last if dash else first)
    if low is None or high is None or (slash and not _STEP.fullmatch(step)):
        names = f" or {next(iter(of.names))}, ..." if of.names else ""
        raise ValueError(
            f"cron expression has an invalid {of.name}: expected numbers from {of.low} to {of.high}{names}, "
            f"ranges such as {of.low}-{of.high} or steps such as */2, got {one!r} in {text!r}"
        )
    everything = range(of.low, of.high + 1)
    if low == high and (dash or slash):  # croniter reads it as the whole cycle
        return set(everything[:: int(step or 1)])
    cycle = everything if low <= high else [*range(low, of.high + 1), *range(of.low, high + 1)]
    start = cycle.index(low)
    return set(cycle[start : None if low > high else cycle.index(high) + 1 : int(step or 1)])
