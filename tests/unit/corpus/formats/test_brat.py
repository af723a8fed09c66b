"""brat standoff: texts with annotations next to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources, source_digests
from seqtag.errors import ConfigError

TEXT = "Ada of Bath\n\nspoke to Bo.\r\n"
ANN = "T1\tPER 0 11\tAda of Bath\nT2\tPER 22 24\tBo\nR1\tknows Arg1:T1 Arg2:T2\n#1\tNote T1\tx\n"
BRAT = {"format": "brat", "tokenise": "words"}


@pytest.fixture
def read(tmp_path: Path, read_rows: Callable[..., Any]) -> Callable[..., Any]:
    """Write a text and its annotations, and read them."""

    def rows(text: str, annotations: str, **keys: Any) -> Any:
        (tmp_path / "a.txt").write_bytes(text.encode())
        (tmp_path / "a.ann").write_bytes(annotations.encode())
        return read_rows({**BRAT, "path": f"{tmp_path}/*.txt", **keys})

    return rows


def test_lines_are_sequences_and_the_text_is_the_document(read, content):
    rows = read(TEXT, ANN)

    assert content(rows) == [
        (["Ada", "of", "Bath"], ["B-PER", "I-PER", "I-PER"]),
        (["spoke", "to", "Bo", "."], ["O", "O", "B-PER", "O"]),
    ]
    assert [(row["sequence_id"], row["document_id"]) for row in rows] == [
        ("a.txt#1", "a.txt"),
        ("a.txt#2", "a.txt"),
    ]


def test_a_text_can_be_one_sequence_whose_spans_continue_on_the_next_line(read, content):
    rows = read("Ada\nBo", "T1\tPER 0 3;4 6\tAda Bo\n", sequences="documents", tokenise="whitespace")
    assert content(rows) == [(["Ada", "Bo"], ["B-PER", "I-PER"])]


def test_offsets_count_code_points(read, content):
    assert content(read("\U0001f642 Bo", "T1\tPER 2 4\tBo\n")) == [(["\U0001f642", "Bo"], ["O", "B-PER"])]


@pytest.mark.parametrize(
    ("annotations", "defect"),
    [
        (
            "T1\tPER 0 3;7 11\tAda Bath\n",
            "span 'Ada of Bath' [0, 11) PER is discontinuous: expected one piece, got 2",
        ),
        (
            "T1\tX 0 6\tAda of\nT2\tY 4 11\tof Bath\n",
            "span 'of Bath' [4, 11) Y overlaps span 'Ada of' [0, 6) X",
        ),
        (
            "T1\tX 0 2\tAd\n",
            "span 'Ad' [0, 2) X fits no tokens: no token ends at 2, the nearest end at 3",
        ),
        ("T1\tX 0 3\tBob\n", "span 'Ada' [0, 3) X has another text: expected 'Bob', got 'Ada' there"),
        ("T1\tX 7 18\tBath spoke\n", "span 'Bath\\n\\nspoke' [7, 18) X exceeds its line: expected it in one"),
    ],
    ids=["discontinuous", "overlapping", "within a token", "another text", "two lines"],
)
def test_spans_that_are_no_tags_break_their_line(annotations, defect, read):
    first, *_ = read(TEXT, annotations)
    assert first["defect"].startswith(f"a.txt:1: {defect}")
    assert first["tokens"] == ["Ada", "of", "Bath"]


def test_a_span_beyond_the_text_breaks_the_last_line(read):
    rows = read("Ada\nBo", "T1\tX 4 9\tBo\n")
    assert [row["defect"] for row in rows] == [
        None,
        "a.txt:2: span 'Bo' [4, 9) X exceeds the text: expected 0 to 6 characters; correct the line",
    ]


def test_a_span_that_is_not_understood_breaks_the_sequences_of_its_text_only(read, tmp_path):
    (tmp_path / "b.txt").write_text("Bo\n")
    (tmp_path / "b.ann").write_text("T1\tX 0 2\tBo\n")
    rows = read(TEXT, "T1\tX 0 3\tAda\nT2\tX 0\nT3\n")
    defect = (
        "a.ann:2: span is not understood: expected 'T1', a tab, a label, and where it starts and ends, got "
        "'T2\\tX 0'; correct the line"
    )
    assert [row["defect"] for row in rows] == [f"a.txt:1: {defect}", f"a.txt:3: {defect}", None]


def test_a_text_without_annotations_is_an_error(tmp_path, read_rows):
    (tmp_path / "a.txt").write_text("Ada\n")
    with pytest.raises(ConfigError, match=r"a\.txt: annotations are missing: expected a\.ann in the same"):
        read_rows({**BRAT, "path": f"{tmp_path}/*.txt"})


def test_annotations_belong_to_the_content_of_a_corpus(read, tmp_path):
    read(TEXT, ANN)
    corpus = CorpusConfig.model_validate({"sources": [{**BRAT, "path": f"{tmp_path}/*.txt"}]})
    before = source_digests(corpus)
    (tmp_path / "a.ann").write_text("")
    assert source_digests(corpus) != before
    assert [row["tags"] for batch in read_sources(corpus) for row in batch.to_pylist()] == [
        ["O"] * 3,
        ["O"] * 4,
    ]
