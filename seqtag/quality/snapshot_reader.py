"""Read a snapshot by row group, with strings encoded as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.io.arrays import mask_of
from seqtag.io.hashing import hash_sequences, hash_strings


def schema_faults(parts: Sequence[Path], schema: pa.Schema) -> tuple[str, ...]:
    """Return the deviations from the schema of the corpus, one sentence each."""
    required = {field.name: field.type for field in schema}
    faults = []
    for part in parts:
        received = {field.name: field.type for field in pq.read_schema(part)}
        for name in sorted(required.keys() | received.keys()):
            expected, found = required.get(name), received.get(name)
            if expected is None:
                faults.append(f"{part.name}: column {name!r} is not in the corpus schema")
            elif found is None:
                faults.append(f"{part.name}: column {name!r} is missing; expected type {expected}")
            elif expected != found:
                faults.append(f"{part.name}: column {name!r} has type {found}; expected {expected}")
    return tuple(faults)


@dataclass(frozen=True)
class CodedLists:
    """Lists of strings as numbers: flat element i is `distinct[codes[i]]`.

    lengths: <int64>[n_lists]; codes: <int32>[n_elements]; a null list has length 0 and `is_null` set;
    `distinct` may contain strings that do not occur.
    """

    lengths: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    distinct: pa.StringArray  # may hold null
    is_null: npt.NDArray[np.bool_]
    hashes: npt.NDArray[np.uint64]  # one per list

    @classmethod
    def of(cls, lists: pa.ListArray) -> Self:
        offsets = lists.offsets.to_numpy().astype(np.int64)
        encoded = _encoded(lists.values.slice(offsets[0], offsets[-1] - offsets[0]))
        rebased = pa.array((offsets - offsets[0]).astype(np.int32))
        return cls(
            lengths=np.diff(offsets),
            codes=encoded.indices.to_numpy(),
            distinct=encoded.dictionary,
            is_null=mask_of(lists.is_null()),
            hashes=hash_sequences(pa.ListArray.from_arrays(rebased, encoded)),
        )

    @cached_property
    def owners(self) -> npt.NDArray[np.int32]:
        """`<int32>[n_elements]`: the list that each element belongs to."""
        return np.repeat(np.arange(len(self.lengths), dtype=np.int32), self.lengths)

    @cached_property
    def distinct_hashes(self) -> npt.NDArray[np.uint64]:
        return hash_strings(self.distinct)

    @cached_property
    def is_blank(self) -> npt.NDArray[np.bool_]:
        """`<bool>[n_distinct]`: null or the empty string."""
        return mask_of(pc.equal(self.distinct, "").fill_null(True))

    def any(self, of_distinct: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_lists]`: does the list contain any of these distinct strings?"""
        found = np.zeros(len(self.lengths), dtype=np.bool_)
        if of_distinct.any():
            found[self.owners[of_distinct[self.codes]]] = True
        return found


def _encoded(strings: pa.Array) -> pa.DictionaryArray:
    """Return the strings dictionary-encoded, with null as a separate dictionary entry."""
    if not pa.types.is_dictionary(strings.type):
        return pc.dictionary_encode(strings, null_encoding="encode")
    if not strings.null_count:
        return strings
    dictionary = pa.concat_arrays([strings.dictionary, pa.nulls(1, pa.string())])
    indices = strings.indices.fill_null(len(strings.dictionary))
    return pa.DictionaryArray.from_arrays(indices, dictionary)
