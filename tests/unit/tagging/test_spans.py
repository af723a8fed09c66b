"""Spans compared with cases worked out by hand, seqeval and conlleval."""

from __future__ import annotations

import conlleval
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import scheme as seqeval_schemes
from seqeval.metrics.sequence_labeling import get_entities

from seqtag.errors import TagSchemeError
from seqtag.tagging import Spans, convert_tags, spans_of, tags_of

PREFIXES = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES", "IOE1": "IE", "IOE2": "IE"}
SCHEMES = sorted(PREFIXES)


def tag_array(sequences: list[list[str]]) -> pa.ListArray:
    return pa.array(sequences, pa.list_(pa.string()))


def listed(spans: Spans) -> list[tuple[int, str, int, int]]:
    return [
        (int(n), spans.types[t], int(start), int(stop))
        for n, t, start, stop in zip(spans.sequence, spans.type_id, spans.start, spans.stop, strict=True)
    ]


def read(tags: str, scheme: str, mode: str) -> list[tuple[str, int, int]]:
    return [span[1:] for span in listed(spans_of(tag_array([tags.split()]), scheme, mode=mode))]


@pytest.mark.parametrize(
    ("tags", "conlleval_spans", "strict_spans"),
    [
        ("B-X I-X O", [("X", 0, 2)], [("X", 0, 2)]),
        ("B-X B-X", [("X", 0, 1), ("X", 1, 2)], [("X", 0, 1), ("X", 1, 2)]),
        ("O I-X I-X", [("X", 1, 3)], []),
        ("B-X I-Y", [("X", 0, 1), ("Y", 1, 2)], [("X", 0, 1)]),
        ("B-X O I-X", [("X", 0, 1), ("X", 2, 3)], [("X", 0, 1)]),
        ("B-a-b I-a-b I-a", [("a-b", 0, 2), ("a", 2, 3)], [("a-b", 0, 2)]),
        ("B I O", [("", 0, 2)], [("", 0, 2)]),
        ("B-X FOO I-X", [("X", 0, 1), ("X", 2, 3)], [("X", 0, 1)]),
        ("B-X E-X", [("X", 0, 2)], []),
        ("O O", [], []),
    ],
)
def test_iob2_spans_worked_out_by_hand(
    tags: str, conlleval_spans: list[tuple[str, int, int]], strict_spans: list[tuple[str, int, int]]
) -> None:
    assert read(tags, "IOB2", "conlleval") == conlleval_spans
    assert read(tags, "IOB2", "strict") == strict_spans


@pytest.mark.parametrize(
    ("tags", "strict_spans"),
    [
        ("I-X I-X O", [("X", 0, 2)]),
        ("I-X B-X I-X", [("X", 0, 1), ("X", 1, 3)]),
        ("I-X I-Y", [("X", 0, 1), ("Y", 1, 2)]),
        ("I-X B-X B-X", [("X", 0, 1), ("X", 1, 2), ("X", 2, 3)]),
        ("B-X I-X", []),
        ("O B-X I-X", []),
        ("I-X B-Y I-Y", [("X", 0, 1)]),
        ("O I-X E-X", []),
    ],
)
def test_strict_iob1_requires_b_exactly_between_adjacent_spans_of_a_type(
    tags: str, strict_spans: list[tuple[str, int, int]]
) -> None:
    assert read(tags, "IOB1", "strict") == strict_spans


@pytest.mark.parametrize(
    ("tags", "strict_spans"),
    [
        ("S-X B-X E-X", [("X", 0, 1), ("X", 1, 3)]),
        ("B-X I-X I-X E-X", [("X", 0, 4)]),
        ("B-X I-X O", []),
        ("I-X E-X", []),
        ("B-X", []),
        ("E-X S-X", [("X", 1, 2)]),
        ("B-X E-Y", []),
    ],
)
def test_strict_iobes_requires_b_to_e_or_s(tags: str, strict_spans: list[tuple[str, int, int]]) -> None:
    assert read(tags, "IOBES", "strict") == strict_spans


def test_spans_end_with_their_sequence() -> None:
    spans = spans_of(tag_array([["O", "I-X"], [], ["B-X", "I-X"], ["B-X"]]), "IOB1", mode="conlleval")
    assert listed(spans) == [(0, "X", 1, 2), (2, "X", 0, 2), (3, "X", 0, 1)]
    strict = spans_of(tag_array([["O", "I-X"], ["B-X", "I-X"]]), "IOB1", mode="strict")
    assert listed(strict) == [(0, "X", 1, 2)]


def test_without_a_scheme_there_are_no_spans_to_read() -> None:
    with pytest.raises(TagSchemeError, match="scheme 'none' has no spans"):
        spans_of(tag_array([["NN"]]), "none", mode="conlleval")
    with pytest.raises(TagSchemeError, match="scheme 'none' has no spans"):
        tags_of(spans_of(tag_array([["O"]]), "IOB2", mode="strict"), np.array([1]), "none")


def test_a_null_tag_is_refused() -> None:
    with pytest.raises(TagSchemeError, match="got 1 nulls"):
        spans_of(pa.array([["O", None]], pa.list_(pa.string())), "IOB2", mode="strict")


@st.composite
def any_sequences(draw: st.DrawFn, scheme: str) -> list[list[str]]:
    """Any tags that the scheme has, legal or not."""
    tags = ["O", *(f"{prefix}-{type_}" for prefix in PREFIXES[scheme] for type_ in ("X", "Y", "a-b"))]
    return draw(st.lists(st.lists(st.sampled_from(tags), max_size=8), min_size=1, max_size=4))


@st.composite
def legal_sequences(draw: st.DrawFn, scheme: str) -> list[list[str]]:
    any_tags = tag_array(draw(any_sequences("IOBES")))
    legal = convert_tags(any_tags, "IOBES", "IOB1")
    return (legal if scheme == "IOB1" else convert_tags(legal, "IOB1", scheme)).to_pylist()


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(SCHEMES))
def test_conlleval_mode_finds_what_seqeval_finds(data: st.DataObject, scheme: str) -> None:
    sequences = data.draw(any_sequences(scheme))
    expected = [
        (n, type_, first, last + 1)
        for n, sequence in enumerate(sequences)
        for type_, first, last in get_entities(sequence)
    ]
    assert listed(spans_of(tag_array(sequences), scheme, mode="conlleval")) == expected


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(SCHEMES))
def test_conlleval_mode_counts_what_conlleval_counts(data: st.DataObject, scheme: str) -> None:
    gold = data.draw(any_sequences(scheme))
    predicted = [
        [data.draw(st.sampled_from([tag, "O", "I-X", "B-Y"])) for tag in sequence] for sequence in gold
    ]
    lines = ["w O O"]  # conlleval expects a token first
    for g, p in zip(gold, predicted, strict=True):
        lines += [f"w {a} {b}" for a, b in zip(g, p, strict=True)] + [""]
    chunks = conlleval.evaluate(lines)["overall"]["chunks"]["stats"]
    gold_spans = listed(spans_of(tag_array(gold), scheme, mode="conlleval"))
    predicted_spans = listed(spans_of(tag_array(predicted), scheme, mode="conlleval"))
    assert chunks == {
        "gold": len(gold_spans),
        "pred": len(predicted_spans),
        "correct": len(set(gold_spans) & set(predicted_spans)),
    }


def strict_by_seqeval(sequences: list[list[str]], scheme: str) -> list[tuple[int, str, int, int]]:
    token = getattr(seqeval_schemes, scheme)
    return [
        (n, entity.tag, entity.start, entity.end)
        for n, sequence in enumerate(sequences)
        for entity in seqeval_schemes.Tokens(sequence, token).entities
    ]


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(["IOB2", "IOBES"]))
def test_strict_mode_finds_what_seqeval_finds_strictly(data: st.DataObject, scheme: str) -> None:
    sequences = data.draw(any_sequences(scheme))
    strict = listed(spans_of(tag_array(sequences), scheme, mode="strict"))
    assert strict == strict_by_seqeval(sequences, scheme)


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data())
def test_strict_iob1_agrees_with_seqeval_on_legal_tags(data: st.DataObject) -> None:
    """On illegal tags, seqeval 1.2.2 counts the I-X of `O B-X I-X` as a separate span."""
    sequences = data.draw(legal_sequences("IOB1"))
    strict = listed(spans_of(tag_array(sequences), "IOB1", mode="strict"))
    assert strict == strict_by_seqeval(sequences, "IOB1")


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data())
def test_strict_ioe2_agrees_with_seqeval_on_legal_tags(data: st.DataObject) -> None:
    sequences = data.draw(legal_sequences("IOE2"))
    strict = listed(spans_of(tag_array(sequences), "IOE2", mode="strict"))
    assert strict == strict_by_seqeval(sequences, "IOE2")


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(SCHEMES))
def test_legal_tags_are_well_formed_throughout(data: st.DataObject, scheme: str) -> None:
    tags = tag_array(data.draw(legal_sequences(scheme)))
    strict = spans_of(tags, scheme, mode="strict")
    assert listed(strict) == listed(spans_of(tags, scheme, mode="conlleval"))


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(SCHEMES), st.sampled_from(["conlleval", "strict"]))
def test_tags_to_spans_to_tags_is_the_identity(data: st.DataObject, scheme: str, mode: str) -> None:
    tags = tag_array(data.draw(legal_sequences(scheme)))
    lengths = np.array([len(sequence) for sequence in tags.to_pylist()])
    assert tags_of(spans_of(tags, scheme, mode=mode), lengths, scheme).equals(tags)


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(SCHEMES), st.sampled_from(SCHEMES))
def test_spans_to_tags_to_spans_is_the_identity(data: st.DataObject, scheme: str, spelled: str) -> None:
    sequences = data.draw(any_sequences(scheme))
    spans = spans_of(tag_array(sequences), scheme, mode="conlleval")
    tags = tags_of(spans, np.array([len(sequence) for sequence in sequences]), spelled)
    assert listed(spans_of(tags, spelled, mode="strict")) == listed(spans)
