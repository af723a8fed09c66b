"""New sequences of a snapshot that contains an earlier one."""

from __future__ import annotations

import pyarrow as pa
import pytest

from seqtag.monitoring import EarlierSequences, is_grown


def batch(*rows: tuple[str, str]) -> pa.RecordBatch:
    tokens = pa.array([t.split() for _, t in rows], pa.list_(pa.string()))
    return pa.RecordBatch.from_pydict({"document_id": pa.array([d for d, _ in rows]), "tokens": tokens})


OLD = [batch(("d", "a b"), ("d", "c")), batch(("d", "c"))]


def new(*batches: pa.RecordBatch) -> list[str]:
    given = EarlierSequences(OLD).left_out(batches)
    return [" ".join(tokens) for b in given for tokens in b.column("tokens").to_pylist()]


def test_earlier_sequences_are_left_out() -> None:
    assert new(*OLD, batch(("e", "x y"))) == ["x y"]


def test_a_further_repetition_is_new() -> None:
    assert new(batch(("d", "c"), ("d", "c"), ("d", "c"))) == ["c"]
    assert new(batch(("d", "c")), batch(("d", "c")), batch(("d", "c"))) == ["c"]


def test_the_same_tokens_in_another_document_are_new() -> None:
    assert new(batch(("e", "a b"))) == ["a b"]


def test_everything_is_new_after_an_empty_snapshot() -> None:
    given = EarlierSequences([]).left_out([batch(("d", "a"))])
    assert [b.num_rows for b in given] == [1]


@pytest.mark.parametrize(("compare", "expected"), [("auto", True), ("new", True), ("all", False)])
def test_a_snapshot_that_contains_the_earlier_one_has_grown(compare, expected) -> None:
    assert is_grown(EarlierSequences(OLD), [*OLD, batch(("e", "x"))], compare=compare) is expected


@pytest.mark.parametrize(("compare", "expected"), [("auto", False), ("new", True), ("all", False)])
def test_a_snapshot_of_other_sequences_has_not_grown(compare, expected) -> None:
    assert is_grown(EarlierSequences(OLD), [batch(("e", "x"), ("d", "c"))], compare=compare) is expected


def log(*numbers: int, repeats: int) -> pa.RecordBatch:
    """Return sequences without documents: some that occur once, and one that repeats."""
    tokens = [f"n{i}" for i in numbers] + ["again"] * repeats
    return batch(*((t, t) for t in tokens))


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (log(*range(60), repeats=60), True),  # grew by 10 and 10
        (log(*range(10, 60), repeats=48), False),  # fewer repeats: some were dropped and not replaced
        (
            log(*range(100, 150), repeats=50),
            False,
        ),  # half of the traffic repeats, and only that is common to both
        (log(*range(100, 200), repeats=100), False),
    ],
    ids=["grown", "window with fewer repeats", "other sample", "larger sample"],
)
def test_repeated_sequences_are_no_evidence_of_growth(later, expected) -> None:
    assert is_grown(EarlierSequences([log(*range(50), repeats=50)]), [later], compare="auto") is expected


def test_sequences_common_by_chance_are_no_evidence_of_growth() -> None:
    """Half of the sequences seen once recur once, as many as 40 doubles on either side predict."""
    doubles = [(f"d{i}", f"d{i}") for i in range(40)] * 2
    others = [(f"e{i}", f"e{i}") for i in range(40)] * 2
    once = [(f"n{i}", f"n{i}") for i in range(100)]
    assert is_grown(EarlierSequences([batch(*once)]), [batch(*once[:60])], compare="auto")
    assert not is_grown(
        EarlierSequences([batch(*once, *doubles)]), [batch(*once[:60], *others)], compare="auto"
    )
