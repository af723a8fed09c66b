"""New data in the spelling of its corpus, compared with the spelling of the model."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.corpus.schema import corpus_schema
from seqtag.monitoring import read_labelled
from seqtag.tagging import Spelling


@pytest.mark.parametrize(
    ("spelled", "expected"), [("IOBES", ["B-x", "E-x", "O"]), ("IOB2", ["B-x", "I-x", "O"])]
)
def test_tags_are_compared_as_the_model_spells_them(
    tmp_path: Path, spelled: str, expected: list[str]
) -> None:
    row = {"sequence_id": "1", "document_id": "1", "tokens": ["a", "b", "c"], "tags": ["b-x", "l-x", "o"]}
    path = tmp_path / "part.parquet"
    pq.write_table(pa.Table.from_pylist([row], schema=corpus_schema()), path)

    batches = read_labelled([path], scheme="IOBES", spelled=spelled, spelling=Spelling("b-X", "BILU", "o"))

    assert [tags for batch in batches for tags in batch.column("tags").to_pylist()] == [expected]
