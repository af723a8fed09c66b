"""What is new in a snapshot that holds an earlier one."""

from __future__ import annotations

import pyarrow as pa
import pytest

from seqtag.monitoring import Earlier, is_grown


def batch(*rows: tuple[str, str]) -> pa.RecordBatch:
    tokens = pa.array([t.split() for _, t in rows], pa.list_(pa.string()))
    return pa.RecordBatch.from_pydict({"document_id": pa.array([d for d, _ in rows]), "tokens": tokens})


OLD = [batch(("d", "a b"), ("d", "c")), batch(("d", "c"))]


def new(*batches: pa.RecordBatch) -> list[str]:
    given = Earlier(OLD).left_out(batches)
    return [" ".join(tokens) for b in given for tokens in b.column("tokens").to_pylist()]


def test_what_came_before_is_left_out() -> None:
    assert new(*OLD, batch(("e", "x y"))) == ["x y"]


def test_a_repetition_more_than_before_is_new() -> None:
    assert new(batch(("d", "c"), ("d", "c"), ("d", "c"))) == ["c"]
    assert new(batch(("d", "c")), batch(("d", "c")), batch(("d", "c"))) == ["c"]


def test_the_same_tokens_in_another_document_are_new() -> None:
    assert new(batch(("e", "a b"))) == ["a b"]


def test_nothing_is_old_where_nothing_was_before() -> None:
    given = Earlier([]).left_out([batch(("d", "a"))])
    assert [b.num_rows for b in given] == [1]


@pytest.mark.parametrize(("compare", "expected"), [("auto", True), ("new", True), ("all", False)])
def test_a_snapshot_that_holds_the_earlier_one_has_grown(compare, expected) -> None:
    assert is_grown(Earlier(OLD), [*OLD, batch(("e", "x"))], compare=compare) is expected


@pytest.mark.parametrize(("compare", "expected"), [("auto", False), ("new", True), ("all", False)])
def test_a_snapshot_of_other_sequences_has_not(compare, expected) -> None:
    assert is_grown(Earlier(OLD), [batch(("e", "x"), ("d", "c"))], compare=compare) is expected
