"""Assignment of the reference to blocks and periods."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seqtag.config import MonitorConfig
from seqtag.io.hashing import hash_sequences, hex_hashes
from seqtag.monitoring import Blocks, Extent, extent, plan_blocks


def batch(*tokens: str, documents: list[str] | None = None, days: list[str | None] | None = None):
    lists = pa.array([t.split() for t in tokens], pa.list_(pa.string()))
    columns = {"tokens": lists, "document_id": documents or hex_hashes(hash_sequences(lists))}
    return pa.RecordBatch.from_pydict(columns | ({"day": days} if days else {}))


def test_the_extent_counts_documents_and_tokens_per_period() -> None:
    found = extent(
        [
            batch("a b", "c", documents=["x", "x"], days=["2026-01-31", "2026-02-01T12:00"]),
            batch("d e f", "g", documents=["x", "y"], days=["2026-02-28", None]),
        ],
        column="day",
    )
    assert found == Extent(7, 2, {"": 1, "2026-01": 2, "2026-02": 4})


def test_identical_sequences_without_document_ids_are_separate_documents() -> None:
    assert extent([batch("a b", "a b"), batch("a b")]).n_documents == 3


def test_sequences_of_a_document_stay_in_one_block() -> None:
    dealt = Blocks(n=1000, share=1.0, unit="document").deal(
        batch(*"abcdef", documents=list("xxyxyy")), first=0
    )
    assert dealt[[0, 0, 2, 2]].tolist() == dealt[[1, 3, 4, 5]].tolist()
    assert dealt[0] != dealt[2]


def test_a_share_below_one_leaves_units_out() -> None:
    dealt = Blocks(n=4, share=0.25, unit="sequence").deal(batch(*["a"] * 4000), first=0)
    assert abs((dealt >= 0).mean() - 0.25) < 0.03
    assert (abs(np.bincount(dealt[dealt >= 0]) - 250) < 60).all()


def test_blocks_hold_sequences_of_one_period_and_undated_ones_are_left_out() -> None:
    blocks = Blocks(n=5, share=1.0, unit="sequence", periods=("2026-01", "2026-02"), column="day")
    dealt = blocks.deal(batch("a", "b", "c", days=["2026-02-01", "2026-01-01", None]), first=0)
    assert (dealt // 5).tolist() == [1, 0, -1]
    assert blocks.period_of.tolist() == [0] * 5 + [1] * 5


def test_new_data_is_as_large_as_several_blocks() -> None:
    blocks = plan_blocks(Extent(1_000_000, 10_000), n_tokens=1000, config=MonitorConfig())
    assert (blocks.n, blocks.unit) == (4096, "document")
    assert blocks.share == 0.001 * 512  # a block has 125 tokens


def test_with_few_documents_blocks_consist_of_sequences() -> None:
    assert plan_blocks(Extent(10_000, 20), n_tokens=1000, config=MonitorConfig()).unit == "sequence"
    assert plan_blocks(Extent(10_000, 80), n_tokens=1000, config=MonitorConfig()).unit == "document"


def test_dates_define_periods_if_there_are_enough() -> None:
    months = {f"2026-{month:02}": 100 for month in range(1, 10)}
    config = MonitorConfig(period_column="day", min_periods=9)
    assert plan_blocks(Extent(900, 90, months), n_tokens=100, config=config).periods == tuple(months)
    months.popitem()
    assert plan_blocks(Extent(800, 80, {"": 5, **months}), n_tokens=100, config=config).periods == ("",)
