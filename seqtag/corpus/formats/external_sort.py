"""External merge sort, which gathers interleaved rows by sequence id in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from seqtag.corpus.text_blocks import Positions
from seqtag.io.hash_counts import find_hashes
from seqtag.io.hashing import hash_strings

MEMORY_BYTES = 256 << 20  # of rows in memory before they are written to disk; sorting copies them
_RANK = "seqtag:rank"
_SLICE_ROWS = 1 << 14  # of a sorted run, read or yielded at a time


def gathered(
    rows: Iterable[pa.RecordBatch], column: str, *, memory_bytes: int = MEMORY_BYTES
) -> Iterator[pa.RecordBatch]:
    """Yield the rows grouped by id: ids in order of appearance, rows of an id in their original order.

    The order does not depend on batch sizes or memory. Beyond `memory_bytes`, sorted runs are written to a
    temporary folder and merged. 16 bytes per id stay in memory.
    """
    ranks = _Ranks()
    held: list[pa.RecordBatch] = []
    with tempfile.TemporaryDirectory(prefix="seqtag-gather-") as folder:
        runs: list[Path] = []
        size = 0
        for batch in rows:
            held.append(batch.append_column(_RANK, pa.array(ranks.of(batch[column]))))
            size += held[-1].nbytes
            if size >= memory_bytes:
                runs.append(_written(_by_rank(held), Path(folder) / f"run-{len(runs)}.arrow"))
                held, size = [], 0
        if not runs:
            merged = _by_rank(held)
        else:
            if held:
                runs.append(_written(_by_rank(held), Path(folder) / f"run-{len(runs)}.arrow"))
                held = []
            merged = _merged([_read(run) for run in runs])
        for batch in merged:
            yield batch.drop_columns([_RANK])


class _Ranks:
    """Numbers of ids in order of appearance, from 0."""

    def __init__(self) -> None:
        self._hashes = np.empty(0, np.uint64)  # ascending
        self._ranks = np.empty(0, np.int64)

    def of(self, ids: pa.StringArray) -> Positions:
        # Two ids with the same hash would alternate within one rank; validation would then find repeated ids.
        hashes, first, inverse = np.unique(hash_strings(ids), return_index=True, return_inverse=True)
        place, known = find_hashes(hashes, self._hashes)
        ranks = np.empty(len(hashes), np.int64)
        ranks[known] = self._ranks[place[known]]
        new = np.flatnonzero(~known)
        by_occurrence = new[np.argsort(first[new])]
        ranks[by_occurrence] = len(self._ranks) + np.arange(len(new))
        place = np.searchsorted(self._hashes, hashes[new])
        self._hashes = np.insert(self._hashes, place, hashes[new])
        self._ranks = np.insert(self._ranks, place, ranks[new])
        return ranks[inverse]


def _by_rank(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in a stable order by rank."""
    if not batches:
        return
    together = pa.concat_batches(batches)
    batches.clear()
    order = np.argsort(together[_RANK].to_numpy(), kind="stable")
    for start in range(0, len(order), _SLICE_ROWS):
        yield together.take(pa.array(order[start : start + _SLICE_ROWS]))


def _written(batches: Iterator[pa.RecordBatch], path: Path) -> Path:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    first = next(batches)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, first.schema, options=options) as stream:
        stream.write_batch(first)
        for batch in batches:
            stream.write_batch(batch)
    return path


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def _merged(runs: list[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of sorted runs by rank; within a rank, those of earlier runs come first."""
    heads: list[pa.RecordBatch | None] = [next(run, None) for run in runs]
    more = [True] * len(runs)
    while True:
        # All rows below the horizon have been read. A run may continue with the last rank of its head.
        lasts = [
            head[_RANK][-1].as_py() if head is not None and going_on else None
            for head, going_on in zip(heads, more, strict=True)
        ]
        unfinished = [last for last in lasts if last is not None]
        horizon = min(unfinished) if unfinished else None
        ready = []
        for number, head in enumerate(heads):
            if head is None:
                continue
            cut = head.num_rows
            if horizon is not None:
                cut = int(np.searchsorted(head[_RANK].to_numpy(), horizon))
            ready.append(head.slice(0, cut))
            heads[number] = head.slice(cut) if cut < head.num_rows else None
        ready = [batch for batch in ready if batch.num_rows]
        if ready:
            yield from _by_rank(ready)
        if horizon is None:
            return
        for number, last in enumerate(lasts):
            if last == horizon:
                following = next(runs[number], None)
                more[number] = following is not None
                kept = heads[number]
                parts = [part for part in (kept, following) if part is not None]
                heads[number] = pa.concat_batches(parts) if len(parts) > 1 else (parts or [None])[0]
