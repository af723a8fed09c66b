"""Values of further columns of tokens: the same text from every source and in tagging, one for each token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.whitespace import stripped
from seqtag.tagging.ragged import flatten, is_list, relist, without_views


def column_texts(values: pa.Array, report: SourceReport | None = None) -> pa.StringArray:
    """Return values as the text of a column, null where one is missing: null, NaN or an empty text.

    Text loses the whitespace around it, and `report` counts such cells. Other values are as Arrow casts them,
    so a float that is a whole number has no decimal point.

    >>> column_texts(pa.array([1.0, 2.5, float("nan")])).to_pylist()
    ['1', '2.5', None]
    >>> column_texts(pa.array([" web", "", "nan"])).to_pylist()
    ['web', None, 'nan']
    """
    texts = pc.cast(without_nan(values), pa.string())
    texts = stripped(texts, "further cells", report or SourceReport())
    return pc.if_else(pc.equal(texts, ""), None, texts)


def text_lists(lists: pa.ListArray) -> pa.ListArray:
    """Return lists of values as lists of `column_texts`; a null list stays null."""
    lists = without_views(lists)
    values, offsets = flatten(lists)
    return relist(column_texts(values), offsets, like=lists)


def without_nan(values: pa.Array) -> pa.Array:
    """Return floats, or lists of them, with null in place of NaN; other values are unchanged."""
    if is_list(values.type):
        elements, offsets = flatten(values)
        is_float = pa.types.is_floating(elements.type)
        return relist(without_nan(elements), offsets, like=values) if is_float else values
    return pc.if_else(pc.is_nan(values), None, values) if pa.types.is_floating(values.type) else values


def object_texts(values: Sequence[object]) -> pa.StringArray:
    """Return Python values as text that `column_texts` turns into the same as their Arrow values.

    Text is unchanged. Values that Arrow does not know are as Python writes them.

    >>> object_texts([1.0, 1, True, " a", None, 10**30]).to_pylist()
    ['1', '1', 'true', ' a', None, '1000000000000000000000000000000']
    """
    places: dict[type, list[int]] = {}
    for place, value in enumerate(values):
        places.setdefault(type(value), []).append(place)
    texts: list[str | None] = [None] * len(values)
    for where in places.values():
        for place, text in zip(where, _of_one_type([values[place] for place in where]), strict=True):
            texts[place] = text
    return pa.array(texts, pa.string())


def object_lists(lists: Sequence[Sequence[object] | None]) -> pa.ListArray:
    """Return lists of Python values as lists of `object_texts`; None is a null list."""
    texts = object_texts([value for values in lists if values is not None for value in values])
    lengths = [0 if values is None else len(values) for values in lists]
    mask = pa.array([values is None for values in lists], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *lengths]), pa.int32()), texts, mask=mask)


def wrong_lengths(tokens: pa.ListArray, lists: Mapping[str, pa.ListArray]) -> pa.StringArray:
    """Return what is wrong with the number of values of each sequence, null where nothing is.

    A sequence has as many values in each column as tokens, or no list.

    >>> tokens = pa.array([["a", "b"], ["c"]])
    >>> wrong_lengths(tokens, {"pos": pa.array([["A"], None], pa.list_(pa.string()))}).to_pylist()
    ["column 'pos' has another number of values: expected one per token, 2, got 1", None]
    """
    n_tokens = pc.list_value_length(tokens)
    found = pa.nulls(len(tokens), pa.string())
    for name, values in lists.items():
        n_values = pc.list_value_length(values)
        numbers = (n_tokens.cast(pa.string()), n_values.cast(pa.string()))
        text = f"column {name!r} has another number of values: expected one per token, "
        texts = pc.binary_join_element_wise(text, numbers[0], ", got ", numbers[1], "")
        found = pc.coalesce(found, pc.if_else(pc.not_equal(n_values, n_tokens), texts, None))
    return found


def _of_one_type(values: Sequence[object]) -> Sequence[str | None]:
    try:
        texts: list[str | None] = pc.cast(pa.array(values, from_pandas=True), pa.string()).to_pylist()
    except (pa.ArrowException, OverflowError):
        return list(map(str, values))
    return texts
