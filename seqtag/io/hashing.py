"""64-bit hashes of strings and sequences: equal on every machine, vectorised over a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NULL = np.uint64(0x6E756C6C)  # the hash of null
# Multipliers of splitmix64 (Steele et al. 2014).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX = np.uint64(0xBF58476D1CE4E5B9)


def hash_strings(strings: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return `<uint64>[n]`, one SipHash per string; null has its own hash.

    Each distinct string is hashed once, in pandas' C loop.
    """
    import pandas as pd

    if isinstance(strings, pa.ChunkedArray):
        strings = strings.combine_chunks()
    encoded = pc.dictionary_encode(strings, null_encoding="encode")
    distinct = encoded.dictionary.to_numpy(zero_copy_only=False)
    is_null = pc.is_null(encoded.dictionary).to_numpy(zero_copy_only=False)
    hashes = np.full(len(distinct), _NULL, dtype=np.uint64)
    if not is_null.all():
        hashes[~is_null] = pd.util.hash_array(distinct[~is_null].astype(object), categorize=False)
    return hashes[encoded.indices.to_numpy()]


def hash_sequences(sequences: pa.ListArray) -> npt.NDArray[np.uint64]:
    """Return `<uint64>[n]`, one hash per list of strings, sensitive to order and length.

    Each element's hash is mixed with its position, and the results are summed: equal lists give equal
    hashes, and two different lists collide with probability 2**-64. A null list hashes like an empty one.
    """
    offsets = sequences.offsets.to_numpy().astype(np.int64)
    values = hash_strings(sequences.values.slice(offsets[0], offsets[-1] - offsets[0]))
    offsets = offsets - offsets[0]
    lengths = np.diff(offsets)
    position = np.arange(len(values), dtype=np.int64) - np.repeat(offsets[:-1], lengths)
    mixed = _mix(values + (position.astype(np.uint64) + np.uint64(1)) * GOLDEN)
    totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    return _mix(totals[offsets[1:]] - totals[offsets[:-1]] + lengths.astype(np.uint64))


def hash_contents(
    tokens: npt.NDArray[np.uint64], columns: Mapping[str, pa.ListArray]
) -> npt.NDArray[np.uint64]:
    """Return `<uint64>[n]`, one hash per sequence, of the hash of its tokens and of their columns.

    The order of the columns does not matter, and a null list counts as no column.
    """
    contents = tokens
    for name, lists in columns.items():
        hashes = hash_pairs(hash_strings(pa.array([name])), hash_sequences(lists))
        is_null = lists.is_null().to_numpy(zero_copy_only=False)
        contents = contents + np.where(is_null, np.uint64(0), hashes)
    return contents


def string_list_columns(schema: pa.Schema, *, without: Sequence[str]) -> list[str]:
    """Return the names of the columns that hold lists of strings, other than `without`."""
    strings = pa.list_(pa.string())
    return [field.name for field in schema if field.type == strings and field.name not in without]


def hash_pairs(ones: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return `<uint64>[n]`, one hash per pair of numbers."""
    return _mix(ones * GOLDEN + others * MIX)


def hex_hashes(hashes: npt.NDArray[np.uint64]) -> pa.StringArray:
    """Return 16 hexadecimal digits per hash."""
    digits = np.frombuffer(hashes.astype(">u8").tobytes().hex().encode(), dtype="S16")
    return pa.array(digits.astype("U16"), pa.string())


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Mix 64 bits so that every input bit affects every output bit (splitmix64)."""
    x = (x ^ (x >> np.uint64(30))) * MIX
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
