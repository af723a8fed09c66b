"""Check that the rows of a sequence are adjacent. Ids that return indicate interleaved sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.formats.token_rows import ROW, starts
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from seqtag.io.hashing import hash_strings

MOST_RUNS = 1 << 20  # runs of adjacent rows with one id that are checked; 16 bytes each stay in memory


def adjacent(
    rows: Iterable[pa.RecordBatch],
    column: str,
    report: SourceReport,
    *,
    name: str,
    most_runs: int = MOST_RUNS,
) -> Iterator[pa.RecordBatch]:
    """Yield identified rows unchanged, and check their ids.

    Raises:
        CorpusFormatError: most ids return after rows of other ids.
    """
    hashes: list[npt.NDArray[np.uint64]] = []
    numbers: list[npt.NDArray[np.int64]] = []
    n_runs = 0
    last: str | None = None
    judged = False
    for batch in rows:
        if not judged:
            ids = batch[column]
            firsts = pa.array(starts(ids, last))
            last = ids[-1].as_py()
            begun = ids.take(firsts)
            named = pc.not_equal(begun, "")
            hashes.append(hash_strings(begun.filter(named)))
            numbers.append(batch[ROW].take(firsts).filter(named).to_numpy())
            n_runs += len(hashes[-1])
            if n_runs >= most_runs:
                _judge(np.concatenate(hashes)[:most_runs], np.concatenate(numbers), column, report, name)
                judged = True
        yield batch
    if not judged and n_runs:
        _judge(np.concatenate(hashes), np.concatenate(numbers), column, report, name)


def _judge(
    hashes: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.int64],
    column: str,
    report: SourceReport,
    name: str,
) -> None:
    _, first, inverse, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    n_back = int((counts > 1).sum())
    if n_back == 0:
        return
    later = np.flatnonzero(first[inverse] != np.arange(len(hashes)))[0]
    row, before = int(numbers[later]), int(numbers[first[inverse[later]]])
    text = (
        f"rows of a sequence are not adjacent: {n_back:,} of {len(counts):,} ids in column '{column}' return "
        f"after rows of other ids, first in row {row} the id of row {before}; "
        'set rows = "interleaved" to gather them by id, as in an event log by time; or sort the source by '
        "id; or, where several sequences share an id, give each its own"
    )
    if 2 * n_back > len(counts):
        raise CorpusFormatError(f"{name}: {text}")
    report.warn("returning_ids", text, place=f"{name}: row {row}", count=n_back)
