"""Ids of nameless documents, whose sequences may be read in any pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.corpus.formats.documents import Piece, with_document_ids
from seqtag.corpus.record_batches import content_ids
from tests.unit.corpus.snapshots import batch_of

Sequences = list[tuple[int, list[str]]]  # the number of the document, 0 for none, and the tokens


def pieces_of(sequences: Sequences, *, size: int) -> Iterator[Piece]:
    for start in range(0, len(sequences), size):
        here = sequences[start : start + size]
        tokens = [tokens for _, tokens in here]
        ids = content_ids(pa.array(tokens, pa.list_(pa.string())), {}).to_pylist()
        yield Piece(batch_of(ids, tokens=tokens), np.array([number for number, _ in here]))


def identified(sequences: Sequences, *, size: int = 1000, most_tokens: int = 100) -> list[str]:
    batches = list(with_document_ids(pieces_of(sequences, size=size), most_tokens=most_tokens))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["tokens"] for row in rows] == [tokens for _, tokens in sequences]
    return [row["document_id"] for row in rows]


def documents(*texts: Sequence[str]) -> Sequences:
    """Return documents of sequences that are given as words."""
    return [(number, text.split()) for number, text_ in enumerate(texts, 1) for text in text_]


def test_documents_that_differ_only_beyond_the_bound_share_an_id():
    ids = identified(documents(["a b", "c d", "e"], ["a b", "c d", "f"]), most_tokens=4)
    assert len(set(ids)) == 1
    ids = identified(documents(["a b", "c d", "e"], ["a b", "c d", "f"]), most_tokens=5)
    assert len(set(ids)) == 2


def test_a_document_that_grows_beyond_the_bound_keeps_its_id():
    before, after = ([f"w{i} x" for i in range(n)] for n in (50, 80))
    assert set(identified(documents(before))) == set(identified(documents(after)))
    assert set(identified(documents(before[:49]))) != set(identified(documents(after)))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_no_more_than_the_bound_is_held_in_memory(size):
    """One document of 300 tokens in sequences of three: the first 34 reach the bound of 100 tokens."""
    sequences = documents([f"w{i} x y" for i in range(100)])
    waiting = most = 0
    for_piece = iter(pieces_of(sequences, size=size))

    def counted() -> Iterator[Piece]:
        nonlocal waiting
        for piece in for_piece:
            waiting += len(piece.batch)
            yield piece

    for batch in with_document_ids(counted(), most_tokens=100):
        most = max(most, waiting)
        waiting -= len(batch)
    assert waiting == 0
    assert most <= 34 + size


TOKENS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3)
DOCUMENTS = st.lists(st.tuples(st.booleans(), st.lists(TOKENS, min_size=1, max_size=5)), max_size=8)


@settings(max_examples=200, deadline=None)
@given(found=DOCUMENTS, size=st.integers(1, 5), most_tokens=st.integers(1, 8))
def test_ids_depend_only_on_the_beginnings_of_documents_not_on_pieces(found, size, most_tokens):
    sequences: Sequences = []
    keys: list[tuple[tuple[str, ...], ...]] = []
    for number, (is_document, texts) in enumerate(found, 1):
        kept, n_tokens = [], 0
        for text in texts:
            if n_tokens < most_tokens:
                kept.append(tuple(text))
            n_tokens += len(text)
        for text in texts:
            sequences.append((number if is_document else 0, text))
            keys.append(tuple(kept) if is_document else (tuple(text),))

    ids = identified(sequences, size=size, most_tokens=most_tokens)

    assert ids == identified(sequences, most_tokens=most_tokens)
    assert len(set(zip(ids, keys, strict=True))) == len(set(ids)) == len(set(keys))
