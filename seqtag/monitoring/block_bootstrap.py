"""Partition of the reference into small random blocks, from which periods are simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.monitor_config import Length, MonitorConfig
from seqtag.corpus.record_batches import has_content_id
from seqtag.corpus.schema import DOCUMENT_ID, TOKENS
from seqtag.io.hash_counts import HashCounts
from seqtag.io.hashing import GOLDEN, MIX, hash_strings

Unit = Literal["document", "sequence"]

_MOST_BLOCKS = 4096  # rows of the table of counts, which bounds its memory
_PARTS = 8  # minimum number of blocks in a period as large as the new data
_ISO: Mapping[Length, int] = {"day": 10, "month": 7, "year": 4}  # characters of an ISO date
UNDATED = ""


@dataclass(frozen=True)
class Extent:
    """Size of a data set, with tokens by period; `UNDATED` collects tokens without a date."""

    n_tokens: int
    n_documents: int
    by_period: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Blocks:
    """Rule that assigns sequences to blocks, independent of the division into batches.

    n           blocks per period
    share       of the units that are assigned at all, in (0, 1]
    periods     sorted; `(UNDATED,)` if the data has no dates
    """

    n: int
    share: float
    unit: Unit
    periods: tuple[str, ...] = (UNDATED,)
    column: str | None = None
    length: Length = "month"

    @property
    def n_blocks(self) -> int:
        return self.n * len(self.periods)

    @property
    def period_of(self) -> npt.NDArray[np.int64]:
        """`<int64>[n_blocks]`: the period of each block."""
        return np.repeat(np.arange(len(self.periods)), self.n)

    def deal(self, batch: pa.RecordBatch, *, first: int) -> npt.NDArray[np.int64]:
        """Return `<int64>[n_sequences]`: the block of each sequence, -1 for those left out.

        Args:
            first: number of sequences before this batch.
        """
        hashes = unit_hashes(batch, self.unit, first=first)
        block = (hashes % np.uint64(self.n)).astype(np.int64)
        kept = (hashes // np.uint64(self.n)).astype(np.float64) < self.share * (2.0**64 / self.n)
        period = self.periods_of(batch)
        return np.where(kept & (period < len(self.periods)), block + self.n * period, -1)

    def periods_of(self, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """Return `<int64>[n_sequences]`: the period of each sequence, `len(periods)` for none."""
        if self.column is None:
            return np.zeros(batch.num_rows, np.int64)
        named = pa.array(self.periods, pa.string())
        period = pc.index_in(_periods(batch, self.column, self.length), value_set=named)
        return period.fill_null(len(self.periods)).to_numpy().astype(np.int64)


def extent(
    batches: Iterable[pa.RecordBatch], *, column: str | None = None, length: Length = "month"
) -> Extent:
    """Count tokens, documents and, by the dates in `column`, tokens per period, in one pass."""
    documents = HashCounts()
    tokens: dict[str, int] = {}
    first = 0
    for batch in batches:
        documents.add(np.unique(unit_hashes(batch, "document", first=first)))
        first += batch.num_rows
        lengths = pc.fill_null(pc.list_value_length(batch.column(TOKENS)), 0)
        names = pa.nulls(batch.num_rows, pa.string())
        if column is not None:
            names = _periods(batch, column, length)
        sums = pa.table({"period": pc.fill_null(names, UNDATED), "n": lengths}).group_by("period")
        for row in sums.aggregate([("n", "sum")]).to_pylist():
            tokens[row["period"]] = tokens.get(row["period"], 0) + int(row["n_sum"])
    return Extent(sum(tokens.values()), len(documents), dict(sorted(tokens.items())))


def plan_blocks(reference: Extent, *, n_tokens: int, config: MonitorConfig) -> Blocks:
    """Return blocks so small that new data of `n_tokens` is as large as several of them.

    Periods follow the dates if there are enough of them. Documents stay whole, since their sequences are
    alike, unless a period of that size would have too few; then sequences are assigned one by one.
    """
    dated = tuple(name for name in reference.by_period if name != UNDATED)
    has_dates = config.period_column is not None and len(dated) >= config.min_periods
    periods = dated if has_dates else (UNDATED,)
    ratio = max(n_tokens, 1) / max(reference.n_tokens, 1)
    enough = min(ratio, 1.0) * reference.n_documents >= _PARTS
    return Blocks(
        n=max(_MOST_BLOCKS // len(periods), 1),
        share=min(1.0, ratio * _MOST_BLOCKS / _PARTS),
        unit="document" if enough else "sequence",
        periods=periods,
        column=config.period_column if has_dates else None,
        length=config.period,
    )


def unit_hashes(batch: pa.RecordBatch, unit: Unit, *, first: int) -> npt.NDArray[np.uint64]:
    """Return `<uint64>[n_sequences]`, equal within a unit.

    Identical sequences whose source had no documents do not form one; see `has_content_id`.
    """
    rows = (np.arange(first, first + batch.num_rows, dtype=np.uint64) + np.uint64(1)) * GOLDEN
    alone = rows ^ (rows >> np.uint64(29))
    alone = alone * MIX
    alone ^= alone >> np.uint64(32)
    if unit == "sequence" or DOCUMENT_ID not in batch.schema.names:
        return alone
    return np.where(has_content_id(batch), alone, hash_strings(batch.column(DOCUMENT_ID)))


def _periods(batch: pa.RecordBatch, column: str, length: Length) -> pa.StringArray:
    """Return the period of each sequence, null if the column is empty."""
    names = pc.utf8_slice_codeunits(batch.column(column).cast(pa.string()), 0, _ISO[length])
    return pc.if_else(pc.equal(names, ""), None, names)
