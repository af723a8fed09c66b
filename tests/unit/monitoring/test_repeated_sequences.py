"""Sequences found in one document only, and sequences that a snapshot does not contain."""

from __future__ import annotations

import pyarrow as pa

from seqtag.io.hashing import hash_sequences, hex_hashes
from seqtag.monitoring import RepeatedSequences


def batch(*tokens: str, documents: list[str] | None = None) -> pa.RecordBatch:
    lists = pa.array([t.split() for t in tokens], pa.list_(pa.string()))
    ids = pa.array(documents) if documents else hex_hashes(hash_sequences(lists))
    return pa.RecordBatch.from_pydict({"document_id": ids, "tokens": lists})


def words(batches) -> list[str]:
    return [" ".join(tokens) for b in batches for tokens in b.column("tokens").to_pylist()]


SNAPSHOT = [batch("a b", "c"), batch("c", "d")]


def test_copies_with_a_derived_document_id_are_in_several_documents() -> None:
    assert words(RepeatedSequences(SNAPSHOT).of_one_document(SNAPSHOT)) == ["a b", "d"]


def test_copies_within_a_document_are_in_one_document() -> None:
    snapshot = [batch("a", "a", "b", documents=["x", "x", "x"]), batch("b", documents=["y"])]
    assert words(RepeatedSequences(snapshot).of_one_document(snapshot)) == ["a", "a"]


def test_known_sequences_are_left_out_however_often_they_occur() -> None:
    assert words(RepeatedSequences(SNAPSHOT).not_held([batch("c", "e", "c"), batch("e", "a b", "b a")])) == [
        "e", "e", "b a",
    ]  # fmt: skip


def test_an_empty_snapshot_contains_nothing() -> None:
    assert words(RepeatedSequences([]).not_held([batch("a")])) == ["a"]
    assert words(RepeatedSequences([]).of_one_document([batch("a")])) == []


def test_documents_are_derived_if_any_id_is_the_hash_of_its_tokens() -> None:
    given = batch("a", documents=["x"])
    assert RepeatedSequences([given, batch("b")]).has_derived_documents
    assert not RepeatedSequences([given]).has_derived_documents
