"""Legal transitions of every scheme, conversion between schemes, and scheme detection."""

from __future__ import annotations

import doctest
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.errors import TagSchemeError
from seqtag.tagging import convert_tags, detect_scheme, legal_transitions, schemes, spans_of, split_tags

TAGS = ("O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y")

# All tags that may follow each tag, by scheme: worked out by hand from the definitions, not from the tables.
FOLLOWERS = {
    "IOB1": {
        "start": "O I-X I-Y end",
        "O": "O I-X I-Y end",
        "B-X": "O B-X I-X I-Y end",
        "I-X": "O B-X I-X I-Y end",
        "B-Y": "O B-Y I-X I-Y end",
        "I-Y": "O B-Y I-X I-Y end",
    },
    "IOB2": {
        "start": "O B-X B-Y end",
        "O": "O B-X B-Y end",
        "B-X": "O B-X B-Y I-X end",
        "I-X": "O B-X B-Y I-X end",
        "B-Y": "O B-X B-Y I-Y end",
        "I-Y": "O B-X B-Y I-Y end",
    },
    "IOBES": {
        "start": "O B-X S-X B-Y S-Y end",
        "O": "O B-X S-X B-Y S-Y end",
        "B-X": "I-X E-X",
        "I-X": "I-X E-X",
        "E-X": "O B-X S-X B-Y S-Y end",
        "S-X": "O B-X S-X B-Y S-Y end",
        "B-Y": "I-Y E-Y",
        "I-Y": "I-Y E-Y",
        "E-Y": "O B-X S-X B-Y S-Y end",
        "S-Y": "O B-X S-X B-Y S-Y end",
    },
    "IOE1": {
        "start": "O I-X E-X I-Y E-Y end",
        "O": "O I-X E-X I-Y E-Y end",
        "I-X": "O I-X E-X I-Y E-Y end",
        "E-X": "I-X E-X",
        "I-Y": "O I-X E-X I-Y E-Y end",
        "E-Y": "I-Y E-Y",
    },
    "IOE2": {
        "start": "O I-X E-X I-Y E-Y end",
        "O": "O I-X E-X I-Y E-Y end",
        "I-X": "I-X E-X",
        "E-X": "O I-X E-X I-Y E-Y end",
        "I-Y": "I-Y E-Y",
        "E-Y": "O I-X E-X I-Y E-Y end",
    },
}


@pytest.mark.parametrize("scheme", FOLLOWERS)
@pytest.mark.parametrize("before", ["start", *TAGS])
def test_exactly_these_tags_may_follow(scheme: str, before: str) -> None:
    legal = legal_transitions(TAGS, scheme)
    row = len(TAGS) if before == "start" else TAGS.index(before)
    followers = {name for name, may in zip([*TAGS, "end"], legal[row], strict=True) if may}
    assert followers == set(FOLLOWERS[scheme].get(before, "").split())


def test_without_a_scheme_every_tag_may_follow_every_tag() -> None:
    assert legal_transitions(["NOUN", "VERB"], "none").all()
    assert legal_transitions(["NOUN", "VERB"], "none").shape == (3, 3)


@pytest.mark.parametrize("stray", ["FOO", "O-X", "B-", "", "-", "b-X", "U-X", "BX"])
def test_a_tag_of_no_scheme_has_no_legal_transitions(stray: str) -> None:
    legal = legal_transitions(["O", "B-X", stray], "IOB2")
    assert not legal[2].any()
    assert not legal[:, 2].any()
    assert legal[0, 1]


@pytest.mark.parametrize(
    ("tag", "prefix", "type_"),
    [
        ("O", "O", ""),
        ("B-PER", "B", "PER"),
        ("I-geo-loc", "I", "geo-loc"),
        ("S--", "S", "-"),
        ("E", "E", ""),
        ("E-", "", ""),
        ("O-", "", ""),
        ("NN", "", ""),
        ("NN-B", "", ""),
        ("", "", ""),
    ],
)
def test_a_tag_is_split_at_its_first_dash(tag: str, prefix: str, type_: str) -> None:
    assert split_tags([tag]) == ((prefix,), (type_,))


def test_types_with_dashes_are_distinguished() -> None:
    legal = legal_transitions(["B-a-b", "I-a-b", "I-a"], "IOB2")
    assert legal[0, 1]
    assert not legal[0, 2]


def count(sequences: list[str]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the tags of blank-separated sequences, and the counts of their transitions."""
    tags = sorted({tag for sequence in sequences for tag in sequence.split()})
    transitions = np.zeros((len(tags) + 1, len(tags) + 1), np.int64)
    for sequence in sequences:
        path = [len(tags), *(tags.index(tag) for tag in sequence.split()), len(tags)]
        for a, b in pairwise(path):
            transitions[a, b] += 1
    return tags, transitions


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        (["DET NOUN VERB"], "none"),
        (["O O O"], "none"),
        (["NN IN S I B X"], "none"),  # bare letters among other labels are labels
        (["I O I I"], "none"),  # a single bare letter is no evidence
        (["A A B", "B-side A A"], "none"),  # one odd label among many
        ([], "none"),
        (["B I O B"], "IOB2"),
        (["I I O I"] * 9 + ["I B O"], "IOB1"),
        (["B I E O S"], "IOBES"),
        (["O B-X I-X O"], "IOB2"),
        (["O B-X B-X O"], "IOB2"),
        (["O I-X O"], "IOB1"),
        (["I-X B-X I-Y"], "IOB1"),
        (["O S-X O"], "IOBES"),
        (["B-X E-X O"], "IOBES"),
        (["B-X I-X O"] * 9 + ["I-X O"], "IOB2"),  # one mistake against nine
        (["B-X I-X O"] * 9 + ["S-X O"], "IOB2"),
        (["I-X I-X O"] * 9 + ["B-X O"], "IOB1"),
        (["B-X E-X O"] * 9 + ["I-X O"], "IOBES"),
    ],
)
def test_the_scheme_is_detected(sequences: list[str], scheme: str) -> None:
    assert detect_scheme(*count(sequences)).scheme == scheme


def test_the_verdict_gives_the_counts() -> None:
    verdict = detect_scheme(*count(["O I-X O", "I-X B-X"]))
    assert verdict.reason == "fewest illegal transitions (of 7: 2 in IOB2, 0 in IOB1, 5 in IOBES)"
    assert verdict.illegal == {"none": 0, "IOB2": 2, "IOB1": 0, "IOBES": 5}


def test_a_tie_is_read_as_iob2() -> None:
    verdict = detect_scheme(*count(["I-X", "O B-X O"]))
    assert verdict.illegal["IOB1"] == verdict.illegal["IOB2"] == 1
    assert verdict.scheme == "IOB2"


def test_another_spelling_of_spans_is_never_mistaken_for_plain_labels() -> None:
    assert detect_scheme(*count(["U-X O U-X U-X", "B-X L-X"])).scheme != "none"


def tags_array(*sequences: str) -> pa.ListArray:
    return pa.array([sequence.split() for sequence in sequences], pa.list_(pa.string()))


SPELLINGS = {
    "IOB1": tags_array("I-X I-X B-X I-X I-Y O I-X", "", "I-X O"),
    "IOB2": tags_array("B-X I-X B-X I-X B-Y O B-X", "", "B-X O"),
    "IOBES": tags_array("B-X E-X B-X E-X S-Y O S-X", "", "S-X O"),
    "IOE1": tags_array("I-X E-X I-X I-X I-Y O I-X", "", "I-X O"),
    "IOE2": tags_array("I-X E-X I-X E-X E-Y O E-X", "", "E-X O"),
}


@pytest.mark.parametrize("source", SPELLINGS)
@pytest.mark.parametrize("target", SPELLINGS)
def test_the_same_spans_are_spelled_in_each_scheme(source: str, target: str) -> None:
    assert convert_tags(SPELLINGS[source], source, target).equals(SPELLINGS[target])


def test_a_span_does_not_reach_into_the_next_sequence() -> None:
    converted = convert_tags(tags_array("O I-X", "I-X I-X"), "IOB1", "IOB2")
    assert converted.to_pylist() == [["O", "B-X"], ["B-X", "I-X"]]


def test_null_lists_and_slices_are_converted_in_place() -> None:
    tags = pa.array([["I-X"], None, [], ["O", "I-X", "B-X"]], pa.list_(pa.string()))
    assert convert_tags(tags, "IOB1", "IOB2").to_pylist() == [["B-X"], None, [], ["O", "B-X", "B-X"]]
    assert convert_tags(tags[1:], "IOB1", "IOBES").to_pylist() == [None, [], ["O", "S-X", "S-X"]]
    assert convert_tags(tags[:0], "IOB1", "IOBES").to_pylist() == []


def test_bare_tags_stay_bare() -> None:
    assert convert_tags(tags_array("B I O B"), "IOB2", "IOBES").to_pylist() == [["B", "E", "O", "S"]]


def test_illegal_transitions_are_repaired_as_conlleval_reads_them() -> None:
    assert convert_tags(tags_array("O I-X I-Y"), "IOB2", "IOBES").to_pylist() == [["O", "S-X", "S-Y"]]


@pytest.mark.parametrize(
    ("tags", "source", "target", "message"),
    [
        (tags_array("O FOO"), "IOB1", "IOB2", "tag 'FOO' is not a span tag: expected one of scheme IOB1"),
        (
            tags_array("NN"),
            "none",
            "IOB2",
            "scheme has no spans: cannot convert from 'none' to 'IOB2'",
        ),
        (
            pa.array([["O", None]], pa.list_(pa.string())),
            "IOB1",
            "IOB2",
            "tags are missing: expected one per token, got 1 nulls",
        ),
    ],
)
def test_tags_that_cannot_be_converted_are_refused(
    tags: pa.ListArray, source: str, target: str, message: str
) -> None:
    with pytest.raises(TagSchemeError, match=message):
        convert_tags(tags, source, target)


@st.composite
def legal_sequences(draw: st.DrawFn, scheme: str) -> pa.ListArray:
    """Draw random walks over the legal transitions."""
    legal = legal_transitions(TAGS, scheme)
    sequences = []
    for _ in range(draw(st.integers(1, 4))):
        at, walk = len(TAGS), []
        for _ in range(draw(st.integers(0, 6))):
            at = draw(st.sampled_from(np.flatnonzero(legal[at, :-1]).tolist()))
            walk.append(TAGS[at])
        while not legal[at, -1]:  # finish the open span; after E of IOE1, the span that must follow
            at = TAGS.index(("I-" if scheme == "IOE1" else "E-") + TAGS[at][2:])
            walk.append(TAGS[at])
        sequences.append(walk)
    return pa.array(sequences, pa.list_(pa.string()))


@settings(deadline=None)  # a busy machine must not fail the test
@given(st.data(), st.sampled_from(sorted(SPELLINGS)), st.sampled_from(sorted(SPELLINGS)))
def test_converting_there_and_back_is_the_identity(data: st.DataObject, source: str, target: str) -> None:
    tags = data.draw(legal_sequences(source))
    there = convert_tags(tags, source, target)
    assert convert_tags(there, target, source).equals(tags)
    verdict = detect_scheme(*count([" ".join(sequence) for sequence in there.to_pylist()]))
    assert verdict.illegal.get(target, 0) == 0  # without E-, IOE1 and IOE2 are not considered


def as_defined(spans: list[tuple[int, int, str]], length: int, scheme: str) -> tuple[str, ...]:
    """Spell spans as Tjong Kim Sang and Veenstra (1999) and Uchimoto et al. (2000) define the schemes."""
    tags = ["O"] * length
    for start, stop, kind in spans:
        letters = ["I"] * (stop - start)
        touches = any(other_stop == start and other == kind for _, other_stop, other in spans)
        touched = any(other_start == stop and other == kind for other_start, _, other in spans)
        if scheme == "IOB2" or (scheme == "IOB1" and touches):
            letters[0] = "B"
        if scheme == "IOE2" or (scheme == "IOE1" and touched):
            letters[-1] = "E"
        if scheme == "IOBES":
            letters[0], letters[-1] = ("B", "E") if len(letters) > 1 else ("S", "S")
        tags[start:stop] = [f"{letter}-{kind}" for letter in letters]
    return tuple(tags)


def layouts(length: int, begin: int = 0) -> list[list[tuple[int, int, str]]]:
    """Return every way to place spans of types X and Y on `n` tokens."""
    if begin >= length:
        return [[]]
    found = layouts(length, begin + 1)
    for stop in range(begin + 1, length + 1):
        for kind in "XY":
            found = found + [[(begin, stop, kind), *rest] for rest in layouts(length, stop)]
    return found


@pytest.mark.parametrize("scheme", FOLLOWERS)
def test_all_sequences_of_four_tags_are_legal_and_read_as_defined(scheme: str) -> None:
    legal = legal_transitions(TAGS, scheme)
    for length in range(5):
        spans_by_tags = {as_defined(spans, length, scheme): spans for spans in layouts(length)}
        walks = {
            tuple(TAGS[tag] for tag in walk)
            for walk in product(range(len(TAGS)), repeat=length)
            if all(legal[a, b] for a, b in pairwise([len(TAGS), *walk, len(TAGS)]))
        }
        assert walks == set(spans_by_tags)
        sequences = sorted(walks)
        read = spans_of(tags_array(*map(" ".join, sequences)), scheme, mode="strict")
        found: list[list[tuple[int, int, str]]] = [[] for _ in sequences]
        for n, start, stop, kind in zip(read.sequence, read.start, read.stop, read.type_id, strict=True):
            found[n].append((int(start), int(stop), read.types[kind]))
        assert found == [spans_by_tags[sequence] for sequence in sequences]


def test_the_examples_hold() -> None:
    assert doctest.testmod(schemes).failed == 0
