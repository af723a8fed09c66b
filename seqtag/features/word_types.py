"""Word types of a split: its distinct tokens, numbered in order of appearance.

A model computes features of spelling once per word type.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.errors import RunDirError
from seqtag.features.encoded_layout import WORD_TYPES, read_table

_SCHEMA = pa.schema([pa.field("word_type", pa.string(), nullable=False)])  # of id 1, 2, ...


class WordTypeCounter:
    """Assign ids to word types from 1 while a split is read; 0 is padding."""

    def __init__(self) -> None:
        self._word_types = pa.array([], pa.string())

    def ids(self, tokens: pa.DictionaryArray) -> npt.NDArray[np.int32]:
        """Return `<int32>[n_tokens]` ids; new word types get the next ids, in order of appearance."""
        if tokens.null_count:
            tokens = pc.dictionary_encode(pc.fill_null(tokens.cast(pa.string()), ""))
        indices, n_distinct = tokens.indices.to_numpy(), len(tokens.dictionary)
        first = np.full(n_distinct, len(indices))
        first[indices[::-1]] = np.arange(len(indices))[::-1]  # the last write wins: the first token
        order = np.argsort(first, kind="stable")[: np.count_nonzero(first < len(indices))]
        appearing = tokens.dictionary.cast(pa.string()).take(pa.array(order))
        found = pc.index_in(appearing, value_set=self._word_types)
        is_new = pc.is_null(found).to_numpy(zero_copy_only=False)
        ids = found.fill_null(0).to_numpy() + 1
        ids[is_new] = len(self._word_types) + np.arange(1, np.count_nonzero(is_new) + 1)
        self._word_types = pa.concat_arrays([self._word_types, appearing.filter(pa.array(is_new))])
        of_distinct = np.zeros(n_distinct, np.int32)
        of_distinct[order] = ids
        return of_distinct[indices]

    def save(self, folder: Path) -> None:
        """Write the word types in the order of their ids into the folder of the split."""
        pq.write_table(
            pa.table([self._word_types], _SCHEMA),
            folder / WORD_TYPES,
            compression="zstd",
            use_dictionary=False,
        )


def read_word_types(folder: Path) -> pa.StringArray:
    """Return the word types of ids 1, 2, ... of a split (`encode/<split>`).

    Raises:
        RunDirError: the file is missing or malformed.
    """
    path = folder / WORD_TYPES
    table = read_table(path, "word types")
    if table.schema != _SCHEMA:
        raise RunDirError(
            f"{path}: table holds no word types: expected column word_type, got {table.schema.names}"
        )
    return pa.concat_arrays([pa.array([], pa.string()), *table["word_type"].chunks])
