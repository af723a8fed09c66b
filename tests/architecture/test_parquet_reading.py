"""Parquet files are never held in memory as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
READERS = [
    file for file in (CHECKOUT / "seqtag").rglob("*.py") if ".iter_batches(" in file.read_text("utf-8")
]


@pytest.mark.parametrize("file", READERS, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_batches_of_a_file_are_read_without_its_buffer(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.count("pre_buffer=False") == text.count(".iter_batches("), "see seqtag/io/row_groups.py"
