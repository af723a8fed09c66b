"""Hashes of the sequences that a model was trained or tested on, which keep later comparisons fair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.errors import RunDirError
from seqtag.io.hash_counts import find_hashes
from seqtag.io.hashing import hash_contents, hash_sequences, string_list_columns
from seqtag.io.row_groups import read_row_groups

_COLUMN = "sequence_hash"


def write_sequence_hashes(splits: Sequence[Path], path: Path, *, min_length: int) -> None:
    """Write the sorted hashes of the distinct sequences of splits, 8 bytes each.

    A hash is that of the tokens and of their further columns, whose names are in the file, too.

    Args:
        min_length: tokens; shorter sequences may repeat by chance, so they are left out.
    """
    hashes, n = np.empty(sum(pq.read_metadata(split).num_rows for split in splits), np.uint64), 0
    names = string_list_columns(pq.read_schema(splits[0]), without=(TOKENS, TAGS))
    for _, batch in read_row_groups(splits, [TOKENS, *names]):
        long_enough = pc.greater_equal(pc.list_value_length(batch.column(TOKENS)), min_length)
        here = np.unique(_hashes(batch.filter(long_enough), names))
        hashes[n : n + len(here)] = here
        n += len(here)
    found = hashes[:n]
    found.sort()  # in place: `np.unique` takes three times the memory
    distinct = found[np.append(True, found[1:] != found[:-1])[:n]]
    metadata = {"min_length": str(min_length), "columns": json.dumps(names)}
    pq.write_table(pa.table({_COLUMN: distinct}).replace_schema_metadata(metadata), path)


@dataclass(frozen=True)
class SequenceHashes:
    """The hashes of sequences, as `write_sequence_hashes` writes them."""

    sorted_hashes: npt.NDArray[np.uint64]
    columns: Sequence[str]  # further columns of tokens that the hashes depend on
    min_length: int  # tokens

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of hashes.

        Raises:
            RunDirError: the file is missing or malformed.
        """
        try:
            table = pq.read_table(path, columns=[_COLUMN])
            metadata = table.schema.metadata or {}
            return cls(
                sorted_hashes=table[_COLUMN].to_numpy().astype(np.uint64, casting="safe"),
                columns=json.loads(metadata.get(b"columns", "[]")),  # older files: tokens only
                min_length=int(metadata[b"min_length"]),
            )
        except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
            raise RunDirError(
                f"{path}: sequence hashes are unreadable: expected Parquet of uint64, got {error}"
            ) from error

    def hold(self, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Return `<bool>[n_sequences]`, True for sequences that are among them.

        Args:
            batch: tokens, and their further columns if there are any.
        """
        _, is_there = find_hashes(_hashes(batch, self.columns), self.sorted_hashes)
        lengths = pc.fill_null(pc.list_value_length(batch.column(TOKENS)), 0).to_numpy()
        return is_there & (lengths >= self.min_length)


def _hashes(batch: pa.RecordBatch, names: Sequence[str]) -> npt.NDArray[np.uint64]:
    columns = {name: batch.column(name) for name in names if name in batch.schema.names}
    return hash_contents(hash_sequences(batch.column(TOKENS)), columns)
