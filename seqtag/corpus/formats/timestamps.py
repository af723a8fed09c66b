"""Conversion of dates and times in text to exact seconds: ISO 8601 and declared formats."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.order_format import pieces
from seqtag.corpus.text_blocks import Positions
from seqtag.io.arrays import mask_of

EXACT = pa.decimal256(75, 37)  # type of exact sort keys, with room for a difference of two
_FRACTION_DIGITS = 37
_DAY = 86_400  # seconds

_DATE = "(?P<Y>[0-9]{4})-?(?P<m>[0-9]{2})-?(?P<d>[0-9]{2})"
_FRACTION = "(?:[.,](?P<f>[0-9]+))?"
_TIME = f"(?P<H>[0-9]{{2}})(?::?(?P<M>[0-9]{{2}})(?::?(?P<S>[0-9]{{2}}){_FRACTION})?)?"
_ZONE = "Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?"
# ISO 8601, also with a blank in place of T. Arrow parses a subset of it faster.
LOCAL_TIME = f"{_DATE}(?:[Tt ]{_TIME})?"
INSTANT = f"{_DATE}[Tt ]{_TIME} ?(?P<z>{_ZONE})"
TIME_OF_DAY = f"(?P<H>[0-9]{{2}}):(?P<M>[0-9]{{2}})(?::(?P<S>[0-9]{{2}}){_FRACTION})?"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PATTERNS: Mapping[str, str] = {
    "Y": "(?P<Y>[0-9]{4})",
    "y": "(?P<y>[0-9]{2})",
    "m": "(?P<m>[0-9]{1,2})",
    "d": "(?P<d>[0-9]{1,2})",
    "e": " ?(?P<d>[0-9]{1,2})",
    "j": "(?P<j>[0-9]{1,3})",
    **dict.fromkeys("bBh", "(?P<b>[A-Za-z]{3,9})[.]?"),
    **dict.fromkeys("aA", "[A-Za-z]+[.]?"),
    "H": "(?P<H>[0-9]{1,2})",
    "I": "(?P<I>[0-9]{1,2})",
    "M": "(?P<M>[0-9]{1,2})",
    "S": "(?P<S>[0-9]{1,2})",
    "f": "(?P<f>[0-9]+)",
    "p": "(?P<p>[AaPp])[.]?[Mm][.]?",
    "z": f"(?P<z>{_ZONE})",
    "%": "%",
}


def pattern_of(format_: str) -> str:
    """Return the regular expression of a format that `check_order_format` has accepted."""
    return "".join(_PATTERNS[p[1]] if len(p) == 2 and p[0] == "%" else re.escape(p) for p in pieces(format_))


def iso_seconds(texts: pa.StringArray, pattern: str) -> pa.Array:
    """Return `seconds` for one of the patterns of ISO 8601, parsed by Arrow if possible."""
    if pattern == TIME_OF_DAY:
        return seconds(texts, pattern)
    try:
        return scaled(pc.cast(texts, pa.timestamp("ns", "UTC" if pattern == INSTANT else None)), 9)
    except pa.ArrowInvalid:  # such as another text, a decimal comma, picoseconds, the year 1600
        return seconds(texts, pattern)


def scaled(times: pa.Array, digits: int) -> pa.Array:
    """Return `<EXACT>[n]` seconds of times whose unit is 10**-digits seconds."""
    counts = pc.cast(times, pa.int64()) if times.type.bit_width == 64 else pc.cast(times, pa.int32())
    values = pc.fill_null(pc.cast(counts, pa.int64()), 0).to_numpy()
    words = np.stack([values, values >> 63], axis=1)  # 128 bits, the sign in all of the upper half
    exact = pa.Array.from_buffers(pa.decimal128(38, digits), len(values), [None, pa.py_buffer(words)])
    return pc.if_else(times.is_valid(), pc.cast(exact, EXACT), pa.scalar(None, EXACT))


def seconds(texts: pa.StringArray, pattern: str) -> pa.Array:
    """Return `<EXACT>[n]`, the seconds since 1970 or since midnight; null where a text is not a time.

    Args:
        pattern: regular expression with a group for each directive of `strptime`. Times without a zone are
            taken as UTC.
    """
    found = pc.extract_regex(texts, pattern=f"^(?:{pattern})$")
    parts = dict(zip([field.name for field in found.type], found.flatten(), strict=True))
    valid = mask_of(found.is_valid())
    days, is_day = _days(parts, len(texts))
    of_day, is_time = _seconds_of_day(parts, len(texts))
    valid = valid & is_day & is_time
    whole = pa.array(days * _DAY + of_day - _offset(parts, len(texts)), mask=~valid)
    whole = pc.cast(whole, pa.decimal256(19, 0))
    if "f" not in parts or not pc.any(pc.not_equal(parts["f"], "")).as_py():
        return pc.cast(whole, EXACT)
    digits = pc.utf8_rtrim(parts["f"], "0")
    fits = pc.less_equal(pc.binary_length(digits), _FRACTION_DIGITS)
    fraction = pc.if_else(fits, pc.binary_join_element_wise("0.", digits, "0", ""), None)
    fraction = pc.cast(fraction, pa.decimal256(_FRACTION_DIGITS + 2, _FRACTION_DIGITS + 1))
    return pc.cast(pc.add(whole, fraction), EXACT)


def _number(parts: Mapping[str, pa.StringArray], name: str, n: int, absent: int) -> Positions:
    """Return a group as numbers, `absent` where the group or the whole text did not match."""
    if name not in parts:
        return np.full(n, absent, np.int64)
    texts = pc.if_else(pc.equal(parts[name], ""), None, parts[name])
    return pc.fill_null(pc.cast(texts, pa.int64()), absent).to_numpy()


def _days(parts: Mapping[str, pa.StringArray], n: int) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Return the days since 1970, and a mask of dates that exist."""
    if not parts.keys() & {"Y", "y", "m", "b", "d", "j"}:
        return np.zeros(n, np.int64), np.ones(n, np.bool_)
    year = _number(parts, "Y", n, 1970)
    if "y" in parts:
        short = _number(parts, "y", n, 70)
        year = short + np.where(short < 69, 2000, 1900)  # as in POSIX
    month = _number(parts, "m", n, 1)
    if "b" in parts:
        name = pc.utf8_slice_codeunits(pc.ascii_lower(parts["b"]), 0, 3)
        month = pc.fill_null(pc.index_in(name, pa.array(_MONTHS)), -1).to_numpy().astype(np.int64) + 1
    day = _number(parts, "d", n, 1)
    in_year = (month >= 1) & (month <= 12)
    months = ((year - 1970) * 12 + np.where(in_year, month, 1) - 1).astype("datetime64[M]")
    first, last = (m.astype("datetime64[D]").astype(np.int64) for m in (months, months + 1))
    valid = in_year & (day >= 1) & (day <= last - first)
    days = first + day - 1
    if "j" in parts:
        number = _number(parts, "j", n, 1)
        january = (year - 1970).astype("datetime64[Y]")
        first, last = (y.astype("datetime64[D]").astype(np.int64) for y in (january, january + 1))
        valid, days = (number >= 1) & (number <= last - first), first + number - 1
    return days, valid


def _seconds_of_day(parts: Mapping[str, pa.StringArray], n: int) -> tuple[Positions, npt.NDArray[np.bool_]]:
    """Return the seconds since midnight, and a mask of times that exist, including 24:00 and leap seconds."""
    hour = _number(parts, "H", n, 0)
    minute, second = _number(parts, "M", n, 0), _number(parts, "S", n, 0)
    valid = (minute < 60) & (second <= 60) & ((hour < 24) | ((hour == 24) & (minute + second == 0)))
    if "I" in parts:
        hour = _number(parts, "I", n, 12)
        valid = valid & (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * mask_of(pc.equal(pc.ascii_lower(parts["p"]), "p"))
    return hour * 3600 + minute * 60 + second, valid


def _offset(parts: Mapping[str, pa.StringArray], n: int) -> Positions:
    """Return the UTC offset of a zone in seconds."""
    if "z" not in parts:
        return np.zeros(n, np.int64)
    found = pc.extract_regex(parts["z"], pattern="^(?P<sign>[+-])(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})?$")
    of = dict(zip([field.name for field in found.type], found.flatten(), strict=True))
    size = _number(of, "hour", n, 0) * 3600 + _number(of, "minute", n, 0) * 60
    behind = mask_of(pc.equal(of["sign"], "-"))
    return np.where(behind, -size, size)
