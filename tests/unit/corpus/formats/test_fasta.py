"""Three-line FASTA."""

from __future__ import annotations

import pytest

from seqtag.config.source_config import FastaSource
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.fasta import read_fasta
from seqtag.corpus.recognition import Chosen, recognise
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError

TEXT = "\n>P1|SP length=3\nMKV\nSSO\n\n>P2\nMü\nH \n>\nX\nC"


def test_each_character_is_a_token_with_its_label(read, content):
    rows = read(TEXT, format="fasta")

    assert content(rows) == [(["M", "K", "V"], ["S", "S", "O"]), (["M", "ü"], ["H", ""]), (["X"], ["C"])]
    assert [row["sequence_id"] for row in rows] == ["P1|SP", "P2", "corpus.txt#3"]


def test_records_of_other_lengths_are_defective_sequences(read):
    rows = read(">a\nMK\nH\n>b\nMK\n>c\nM\nK\nH\nC\n>d\nM\nC\n>e\n", format="fasta")

    assert [row["defect"] for row in rows] == [
        "corpus.txt:1: 2 residues, but 1 labels in line 3",
        "corpus.txt:4: record has another number of lines: expected a name, residues and labels in 3 lines, "
        "got 2; join the lines of one sequence",
        "corpus.txt:6: record has another number of lines: expected a name, residues and labels in 3 lines, "
        "got 5; join the lines of one sequence",
        None,
        "corpus.txt:14: record has another number of lines: expected a name, residues and labels in 3 lines, "
        "got 1; join the lines of one sequence",
    ]


def test_a_file_that_does_not_begin_with_a_name_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:1: no FASTA: .* got 'MKV"):
        read("MKV\nSSO\n>P1\nM\nS\n", format="fasta")


@pytest.mark.parametrize("block", [1, 5, 17, 1 << 20])
def test_blocks_of_any_size_give_the_same_sequences(block, tmp_path):
    path = tmp_path / "a.fasta"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    source = FastaSource(format="fasta", path=str(path))

    batches = read_fasta(source, find_files(str(path))[0], (), SourceReport(), block_bytes=block)

    found = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["tokens"], row["(place)"]) for row in found] == [
        (["M", "K", "V"], "a.fasta:2"),
        (["M", "ü"], "a.fasta:6"),
        (["X"], "a.fasta:9"),
    ]


@pytest.mark.parametrize(
    ("text", "is_fasta"),
    [(TEXT, True), (">a\nMKV\n>b\nMK\n", False), (">\tX\nMKV\tY\nab\tZ\n\n>\tX\n", False)],
    ids=["three lines", "without labels", "columns"],
)
def test_fasta_with_labels_is_recognised(text, is_fasta, tmp_path):
    (tmp_path / "a.fasta").write_text(text)
    (file,) = find_files(str(tmp_path / "a.fasta"))
    try:
        form = recognise(file, Chosen()).keys["format"]
    except CorpusFormatError:
        form = None
    assert (form == "fasta") == is_fasta
