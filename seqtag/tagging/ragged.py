"""Arrow lists as flat NumPy arrays, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.errors import TagSchemeError

UNTAGGED = -1  # in place of an index: the token has no tag


def flatten(lists: pa.ListArray) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Return the values, and `<int64>[n_lists + 1]` offsets from 0; a null list counts as empty."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return lists.flatten(), np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def is_list(kind: pa.DataType) -> bool:
    """Return whether values of an Arrow type are lists, of any layout."""
    of_offsets = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return of_offsets or pa.types.is_fixed_size_list(kind) or _is_view(kind)


def without_views(values: pa.Array) -> pa.Array:
    """Return list views as lists, and other values unchanged.

    pyarrow 25.0.1 casts list views wrongly: sliced ones become nulls, and the last list becomes empty.

    >>> without_views(pa.array([["a"], None, ["b", "c"]], pa.list_view(pa.string()))).to_pylist()
    [['a'], None, ['b', 'c']]
    """
    return relist(*flatten(values), like=values) if _is_view(values.type) else values


def relist(
    values: pa.Array, offsets: npt.NDArray[np.int64], *, like: pa.ListArray | None = None
) -> pa.ListArray:
    """Return `values` as lists, null where `like` is null."""
    mask = pc.is_null(like) if like is not None and like.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, mask=mask)


def distinct(values: pa.Array) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Return `<int32>[n]` indices, and the distinct strings that they refer to, in order of appearance.

    Raises:
        TagSchemeError: a string is null.
    """
    if values.null_count:
        raise TagSchemeError(f"tags are missing: expected one per token, got {values.null_count:,} nulls")
    return distinct_or_none(values)


def distinct_or_none(values: pa.Array) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Return indices and distinct strings like `distinct`, with index `UNTAGGED` for null.

    >>> numbers, strings = distinct_or_none(pa.array(["O", None, "O"]))
    >>> numbers.tolist(), strings
    ([0, -1, 0], ('O',))
    """
    if not pa.types.is_dictionary(values.type) and not pa.types.is_string(values.type):
        raise TagSchemeError(f"tags are not strings: expected type string, got {values.type}")
    encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
    indices = encoded.indices.fill_null(UNTAGGED) if encoded.null_count else encoded.indices
    return indices.to_numpy().astype(np.int32), tuple(encoded.dictionary.to_pylist())


def sequence_numbers(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `<int64>[n_tokens]`, the index of each token's sequence."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))


def elements(
    offsets: npt.NDArray[np.int64], lists: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the flat positions of the elements of some lists, and for each its index into `lists`.

    >>> position, number = elements(np.array([0, 2, 3, 6]), np.array([2, 0]))
    >>> position.tolist(), number.tolist()
    ([3, 4, 5, 0, 1], [0, 0, 0, 1, 1])
    """
    lengths = offsets[lists + 1] - offsets[lists]
    before = np.cumsum(lengths) - lengths
    positions = np.arange(lengths.sum()) + np.repeat(offsets[lists] - before, lengths)
    return positions, np.repeat(np.arange(len(lists)), lengths)


def _is_view(kind: pa.DataType) -> bool:
    return pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)
