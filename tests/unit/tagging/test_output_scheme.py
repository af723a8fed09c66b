"""Written tags compared with seqscore and seqeval, and read again in every scheme and spelling."""

from __future__ import annotations

import doctest
import json
import re
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from seqeval import scheme as seqeval_schemes

from seqtag.config.scheme_names import SCHEME_ALIASES
from seqtag.errors import ConfigError, TagSchemeError
from seqtag.tagging import output_scheme, respell, spans_of
from seqtag.tagging.output_scheme import OUTPUT_SCHEMES, OutputScheme
from seqtag.tagging.spelling import PATTERNS, read_spelling

# 41 layouts of spans on three tokens, `start:stop:type`, in the tags that seqscore 0.9.0 writes for them
SEQSCORE = json.loads(Path(__file__).with_name("seqscore_tags.json").read_text())
NAMES = {"BIO": "BIO", "BIOES": "BIOES", "BILOU": "BILOU", "BMES": "BMES", "BMEOW": "BMEOW", "IOB": "IOB1"}
Span = tuple[int, int, str]


def layout(text: str) -> list[Span]:
    return [(int(start), int(stop), type_) for start, stop, type_ in (s.split(":") for s in text.split())]


def iob2(spans: list[Span], length: int) -> list[str]:
    tags = ["O"] * length
    for start, stop, type_ in spans:
        tags[start:stop] = [f"B-{type_}", *[f"I-{type_}"] * (stop - start - 1)]
    return tags


def lists(*sequences: list[str]) -> pa.ListArray:
    return pa.array(sequences, pa.list_(pa.string()))


def written(tags: list[str], name: str) -> list[str]:
    found: list[str] = OutputScheme.named(name).converted(lists(tags), "IOB2")[0].as_py()
    return found


@pytest.mark.parametrize("row", SEQSCORE, ids=lambda row: row["spans"] or "none")
def test_tags_are_those_of_seqscore(row: dict[str, str]) -> None:
    tags = iob2(layout(row["spans"]), 3)
    assert {theirs: " ".join(written(tags, name)) for theirs, name in NAMES.items()} == {
        theirs: row[theirs] for theirs in NAMES
    }


@pytest.mark.parametrize("row", SEQSCORE, ids=lambda row: row["spans"] or "none")
def test_io_is_that_of_seqscore_or_refused_where_spans_would_be_joined(row: dict[str, str]) -> None:
    spans = layout(row["spans"])
    touching = any((stop, type_) == (start, other) for _, stop, type_ in spans for start, _, other in spans)
    if touching:
        with pytest.raises(TagSchemeError, match="scheme IO cannot express touching spans"):
            written(iob2(spans, 3), "IO")
    else:
        assert " ".join(written(iob2(spans, 3), "IO")) == row["IO"]


def read_brackets(tags: list[str]) -> list[Span]:
    """Read tags as the description of CoNLL-2005 defines them."""
    spans, opened = [], None
    for place, tag in enumerate(tags):
        found = re.fullmatch(r"(?:\((?P<type>[^()*]*))?\*(?P<close>\)?)", tag)
        assert found
        if found["type"] is not None:
            assert opened is None
            opened = (place, found["type"])
        if found["close"]:
            assert opened is not None
            spans.append((opened[0], place + 1, opened[1]))
            opened = None
    assert opened is None
    return spans


@pytest.mark.parametrize("row", SEQSCORE, ids=lambda row: row["spans"] or "none")
def test_brackets_hold_the_spans(row: dict[str, str]) -> None:
    spans = layout(row["spans"])
    assert read_brackets(written(iob2(spans, 3), "brackets")) == spans


def read(tags: list[list[str]], how: OutputScheme, declared: str) -> list[list[Span]]:
    """Read tags as those of a corpus with a declared scheme, pattern and outside tag."""
    spelled, scheme = how.spelling, SCHEME_ALIASES.get(declared, declared)
    tokens = {tag: 1 for sequence in tags for tag in sequence}
    evidence = read_spelling(tokens, pattern=spelled.pattern, outside=spelled.outside, certain=True)
    found = spans_of(respell(lists(*tags), evidence.spelling.of_scheme(scheme)), scheme, mode="strict")
    spans: list[list[Span]] = [[] for _ in tags]
    for n, start, stop, type_id in zip(found.sequence, found.start, found.stop, found.type_id, strict=True):
        spans[n].append((int(start), int(stop), found.types[type_id]))
    return spans


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Draw spans, often touching ones of one type, and the number of tokens."""
    types = ["X", "Y_1", "a-b", "B-C", "x.y:z/I"]
    spans, at = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = at + draw(st.integers(0, 2))
        at = start + draw(st.integers(1, 4))
        spans.append((start, at, draw(st.sampled_from(types))))
    return spans, at + draw(st.integers(0, 2))


@settings(deadline=None)  # a busy machine must not fail the test
@given(
    st.lists(layouts(), min_size=1, max_size=4),
    st.sampled_from([name for name in OUTPUT_SCHEMES if name not in ("IO", "brackets")]),
    st.sampled_from(PATTERNS),
    st.sampled_from(["O", "o", "0", "OTHER", "-"]),
)
@example([([(0, 1, "X"), (1, 4, "X")], 5)], "BMEWO", "X_b", "o")
def test_written_tags_are_read_as_the_same_spans(
    drawn: list[tuple[list[Span], int]], name: str, pattern: str, outside: str
) -> None:
    # The first sequence shows every letter: declared letters are taken from the tags.
    drawn = [([(0, 1, "X"), (1, 4, "X")], 5), *drawn]
    how = OutputScheme.named(name, pattern=pattern, outside=outside)
    tags = how.converted(lists(*(iob2(*each) for each in drawn)), "IOB2").to_pylist()
    assert read(tags, how, name) == [spans for spans, _ in drawn]


def is_single_before_its_type(one: Span, other: Span) -> bool:
    return one[1] - one[0] == 1 and one[1:] == (other[0], other[2])


@settings(deadline=None)  # a busy machine must not fail the test
@given(layouts(), st.sampled_from(["IOB1", "IOB2", "IOE1", "IOE2", "IOBES", "BILOU"]))
def test_seqeval_reads_the_same_spans(drawn: tuple[list[Span], int], name: str) -> None:
    spans, length = drawn
    # seqeval 1.2.2 begins no span at a single E of IOE1
    assume(name != "IOE1" or not any(is_single_before_its_type(*pair) for pair in pairwise(spans)))
    tags = written(iob2(spans, length), name)
    referee = getattr(seqeval_schemes, name)
    entities = seqeval_schemes.Tokens(tags, referee).entities if tags else []
    assert [(each.start, each.end, each.tag) for each in entities] == spans


@settings(deadline=None)  # a busy machine must not fail the test
@given(layouts(), st.sampled_from(["IOB1", "IOB2", "IOE1", "IOE2", "IOBES"]))
def test_brackets_are_the_same_from_every_scheme(drawn: tuple[list[Span], int], source: str) -> None:
    tags = lists(written(iob2(*drawn), source))
    brackets = OutputScheme.named("brackets").converted(tags, source)
    assert read_brackets(brackets[0].as_py()) == drawn[0]


def test_illegal_tags_are_written_as_the_spans_that_conlleval_reads() -> None:
    how = OutputScheme.named("IOB2")
    assert how.converted(lists(["O", "I-X", "I-Y"]), "IOB2").to_pylist() == [["O", "B-X", "B-Y"]]


def test_without_a_name_only_the_spelling_changes() -> None:
    how = OutputScheme.chosen(None, pattern="X_b", outside="o")
    assert how is not None
    assert how.converted(lists(["S-X", "O", "B-Y", "E-Y"]), "IOBES").to_pylist() == [
        ["X_s", "o", "Y_b", "Y_e"]
    ]
    assert OutputScheme.chosen(None, pattern=None, outside=None) is None


def test_what_cannot_be_expressed_is_refused_with_its_place() -> None:
    with pytest.raises(TagSchemeError, match=r"span of type 'X' at sequence 12, token 2 directly follows"):
        OutputScheme.named("IO").converted(lists(["O"], ["B-X", "B-X"]), "IOB2", first=10)
    with pytest.raises(TagSchemeError, match=r"cannot express type 'a\(b': .* at sequence 1, token 2"):
        OutputScheme.named("brackets").converted(lists(["O", "B-a(b"]), "IOB2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "BIOUX"}, "unknown tag scheme 'BIOUX': expected IOB1, .*; did you mean"),
        ({"name": "IOB"}, "ambiguous tag scheme 'IOB': expected IOB1 or IOB2"),
        ({"name": "none"}, "unknown tag scheme 'none'"),
        ({"name": "brackets", "pattern": "B-X"}, "brackets have one spelling"),
        ({"name": "BIO", "pattern": "B X"}, "unknown spelling 'B X'"),
        ({"name": "BIO", "outside": "B-X"}, "outside tag 'B-X' is spelled like a span"),
        ({"name": None, "outside": ""}, "outside tag is empty or has whitespace: expected text, got ''"),
        ({"name": "BIO", "outside": "x\ty"}, r"outside tag is empty or has whitespace: .* got 'x\\ty'"),
    ],
)
def test_a_wrong_choice_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OutputScheme.named(**options)


def test_the_examples_hold() -> None:
    assert doctest.testmod(output_scheme).failed == 0
