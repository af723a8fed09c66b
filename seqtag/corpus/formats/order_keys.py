"""Sort keys of an order column: exact numbers, seconds, or text in natural order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.order_format import EPOCH_DIGITS, NATURAL, Cycle, cycle_of
from seqtag.corpus.formats.timestamps import (
    EXACT,
    INSTANT,
    LOCAL_TIME,
    TIME_OF_DAY,
    iso_seconds,
    pattern_of,
    scaled,
    seconds,
)

_DIGITS = 37  # of an exact number, before and after the decimal point each
_PLAIN = rf"^[+-]?([0-9]{{1,{_DIGITS}}}(\.[0-9]{{0,{_DIGITS}}})?|\.[0-9]{{1,{_DIGITS}}})$"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_POWER = r"^[+-]?(?P<whole>[0-9]*)(?:\.(?P<rest>[0-9]*))?[eE](?P<power>[+-]?[0-9]{1,3})$"
_RUN_DIGITS = 20  # of a number within a text in natural order


@dataclass(frozen=True)
class Kind:
    """A kind of order values that can be compared with each other.

    Attributes:
        name: in messages, such as "a number".
        keys: function from cells to keys, null for cells of another kind.
        key_type: EXACT, float64 or string.
        is_time: whether the keys are seconds.
        cycle: the period after which the keys restart; None if they never do.
        guessed: whether the kind is inferred from the first cell, so that a cell of another kind refutes it.
    """

    name: str
    keys: Callable[[pa.Array], pa.Array]
    key_type: pa.DataType = EXACT
    is_time: bool = False
    cycle: Cycle | None = None
    guessed: bool = False


def declared_kind(order_format: str) -> Kind:
    """Return the kind of text that a format declares."""
    if order_format == NATURAL:
        return Kind("text in natural order", natural_keys, pa.string())
    if order_format in EPOCH_DIGITS:
        return _epoch(order_format, EPOCH_DIGITS[order_format])
    pattern = pattern_of(order_format)
    return Kind(
        f"a time in the format {order_format!r}",
        lambda texts: seconds(texts, pattern),
        is_time=True,
        cycle=cycle_of(order_format),
    )


def kind_of_text(text: str) -> Kind | None:
    """Return the kind of a text, None if it is ambiguous.

    >>> [kind_of_text(text).name for text in ("-1.5", "2026-11-30", "09:30", "t10")]
    ['a number', 'an ISO 8601 time without a zone', 'a time of day', "a number after 't'"]
    >>> kind_of_text("09:30 AM") is None
    True
    """
    if re.fullmatch(_NUMBER, text):
        return NUMBER
    for kind, pattern in _ISO_KINDS:
        if re.fullmatch(pattern, text):
            return kind
    numbered = re.fullmatch(f"([^0-9]+)[0-9]{{1,{_DIGITS}}}", text)
    return _numbered(numbered[1]) if numbered else None


def kind_of_type(type_: pa.DataType) -> Kind | None:
    """Return the kind of the values of an Arrow type other than text, None if they cannot be sorted."""
    types = pa.types
    if types.is_integer(type_) or types.is_decimal(type_):
        return Kind(NUMBER.name, lambda values: pc.cast(values, EXACT))
    if types.is_floating(type_):
        return Kind("a finite number", _finite, pa.float64())
    if types.is_timestamp(type_):
        kind = _LOCAL_TIME if type_.tz is None else _INSTANT
        return Kind(kind.name, lambda values: scaled(values, _UNITS[type_.unit]), is_time=True)
    if types.is_date(type_):
        return Kind(
            _LOCAL_TIME.name, lambda values: scaled(pc.cast(values, pa.timestamp("ms")), 3), is_time=True
        )
    if types.is_time(type_) or types.is_duration(type_):
        name = "a duration" if types.is_duration(type_) else _TIME_OF_DAY.name
        cycle: Cycle | None = "day" if types.is_time(type_) else None
        return Kind(name, lambda values: scaled(values, _UNITS[type_.unit]), is_time=True, cycle=cycle)
    return None


def key_type_of(type_: pa.DataType) -> pa.DataType:
    """Return the type of the keys for an Arrow type, even if all cells are empty."""
    kind = kind_of_type(type_)
    return EXACT if kind is None else kind.key_type


def natural_keys(texts: pa.StringArray) -> pa.StringArray:
    """Return keys that sort texts in natural order, in which each run of digits is a number.

    The key is null if a number has more than 20 digits.

    >>> sorted(["t10", "t9", "s.2.b", "s.10"], key=lambda text: natural_keys(pa.array([text]))[0].as_py())
    ['s.2.b', 's.10', 't9', 't10']
    """
    too_long = pc.match_substring_regex(texts, f"[1-9][0-9]{{{_RUN_DIGITS}}}")
    texts = pc.if_else(too_long, None, texts)
    padded = pc.replace_substring_regex(texts, "([0-9]+)", "0" * _RUN_DIGITS + r"\1")
    return pc.replace_substring_regex(padded, f"0*([0-9]{{{_RUN_DIGITS},}}?)([^0-9]|$)", r"\1\2")


def _numbers(texts: pa.StringArray) -> pa.Array:
    plain = pc.match_substring_regex(texts, _PLAIN)
    if pc.all(pc.fill_null(plain, True)).as_py():
        return pc.cast(texts, EXACT)
    return pc.cast(pc.if_else(pc.or_(plain, _fitting_powers(texts)), texts, None), EXACT)


def _fitting_powers(texts: pa.StringArray) -> pa.BooleanArray:
    """Return a mask of the texts that are numbers with an exponent and fit into EXACT."""
    found = pc.extract_regex(texts, pattern=_POWER)
    of = dict(zip([field.name for field in found.type], found.flatten(), strict=True))
    power = pc.fill_null(pc.cast(pc.utf8_ltrim(of["power"], "+"), pa.int64()), 0).to_numpy()
    before, behind = (pc.fill_null(pc.binary_length(of[n]), 0).to_numpy() for n in ("whole", "rest"))
    fits = (before + behind > 0) & (before + np.maximum(power, 0) <= _DIGITS)
    fits &= behind + np.maximum(-power, 0) <= _DIGITS
    return pc.and_(pa.array(fits), found.is_valid())


def _finite(values: pa.Array) -> pa.Array:
    values = pc.cast(values, pa.float64())
    return pc.if_else(pc.is_finite(values), values, None)


def _numbered(prefix: str) -> Kind:
    pattern = f"^{re.escape(prefix)}(?P<number>[0-9]{{1,{_DIGITS}}})$"

    def keys(texts: pa.StringArray) -> pa.Array:
        return pc.cast(pc.struct_field(pc.extract_regex(texts, pattern=pattern), "number"), EXACT)

    return Kind(f"a number after {prefix!r}", keys, guessed=True)


def _epoch(order_format: str, digits: int) -> Kind:
    def keys(texts: pa.StringArray) -> pa.Array:
        return _numbers(pc.binary_join_element_wise(texts, f"e-{digits}", "") if digits else texts)

    return Kind(f"a number, as order_format = {order_format!r} says", keys, is_time=True)


def _iso_kind(name: str, pattern: str, *, cycle: Cycle | None = None) -> Kind:
    return Kind(name, lambda texts: iso_seconds(texts, pattern), is_time=True, cycle=cycle)


_UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
NUMBER = Kind("a number", _numbers)
_LOCAL_TIME = _iso_kind("an ISO 8601 time without a zone", LOCAL_TIME)
_INSTANT = _iso_kind("an ISO 8601 time with a zone", INSTANT)
_TIME_OF_DAY = _iso_kind("a time of day", TIME_OF_DAY, cycle="day")
_ISO_KINDS = ((_LOCAL_TIME, LOCAL_TIME), (_INSTANT, INSTANT), (_TIME_OF_DAY, TIME_OF_DAY))
