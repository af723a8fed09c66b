"""Parallel files of sequences and tags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.corpus.text_blocks import fields_of_line
from seqtag.errors import ConfigError, CorpusFormatError


@pytest.fixture
def read_pair(tmp_path: Path, read_rows: Callable[..., Any]) -> Callable[..., Any]:
    def rows(tokens: str, tags: str) -> Any:
        (tmp_path / "seq.in").write_bytes(tokens.encode())
        (tmp_path / "seq.out").write_bytes(tags.encode())
        return read_rows(
            {"format": "parallel", "path": str(tmp_path / "seq.in"), "tags_path": str(tmp_path / "seq.out")}
        )

    return rows


def test_lines_of_both_files_are_paired(read_pair, content):
    rows = read_pair("fly to  Boston\nstop\n", "O O B-city\nO")

    assert content(rows) == [(["fly", "to", "Boston"], ["O", "O", "B-city"]), (["stop"], ["O"])]
    assert [row["sequence_id"] for row in rows] == ["seq.in#1", "seq.in#2"]


@pytest.mark.parametrize(
    ("tokens", "tags", "place"), [("a\nb\rc\n", "O\nO O\n", "seq.in:2"), ("a\n", "O\r\r\n", "seq.out:1")]
)
def test_a_carriage_return_within_a_line_is_an_error(tokens, tags, place, read_pair):
    with pytest.raises(CorpusFormatError, match=f"{place}: carriage return within a line"):
        read_pair(tokens, tags)


def test_lines_of_different_lengths_are_defective_sequences_that_name_both_lines(read_pair, content):
    rows = read_pair("a b\nc\nd\n", "O\nO O\nO\n")

    assert content(rows) == [(["a", "b"], ["O"]), (["c"], ["O", "O"]), (["d"], ["O"])]
    assert [row["defect"] for row in rows] == [
        "seq.in:1: 2 tokens, but 1 tags in seq.out:1",
        "seq.in:2: 1 tokens, but 2 tags in seq.out:2",
        None,
    ]


def test_only_blanks_and_tabs_separate_tokens(read_pair):
    odd = ["10\u00a0000", "a\u3000b", "c\u2028d", "e\x85f", "g\x1ch"]
    rows = read_pair(" \t".join(odd) + "\n", "O\tO O  O O \n")

    assert rows[0]["tokens"] == fields_of_line(" \t".join(odd)) == odd
    assert rows[0]["tags"] == ["O"] * 5


def test_a_line_without_tokens_is_a_defective_sequence(read_pair):
    rows = read_pair("a\n\nc\n", "O\n\nO\n")

    assert [row["defect"] for row in rows] == [
        None,
        "seq.in:2: sequence has no token: expected at least 1, got 0",
        None,
    ]


@pytest.mark.parametrize(
    ("tokens", "tags", "message"),
    [
        ("a\nb\nc\n", "O\n", r"seq\.out:2: file has too few lines: expected as many as in seq\.in, got 1"),
        ("a\n", "O\nO\n", r"seq\.in:2: file has too few lines: expected as many as in seq\.out, got 1"),
        ("", "O\n", r"seq\.in:1: file has too few lines: expected as many as in seq\.out, got 0"),
        ("", "", r"seq\.in: no line found, expected at least one"),
    ],
)
def test_files_of_different_line_counts_are_an_error(tokens, tags, message, read_pair):
    with pytest.raises(CorpusFormatError, match=message):
        read_pair(tokens, tags)


def test_files_must_come_in_pairs(tmp_path, read_rows):
    for name in ("a.in", "b.in", "a.out"):
        (tmp_path / name).write_text("x\n")

    with pytest.raises(
        ConfigError,
        match=r"sources\[0\]\.tags_path: wrong number of files: expected as many as in path \(2\), got 1",
    ):
        read_rows({"format": "parallel", "path": f"{tmp_path}/*.in", "tags_path": f"{tmp_path}/*.out"})
