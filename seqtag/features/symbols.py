"""Symbol tables: strings with ids, for words and characters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import Fold
from seqtag.errors import RunDirError
from seqtag.features.encoded_layout import FOLD, SYMBOLS_SCHEMA, read_table
from seqtag.io.hashing import hash_strings

PAD, UNK = "<pad>", "<unk>"
PAD_ID, UNK_ID = 0, 1

_SMALL = 2**17  # known strings whose hash table fits into the processor's cache, so that it is built quickly


@dataclass(frozen=True, eq=False)
class Lookup:
    """Look up strings among known ones without building a hash table for every batch.

    `pyarrow.compute.index_in` builds one in every call, in 46 ms for 300,000 known strings (pyarrow 25). It
    is faster only for a large batch and a small table.
    """

    known: pa.StringArray  # distinct

    def positions(self, strings: pa.Array) -> npt.NDArray[np.int32]:
        """Return `<int32>[n]`, the position of each string in `known`, -1 for other strings and null."""
        if not pa.types.is_dictionary(strings.type):
            strings = pc.dictionary_encode(strings)
        of_distinct = self._of_distinct(strings.dictionary.cast(pa.string()))
        return np.append(of_distinct, np.int32(-1))[strings.indices.fill_null(len(of_distinct)).to_numpy()]

    def _of_distinct(self, strings: pa.StringArray) -> npt.NDArray[np.int32]:
        is_cheap = len(self.known) <= min(_SMALL, 8 * len(strings))
        if is_cheap or not self._hashes_are_distinct:
            return pc.index_in(strings, value_set=self.known).fill_null(-1).to_numpy()
        hashes, order = self._sorted_hashes
        numbers = np.arange(len(strings), dtype=np.int32)
        # distinct already, so they need not be encoded
        wanted = hash_strings(pa.DictionaryArray.from_arrays(numbers, strings))
        found = order[np.minimum(np.searchsorted(hashes, wanted), len(order) - 1)]
        same = pc.equal(strings, self.known.take(pa.array(found))).fill_null(False)
        return np.where(same.to_numpy(zero_copy_only=False), found, np.int32(-1))

    @cached_property
    def _sorted_hashes(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
        hashes = hash_strings(self.known)
        order = np.argsort(hashes).astype(np.int32)
        return hashes[order], order

    @cached_property
    def _hashes_are_distinct(self) -> bool:
        return bool(np.diff(self._sorted_hashes[0]).all())


@dataclass(frozen=True, eq=False)
class Symbols:
    """Strings with ids: 0 is `<pad>`, 1 is `<unk>`, then the known strings by (-count, symbol)."""

    symbols: pa.StringArray  # the string of each id
    counts: npt.NDArray[np.int64]  # occurrences in train; for `<unk>`, those of all rare strings
    fold: Fold = "none"  # normalization of a string before it is looked up

    @classmethod
    def of_counts(cls, counted: pa.Table, *, min_count: int = 1, fold: Fold = "none") -> Symbols:
        """Assign ids to the symbols that occur at least `min_count` times.

        A string equal to `<pad>` or `<unk>` counts as unknown, so that no real token becomes padding.

        Args:
            counted: columns `symbol` (distinct) and `count`.
        """
        if fold != "none":
            folded_symbols = pa.table({"symbol": folded(counted["symbol"], fold), "count": counted["count"]})
            sums = folded_symbols.group_by("symbol").aggregate([("count", "sum")])
            counted = sums.rename_columns({"count_sum": "count"})
        reserved = pc.is_in(counted["symbol"], value_set=pa.array([PAD, UNK]))
        is_kept = pc.and_not(pc.greater_equal(counted["count"], min_count), reserved)
        kept = counted.filter(is_kept).sort_by([("count", "descending"), ("symbol", "ascending")])
        n_unknown = (pc.sum(counted["count"]).as_py() or 0) - (pc.sum(kept["count"]).as_py() or 0)
        return cls(
            symbols=pa.concat_arrays([pa.array([PAD, UNK]), *kept["symbol"].chunks]),
            counts=np.concatenate([[0, n_unknown], kept["count"].to_numpy()]).astype(np.int64),
            fold=fold,
        )

    @classmethod
    def load(cls, path: Path) -> Symbols:
        """Read the file that `save` wrote.

        Raises:
            RunDirError: the file is missing or malformed.
        """
        table = read_table(path, "symbols")
        if table.schema != SYMBOLS_SCHEMA or table["symbol"][:2].to_pylist() != [PAD, UNK]:
            raise RunDirError(
                f"{path}: table holds no symbols: expected columns id, symbol, count that begin with {PAD} "
                f"and {UNK}, got {table.schema.names}, {table.num_rows} rows"
            )
        fold = (table.schema.metadata or {}).get(FOLD, b"none").decode("utf-8", "replace")
        if fold not in get_args(Fold):
            raise RunDirError(f"{path}: fold is unknown: expected one of {get_args(Fold)}, got {fold!r}")
        return cls(pa.concat_arrays(table["symbol"].chunks), table["count"].to_numpy(), fold)

    def save(self, path: Path) -> None:
        """Write id, symbol and count as Parquet."""
        ids = np.arange(len(self), dtype=np.int32)
        schema = SYMBOLS_SCHEMA.with_metadata({FOLD: self.fold})
        table = pa.table([ids, self.symbols, self.counts], schema)
        pq.write_table(table, path, compression="zstd", use_dictionary=False)  # symbols are distinct

    def __len__(self) -> int:
        return len(self.symbols)

    def ids(self, strings: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """Return `<int32>[n]`; unknown strings and nulls become `<unk>`."""
        chunks = strings.chunks if isinstance(strings, pa.ChunkedArray) else [strings]
        found = [self._lookup.positions(_folded_once(chunk, self.fold)) for chunk in chunks]
        known = np.concatenate([np.zeros(0, np.int32), *found])
        return known + np.int32(UNK_ID + 1)  # -1 (not found) becomes `<unk>`

    @cached_property
    def digest(self) -> str:
        """The sha256 of the symbols in order and of the fold: equal digests mean equal ids."""
        _, offsets_buffer, text = self.symbols.buffers()
        offsets = np.frombuffer(offsets_buffer, np.int32)[self.symbols.offset :][: len(self) + 1]
        sha256 = hashlib.sha256(np.diff(offsets).tobytes())
        sha256.update(text[offsets[0] : offsets[-1]])
        sha256.update(b"" if self.fold == "none" else self.fold.encode())
        return sha256.hexdigest()

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(self.symbols[UNK_ID + 1 :])


def folded(strings: pa.Array | pa.ChunkedArray, fold: Fold) -> pa.Array | pa.ChunkedArray:
    """Return strings normalized for look-up.

    >>> folded(pa.array(["Paris", "1999"]), "case-digits").to_pylist()
    ['paris', '0000']
    """
    if fold == "none":
        return strings
    return pc.replace_substring_regex(pc.utf8_lower(strings), "[0-9]", "0")


def lower_case() -> tuple[pa.StringArray, pa.StringArray]:
    """Return the characters that `folded` lowers, and the lower-case character for each.

    Models fold in TensorFlow, whose own tables (2.21) lack the capitals of Unicode 14 and later.
    """
    points = np.delete(np.arange(0x110000, dtype="<u4"), np.s_[0xD800:0xE000])  # all but surrogates
    lowered = pc.utf8_lower(pa.scalar(points.tobytes().decode("utf-32-le"))).as_py()
    of_points = np.frombuffer(lowered.encode("utf-32-le"), "<u4")
    is_lowered = of_points != points
    capitals, small = (list(of[is_lowered].tobytes().decode("utf-32-le")) for of in (points, of_points))
    return pa.array(capitals, pa.string()), pa.array(small, pa.string())


def _folded_once(strings: pa.Array, fold: Fold) -> pa.Array:
    """Fold each distinct string once."""
    if fold == "none":
        return strings
    if not pa.types.is_dictionary(strings.type):
        strings = pc.dictionary_encode(strings)
    return pa.DictionaryArray.from_arrays(strings.indices, folded(strings.dictionary.cast(pa.string()), fold))
