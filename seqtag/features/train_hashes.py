"""Hashes of the sequences that a model was trained or tested on, which keep later comparisons fair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.corpus.schema import TOKENS
from seqtag.errors import RunDirError
from seqtag.io.hash_counts import find_hashes
from seqtag.io.hashing import hash_sequences
from seqtag.io.row_groups import read_row_groups

_COLUMN = "sequence_hash"


def write_sequence_hashes(splits: Sequence[Path], path: Path, *, min_length: int) -> None:
    """Write the sorted hashes of the distinct token sequences of splits, 8 bytes each.

    Args:
        min_length: tokens; shorter sequences may repeat by chance, so they are left out.
    """
    found = [np.zeros(0, np.uint64)]
    for _, batch in read_row_groups(splits, [TOKENS]):
        tokens = batch.column(TOKENS)
        long_enough = pc.greater_equal(pc.list_value_length(tokens), min_length)
        found.append(np.unique(hash_sequences(tokens.filter(long_enough))))
    hashes = pa.array(np.unique(np.concatenate(found)))
    metadata = {"min_length": str(min_length)}
    pq.write_table(pa.table({_COLUMN: hashes}).replace_schema_metadata(metadata), path)


def is_known_sequence(tokens: pa.ListArray, path: Path) -> npt.NDArray[np.bool_]:
    """Return `<bool>[n_sequences]`, True for sequences whose hash is in a file of `write_sequence_hashes`.

    Raises:
        RunDirError: the file is missing or malformed.
    """
    try:
        table = pq.read_table(path, columns=[_COLUMN])
        min_length = int((table.schema.metadata or {})[b"min_length"])
        hashes = table[_COLUMN].to_numpy().astype(np.uint64, casting="safe")
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise RunDirError(
            f"{path}: sequence hashes are unreadable: expected Parquet of uint64, got {error}"
        ) from error
    _, is_there = find_hashes(hash_sequences(tokens), hashes)
    lengths = pc.fill_null(pc.list_value_length(tokens), 0).to_numpy()
    return is_there & (lengths >= min_length)
