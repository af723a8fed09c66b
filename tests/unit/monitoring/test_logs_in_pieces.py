"""Tagged logs of a corpus that is cut: their sequences are whole, and compared in pieces."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.config import CutConfig
from seqtag.monitoring import read_tagged

TAGGED = {
    "document_id": ["x", "y", "z"],
    "tokens": [["a", "b", "c", "d", "e"], ["f"], ["g", "h", "i", "j"]],
    "predicted": [["O", "O", "B-X", "I-X", "O"], ["O"], None],
    "confidence": [[0.1, 0.2, 0.3, 0.4, 0.5], [0.6], None],
}


def read(path: Path, cut: CutConfig | None) -> list[tuple[str, list[str], list[str] | None]]:
    batches = read_tagged(path, scheme="IOB2", spelled="IOB2", cut=cut)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert all(row["confidence"] is None or len(row["confidence"]) == len(row["tokens"]) for row in rows)
    return [(row["document_id"], row["tokens"], row["tags"]) for row in rows]


def test_long_sequences_are_cut_by_the_rule_and_never_within_a_predicted_span(tmp_path: Path) -> None:
    pq.write_table(pa.table(TAGGED), tmp_path / "x.parquet")
    assert read(tmp_path, CutConfig(max_length=3)) == [
        ("x", ["a", "b"], ["O", "O"]),
        ("x", ["c", "d", "e"], ["B-X", "I-X", "O"]),
        ("y", ["f"], ["O"]),
        ("z", ["g", "h", "i", "j"], None),
    ]
    assert [row[0] for row in read(tmp_path, None)] == ["x", "y", "z"]
