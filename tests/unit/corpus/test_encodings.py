"""Text in an encoding other than declared, and byte order marks within files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from seqtag.corpus.files import InputFile
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.text_blocks import utf8_blocks

TABLE = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}


@pytest.mark.parametrize(
    ("text", "line", "source"),
    [
        ("Ada\tO\n\nStra\u00dfe\tB-LOC\n", 3, {"format": "conll"}),
        ("1\tStra\u00dfe\t_\tNOUN\t_\t_\t_\t_\t_\t_\n", 1, {"format": "conllu"}),
        ("s,w,t\n1,Stra\u00dfe,O\n", 2, TABLE),
        ('{"tokens": ["Stra\u00dfe"], "tags": ["O"]}\n', 1, {"format": "jsonl"}),
    ],
    ids=["conll", "conllu", "table", "jsonl"],
)
def test_utf8_read_in_another_encoding_is_a_warning(text, line, source, report):
    (warned,) = report(text, encoding="cp1252", **source).warnings

    assert warned.place == f"corpus.txt:{line}"
    assert warned.text == (
        "text is valid UTF-8 but was read as cp1252: expected '\u00df', got '\u00c3\u0178'; "
        'set encoding = "utf-8"'
    )


def test_text_in_the_declared_encoding_is_no_warning(tmp_path):
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        assert blocks("Stra\u00dfe\tO\n".encode(encoding), encoding, tmp_path)[1].record().warnings == []
    assert blocks(b"Ada\tO\n", "latin-1", tmp_path)[1].record().warnings == []


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_byte_order_marks_at_line_starts_are_removed_and_counted(encoding, size, tmp_path):
    text = "\ufeff\ufeffa b\n\ufeffc\ufeff\r\n\ufeff\tX\n\ufeff\n\ufeff\ufeffd"
    content, found = blocks(text.encode(encoding), encoding, tmp_path, size=size)
    record = found.record()

    assert content == "a b\nc\ufeff\r\n\ufeff\tX\n\nd"
    assert record.changed == {"byte order marks within a file removed": 5}
    assert (record.warnings[0].place, record.warnings[0].count) == ("a.txt:1", 5)


def test_concatenated_files_are_read_without_the_second_byte_order_mark(read, content):
    assert content(read("\ufeffAda\tB-PER\n\n\ufeffBob\tB-PER\n", format="conll")) == [
        (["Ada"], ["B-PER"]),
        (["Bob"], ["B-PER"]),
    ]
    row = json.dumps({"tokens": ["Ada"], "tags": ["O"]})
    assert content(read(f"{row}\n\ufeff{row}\n", format="jsonl")) == [(["Ada"], ["O"])] * 2


def test_a_cell_that_is_only_a_byte_order_mark_stays_a_token(read, content):
    assert content(read("a\tO\n\ufeff\tX\n", format="conll")) == [(["a", "\ufeff"], ["O", "X"])]


def blocks(stored: bytes, encoding: str, folder: Path, *, size: int = 1 << 20) -> tuple[str, SourceReport]:
    """Return the text of a file read `size` bytes at a time, and the report."""
    (folder / "a.txt").write_bytes(stored)
    file, report = InputFile("a.txt", str(folder / "a.txt"), LocalFileSystem()), SourceReport()
    return b"".join(utf8_blocks(file, encoding, size, report=report)).decode(), report
