"""Counts of strings while a split is read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_MERGE_AT = 2**18  # strings that wait to be merged


class SymbolCounts:
    """Counts of strings, merged periodically: memory grows with the distinct strings only."""

    def __init__(self) -> None:
        self._symbols = [pa.array([], pa.string())]
        self._counts = [np.zeros(0, np.int64)]
        self._n_merged = 0

    def add(self, strings: pa.DictionaryArray) -> None:
        symbols = strings.dictionary.cast(pa.string())
        self.add_counts(symbols, np.bincount(strings.indices.drop_null().to_numpy(), minlength=len(symbols)))

    def add_counts(self, symbols: pa.StringArray, counts: npt.NDArray[np.int64]) -> None:
        """Add a number of occurrences for each of the strings, which may repeat.

        Args:
            counts: `<int64>[n_symbols]`.
        """
        self._symbols.append(symbols.filter(pa.array(counts > 0)))
        self._counts.append(counts[counts > 0])
        # Merging only when the size has doubled keeps the total cost linear.
        if sum(map(len, self._symbols)) > 2 * max(_MERGE_AT, self._n_merged):
            self._merge()

    def table(self) -> pa.Table:
        """Return the columns `symbol` (distinct, in no particular order) and `count`."""
        self._merge()
        return counted_table(self._symbols[0], self._counts[0])

    def _merge(self) -> None:
        encoded = pc.dictionary_encode(pa.concat_arrays(self._symbols))
        # exact to 2**53
        counts = np.bincount(encoded.indices.to_numpy(), weights=np.concatenate(self._counts))
        self._symbols, self._counts = [encoded.dictionary], [counts.astype(np.int64)]
        self._n_merged = len(counts)


def counted_table(symbols: pa.Array, counts: npt.NDArray[np.int64]) -> pa.Table:
    return pa.table({"symbol": symbols, "count": counts})
