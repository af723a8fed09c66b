"""The library interface: spans of tagged sequences, and errors. Tags are tested with the command line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

import seqtag
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.features import ColumnIndex
from seqtag.library import LoadedTagger, TaggedSpan
from seqtag.tagging.output_scheme import OutputScheme


def test_spans_have_type_ends_and_confidence() -> None:
    tags = [["B-PER", "O", "B-LOC", "I-LOC"], [], ["O", "B-PER"]]
    sure = [[0.9, 0.8, 0.5, 0.5], [], [1.0, 0.25]]
    tagged = SimpleNamespace(
        predicted=pa.array(tags),
        confidence=pa.array(sure, pa.list_(pa.float32())),
        span_confidence=pa.array(sure, pa.list_(pa.float32())),
    )
    model = SimpleNamespace(tag=lambda *_: tagged, columns=ColumnIndex())
    tagger = LoadedTagger("x", ("O",), "IOB2", model)

    found = tagger.tag([["Anna", "in", "New", "York"], [], ["met", "Bob"]])

    assert [each.spans for each in found] == [
        [TaggedSpan("PER", 0, 1, pytest.approx(0.9)), TaggedSpan("LOC", 2, 4, 0.5)],
        [],
        [TaggedSpan("PER", 1, 2, 0.25)],
    ]


def test_tags_are_written_in_the_scheme_that_is_asked_for() -> None:
    sure = pa.array([[0.9, 0.9, 0.5]], pa.list_(pa.float32()))
    tagged = SimpleNamespace(
        predicted=pa.array([["B-LOC", "I-LOC", "B-LOC"]]),
        confidence=sure,
        span_confidence=sure,
        unknown=pa.array([[False, False, True]]),
    )
    model = SimpleNamespace(tag=lambda *_: tagged, columns=ColumnIndex())
    tagger = LoadedTagger("x", ("O",), "IOB2", model, OutputScheme.named("BILOU"))
    (found,) = tagger.tag([["New", "York", "Rome"]])
    assert found.tags == ["B-LOC", "L-LOC", "U-LOC"]
    assert [(span.start, span.stop) for span in found.spans] == [(0, 2), (2, 3)]
    tokens = pa.array([["New", "York", "Rome"]])
    assert tagger.tag_arrow(tokens)["predicted"].to_pylist() == [found.tags]


@pytest.mark.parametrize("sequences", ["Anna met", ["Anna met"], [["Anna", None]]])
def test_a_text_in_place_of_tokens_is_an_error(sequences: Any) -> None:
    tagger = LoadedTagger("x", ("O",), "IOB2", None)
    with pytest.raises(CorpusFormatError, match=r"sequence 0 is not a list of strings|got one text"):
        tagger.tag(sequences)


def test_an_unknown_tagger_is_an_error_that_says_what_exists(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no champion of 'nobody' in the registry"):
        seqtag.load("nobody", home=tmp_path)
    assert not list(tmp_path.iterdir())
