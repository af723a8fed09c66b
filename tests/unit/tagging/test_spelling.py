"""Spellings of span tags that are detected, and labels that are not span tags."""

from __future__ import annotations

import doctest
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval import scheme as seqeval_schemes

from seqtag.config import scheme_names
from seqtag.tagging import SchemeVerdict, Spelling, convert_tags, detect_scheme, respell, spans_of, spelling
from seqtag.tagging.spelling import PATTERNS


def verdict(*sequences: str) -> SchemeVerdict:
    tags = list(dict.fromkeys(tag for sequence in sequences for tag in sequence.split()))
    transitions = np.zeros((len(tags) + 1, len(tags) + 1), np.int64)
    for sequence in sequences:
        for a, b in pairwise([len(tags), *(tags.index(tag) for tag in sequence.split()), len(tags)]):
            transitions[a, b] += 1
    return detect_scheme(tags, transitions)


@pytest.mark.parametrize(
    ("sequence", "scheme", "expected"),
    [
        ("B-X I-X L-X O U-X", "IOBES", Spelling(letters="BILU")),
        ("B-X M-X E-X O S-X", "IOBES", Spelling(letters="BMES")),
        ("B-X M-X E-X O O", "IOBES", Spelling(letters="BMES")),
        ("B-X M-X E-X O W-X", "IOBES", Spelling(letters="BMEW")),
        ("B-X L-X O U-Y", "IOBES", Spelling(letters="BILU")),
        ("B M E S B E", "IOBES", Spelling(letters="BMES")),  # word segmentation has no O
        ("b-x i-x o", "IOB2", Spelling("b-X", outside="o")),
        ("b-x i-x O", "IOB2", Spelling("b-X")),
        ("O b-x i-x O b-y b-z i-z o O o", "IOB2", Spelling("b-X")),
        ("B\u2010X I\u2010X O", "IOB2", Spelling("B\u2010X")),
        ("B\u2212X I\u2212X O", "IOB2", Spelling("B\u2212X")),
        ("b i o b i", "IOB2", Spelling("b-X", outside="o")),
        ("b-x i-x l-x o u-x", "IOBES", Spelling("b-X", "BILU", "o")),
        ("B_X I_X O", "IOB2", Spelling("B_X")),
        ("B_geo_loc I_geo_loc O", "IOB2", Spelling("B_X")),
        ("geo-loc-B geo-loc-I O", "IOB2", Spelling("X-B")),
        ("x_b x_i 0", "IOB2", Spelling("X_b", outside="0")),
        ("B:X I:X O", "IOB2", Spelling("B:X")),
        ("NN_B NN_M NN_E VV_S", "IOBES", Spelling("X_B", "BMES")),
        ("B-X I-X 0 0", "IOB2", Spelling(outside="0")),
        ("B-X I-X OTHER", "IOB2", Spelling(outside="OTHER")),
        ("B-X I-X NIL NIL", "IOB2", Spelling(outside="NIL")),  # nothing else can be outside
        ("I-X E-X E-X O", "IOE2", Spelling()),
        ("I-X E-X I-X O", "IOE1", Spelling()),
    ],
)
def test_an_unmistakable_spelling_is_detected(sequence: str, scheme: str, expected: Spelling) -> None:
    found = verdict(*[sequence] * 3)
    assert (found.scheme, found.spelling) == (scheme, expected)
    assert found.illegal[scheme] == 0


def test_the_reason_names_the_spelling() -> None:
    assert verdict("b-x i-x o").reason == (
        "fewest illegal transitions (of 4: 0 in IOB2, 1 in IOB1, 1 in IOBES); tags are spelled b-X, i-X and o"
    )


@pytest.mark.parametrize(
    "sequence",
    [
        "O E-mail Phone O",
        "O E-mail O",
        "O S-Bahn U-Bahn E-mail",
        "E-mail S-Bahn",
        "O M-1 M-2 L-shape",
        "O U-turn",
        "I-beam L-beam",
        "O B-side plain",
        "M L S L",  # sizes
        "a-b c-i d-e",
        "n-s---mn- u-------- l-s---fn- i-------- e-------- v3spia---",
        "start_b view_x buy_y O",
    ],
)
def test_labels_that_begin_like_prefixes_have_no_scheme(sequence: str) -> None:
    found = verdict(*[sequence] * 3)
    assert (found.scheme, found.spelling) == ("none", Spelling())


def test_the_reason_names_labels_that_look_like_spans() -> None:
    assert verdict("O E-mail Phone O").reason == (
        "labels such as E-mail: no type has two prefixes of a longer span (B- and I-, B- and E-)"
    )


@pytest.mark.parametrize(("n_lower", "pattern"), [(4, "B-X"), (6, "b-X")])
def test_tags_in_a_second_spelling_are_illegal(n_lower: int, pattern: str) -> None:
    found = verdict(*["B-PER I-PER O"] * (10 - n_lower), *["b-per i-per O"] * n_lower)
    assert (found.scheme, found.spelling.pattern) == ("IOB2", pattern)
    assert found.illegal["IOB2"] == 3 * min(n_lower, 10 - n_lower)


@pytest.mark.parametrize("mark", ["-", "_", "?"])
def test_a_mark_that_may_mean_no_tag_is_not_taken_for_outside(mark: str) -> None:
    found = verdict(*[f"{mark} B-X I-X {mark} {mark} {mark}"] * 3)
    assert (found.scheme, found.spelling.outside) == ("IOB2", "O")
    assert found.illegal["IOB2"] == 18  # all of 21 but B-X to I-X


def test_one_stray_label_among_tags_in_another_spelling_is_illegal() -> None:
    found = verdict(*["b-x i-x o"] * 20, "FOO o")
    assert (found.scheme, found.illegal["IOB2"]) == ("IOB2", 2)


def test_the_letters_of_bilou_are_no_prefixes_of_other_schemes() -> None:
    found = verdict(*["B-X I-X O"] * 5, "U-turn")
    assert (found.scheme, found.spelling) == ("IOB2", Spelling())
    assert found.illegal["IOB2"] == 2


def test_null_tags_null_lists_and_slices_are_respelled_in_place() -> None:
    tags = pa.array([["b-x", None, "o"], None, [], ["FOO", "l-x"]], pa.list_(pa.string()))
    spelled = Spelling("b-X", "BILU", "o")
    assert respell(tags, spelled).to_pylist() == [["B-x", None, "O"], None, [], ["FOO", "E-x"]]
    assert respell(tags[1:], spelled).to_pylist() == [None, [], ["FOO", "E-x"]]
    assert respell(tags, Spelling()) is tags


def test_bilou_is_read_as_seqeval_reads_it() -> None:
    tags = [["B-X", "I-X", "L-X", "U-Y", "O"], ["O", "B-Y", "L-Y", "U-X", "U-X"]]
    spans = spans_of(respell(pa.array(tags), Spelling(letters="BILU")), "IOBES", mode="strict")
    read = zip(spans.sequence, [spans.types[t] for t in spans.type_id], spans.start, spans.stop, strict=True)
    assert list(read) == [
        (n, entity.tag, entity.start, entity.end)
        for n, sequence in enumerate(tags)
        for entity in seqeval_schemes.Tokens(sequence, seqeval_schemes.BILOU).entities
    ]


def written(tag: str, how: Spelling) -> str:
    """Spell a canonical tag, by replacing letters in a pattern."""
    if tag == "O":
        return how.outside
    letter = how.letters["BIES".index(tag[0])]
    letter = letter.lower() if "b" in how.pattern else letter
    front, separator, back = how.pattern
    return separator.join(letter if part in "Bb" else tag[2:] for part in (front, back))


@settings(deadline=None)  # a busy machine must not fail the test
@given(
    st.data(),
    st.sampled_from(PATTERNS),
    st.sampled_from(["BIES", "BILU", "BMES", "BMEW"]),
    st.sampled_from(["O", "o", "0", "OTHER"]),
)
def test_spans_survive_every_spelling(data: st.DataObject, pattern: str, letters: str, outside: str) -> None:
    legal = ["O", "S-X", "B-X E-X", "B-X I-X E-X", "S-a-b", "B-Y_1 I-Y_1 E-Y_1"]
    pieces = st.lists(st.sampled_from(legal), min_size=1, max_size=6)
    sequences = [" ".join(data.draw(pieces)).split() for _ in range(3)]
    sequences.append(["B-X", "I-X", "E-X", "O", "S-X", "B-X", "I-X", "E-X", "O", "S-X"])
    how = Spelling(pattern, letters, outside)
    spelled = [[written(tag, how) for tag in sequence] for sequence in sequences]

    found = verdict(*[" ".join(sequence) for sequence in spelled])

    assert (found.scheme, found.spelling) == ("IOBES", how)
    tags = respell(pa.array(spelled, pa.list_(pa.string())), found.spelling)
    assert tags.to_pylist() == sequences
    iob2 = convert_tags(tags, "IOBES", "IOB2")
    assert len(spans_of(iob2, "IOB2", mode="strict")) == len(spans_of(tags, "IOBES", mode="strict"))


def test_the_examples_hold() -> None:
    assert doctest.testmod(spelling).failed == doctest.testmod(scheme_names).failed == 0


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("(PER* *) * (LOC*) *", "tags are spans in brackets, such as (LOC*)"),
        ("<B-PER> <I-PER> O <B-LOC>", "tags are in angle brackets, such as <B-LOC>"),
        ("BPER IPER O BLOC ILOC", "tags have no separator after the prefix, such as BLOC"),
        ("IN NN INTJ BADJ B O", None),
        ("( NN ) * NN NN NN NN NN NN NN NN NN NN", None),
    ],
)
def test_spans_in_an_unsupported_spelling_are_distinguished_from_labels(sequence, expected):
    found = verdict(sequence)

    assert (found.scheme, found.unread) == ("none", expected)
