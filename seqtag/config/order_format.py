"""Format of an order column: the directives of `strptime` for dates and times."""

from __future__ import annotations

import re
from typing import Literal

NATURAL = "natural"
EPOCH_DIGITS = {"epoch_s": 0, "epoch_ms": 3, "epoch_us": 6, "epoch_ns": 9}  # since 1970, 10**-digits seconds
DIRECTIVES = "YymdejbBhaAHIMSfpz"
_COMPOSITE = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y"}
_SAME = {"y": "Y", "e": "d", "b": "m", "B": "m", "h": "m", "A": "a", "I": "H"}
_WEEKDAYS = "a"  # parsed, but without effect on the order
Cycle = Literal["day", "month", "year"]


def pieces(format_: str) -> list[str]:
    """Split a format into directives, with composite ones expanded, and the text between them.

    >>> pieces("%F at %R")
    ['%Y', '-', '%m', '-', '%d', ' at ', '%H', ':', '%M']
    """
    plain = re.sub(r"%(.)", lambda found: _COMPOSITE.get(found[1], found[0]), format_)
    return [piece for piece in re.split(r"(%.)", plain) if piece]


def cycle_of(format_: str) -> Cycle | None:
    """Return the period after which times of a format repeat; None if they include the year.

    >>> [cycle_of(format_) for format_ in ("%Y-%m-%d", "%b %d %H:%M", "%d %H:%M", "%H:%M")]
    [None, 'year', 'month', 'day']
    """
    found = {_SAME.get(piece[1], piece[1]) for piece in pieces(format_) if re.fullmatch("%[^%]", piece)}
    if "Y" in found:
        return None
    if found & {"m", "j"}:
        return "year"
    return "month" if "d" in found else "day"


def check_order_format(format_: str) -> str:
    """Return a format that can order times unchanged.

    Raises:
        ValueError: the format has an unknown, repeated or incomplete directive, or no date and no time.
    """
    if format_ == NATURAL or format_ in EPOCH_DIGITS:
        return format_
    found = [piece[1] for piece in pieces(format_) if re.fullmatch("%[^%]", piece)]
    unknown = [directive for directive in found if directive not in DIRECTIVES]
    if unknown or re.search(r"(?<!%)(%%)*%$", format_):
        raise ValueError(
            f"order_format has an unknown directive, '%{unknown[0] if unknown else ''}': "
            f'expected "{NATURAL}", {", ".join(EPOCH_DIGITS)} or %{", %".join([*DIRECTIVES, *_COMPOSITE])}'
        )
    meant = [_SAME.get(directive, directive) for directive in found]
    twice = sorted({directive for directive in meant if meant.count(directive) > 1})
    if twice:
        raise ValueError(
            f"order_format repeats a directive: got {format_!r}, with %{twice[0]} or an equivalent twice"
        )
    if not set(meant) - set(_WEEKDAYS + "pz"):
        raise ValueError(
            f"order_format has no date and no time: expected one such as '%Y-%m-%d', got {format_!r}"
        )
    if ("I" in found) != ("p" in found):
        raise ValueError(
            f"order_format needs %I and %p together: got {format_!r}; use %H for hours from 0 to 23"
        )
    if "f" in found and "S" not in found:
        raise ValueError(f"order_format has %f without %S: got {format_!r}")
    return format_
