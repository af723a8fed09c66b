"""Values of further columns of tokens: aligned with the tokens, and text as numbers and seconds."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.token_columns import CategoryColumn, NumberColumn, ReadColumn, SetColumn, TimeColumn
from seqtag.corpus.formats.order_keys import declared_kind
from seqtag.corpus.formats.timestamps import INSTANT, LOCAL_TIME, iso_seconds
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.io.arrays import mask_of
from seqtag.tagging.ragged import flatten, relist, sequence_numbers

_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NAN = r"^[+-]?(?i:nan)$"  # a missing number, as some programs write it


def numbers(texts: pa.StringArray) -> npt.NDArray[np.float64]:
    """Return `<float64>[n]`, NaN where a text is null or is no finite number.

    >>> numbers(pa.array(["1.5", None, "-2e3", "inf", "1,5"])).tolist()
    [1.5, nan, -2000.0, nan, nan]
    """
    plain = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    found = pc.cast(pc.if_else(plain, texts, None), pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(found), found, np.nan)


def seconds(texts: pa.StringArray, format_: str | None) -> npt.NDArray[np.float64]:
    """Return `<float64>[n]` seconds since 1970, NaN where a text is null or is no such time.

    Args:
        format_: as `order_format` of a source; None for ISO 8601. Times without a zone are UTC.
    """
    if format_ is not None:
        exact = declared_kind(format_).keys(texts)
    else:
        exact = pc.coalesce(iso_seconds(texts, INSTANT), iso_seconds(texts, LOCAL_TIME))
    found: npt.NDArray[np.float64] = pc.cast(exact, pa.float64()).to_numpy(zero_copy_only=False)
    return found


def counted_names(
    texts: pa.StringArray, column: CategoryColumn | SetColumn
) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
    """Return the values of a category, or the members of sets, and how often each occurs; some may repeat.

    >>> names, counts = counted_names(pa.array(["a|b", None, "a", "a|b"]), SetColumn(name="x", kind="set"))
    >>> names.to_pylist(), counts.tolist()
    (['a', 'b', 'a'], [2, 2, 1])
    """
    coded = pc.dictionary_encode(texts)
    times = np.bincount(coded.indices.drop_null().to_numpy(), minlength=len(coded.dictionary))
    if isinstance(column, CategoryColumn):
        return coded.dictionary, times
    members, starts = flatten(set_members(coded.dictionary, column.separator))
    return members, np.repeat(times, np.diff(starts))


def set_members(texts: pa.StringArray, separator: str) -> pa.ListArray:
    """Return the members of each set, without whitespace around them; a null set stays null.

    >>> set_members(pa.array(["b | a", "c", None]), "|").to_pylist()
    [['b', 'a'], ['c'], None]
    """
    sets = pc.split_pattern(texts, separator)
    members, starts = flatten(sets)
    return relist(pc.utf8_trim(members, WHITE_SPACE), starts, like=sets)


def is_parsed(column: ReadColumn) -> TypeGuard[NumberColumn | TimeColumn]:
    """Return whether the values of a column are numbers or times, which not every text is."""
    return isinstance(column, NumberColumn | TimeColumn)


def invalid_values(texts: pa.StringArray, column: NumberColumn | TimeColumn) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n]`, True where a value is there, but is no number or time as the column declares.

    A number may be `nan`, which is missing.

    >>> invalid_values(pa.array(["1", "NaN", None, "1,5"]), NumberColumn(name="x", kind="number")).tolist()
    [False, False, False, True]
    """
    if isinstance(column, TimeColumn):
        return mask_of(texts.is_valid()) & np.isnan(seconds(texts, column.format))
    return mask_of(number_texts(texts).is_valid()) & np.isnan(numbers(texts))


def number_texts(texts: pa.StringArray) -> pa.StringArray:
    """Return the values of a column of numbers, null also where one is `nan`."""
    return pc.if_else(pc.match_substring_regex(texts, _NAN), None, texts)


def token_values(lists: pa.ListArray | None, offsets: npt.NDArray[np.int64]) -> pa.StringArray:
    """Return the values of concatenated sequences, null for the tokens of a sequence without a list.

    Args:
        lists: `list<string>`, as long as the tokens of each sequence, or null; None if all are null.
        offsets: `<int64>[n_sequences + 1]`, start of each sequence among the tokens.
    """
    n = int(offsets[-1])
    if lists is None:
        return pa.nulls(n, pa.string())
    values, starts = flatten(lists)
    if len(values) == n:
        return values.cast(pa.string())
    owner = sequence_numbers(offsets)
    positions = np.arange(n) - offsets[owner] + starts[owner]
    missing = np.diff(starts)[owner] == 0
    return values.cast(pa.string()).take(pa.array(positions, mask=missing))
