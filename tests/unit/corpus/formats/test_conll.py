"""CoNLL-style columns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqtag.corpus import text_blocks
from seqtag.errors import CorpusFormatError

TWO = "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n"


def test_a_blank_line_or_the_end_of_the_file_ends_a_sequence(read, content):
    rows = read(TWO, format="conll")

    assert content(rows) == [(["EU", "rejects"], ["B-ORG", "O"]), (["Peter"], ["B-PER"])]
    assert [row["sequence_id"] for row in rows] == ["corpus.txt#1", "corpus.txt#2"]
    assert [row["defect"] for row in rows] == [None, None]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + TWO,
        TWO.replace("\n", "\r\n"),
        TWO.rstrip("\n"),
        TWO.replace("\n\n", "\n\t\n"),
        TWO.replace("\n\n", "\n \t \n\n\n"),
        "\n\n" + TWO + "\n \n",
        TWO.replace("\t", " "),
        TWO.replace("\t", "  "),
    ],
    ids=["bom", "crlf", "no last newline", "tab line", "blank lines", "blanks around", "blank", "blanks"],
)
def test_line_endings_do_not_change_the_result(text, read):
    assert read(text, format="conll") == read(TWO, format="conll")


def test_any_column_may_be_token_or_tag(read, content):
    text = "1 EU NNP B-NP B-ORG\n2 rejects VBZ B-VP O\n"

    assert content(read(text, format="conll", token_column=1)) == [(["EU", "rejects"], ["B-ORG", "O"])]
    assert content(read(text, format="conll", token_column=-4, tag_column=2)) == [
        (["EU", "rejects"], ["NNP", "VBZ"])
    ]


def test_a_tab_separated_token_may_hold_a_blank(read, content):
    assert content(read("New York\tB-LOC\n", format="conll")) == [(["New York"], ["B-LOC"])]


def test_the_separator_can_be_declared(read, content):
    assert content(read("a\tb O\n", format="conll", separator="blanks")) == [(["a"], ["O"])]
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:1: too few columns between tabs"):
        read("a O\n", format="conll", separator="tab")


@pytest.mark.parametrize(
    ("text", "line"),
    [("A O\rB O\r\rC O\rD O\r", 1), ("A\tO\rB\tO\r\r\nC\tO\n", 1), ("A\tO\r\n\r\nB\tO\r\r\n", 3)],
    ids=["alone", "mixed", "doubled"],
)
def test_a_carriage_return_within_a_line_is_an_error_that_names_it(text, line, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.txt:{line}: carriage return within a line"):
        read(text.encode(), format="conll")


def test_odd_characters_are_kept_in_the_token(read, content):
    odd = ["\u00a0", "\u2028", "\x85", "\x00", "\x0c", "#", "😀", "\ufeff"]

    assert content(read("\n".join(f"a{c}b\tO" for c in odd), format="conll")) == [
        ([f"a{c}b" for c in odd], ["O"] * len(odd))
    ]


def test_docstart_lines_begin_documents_and_are_not_tokens(read):
    text = "-DOCSTART- -X- O\n\na x O\n\nb x O\n\n-DOCSTART- -X- O\nc x O\n\na x O\n"
    rows = read(text, format="conll")

    assert [row["tokens"] for row in rows] == [["a"], ["b"], ["c"], ["a"]]
    ids = [row["document_id"] for row in rows]
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]
    assert ids[0] != ids[2]


def test_documents_that_share_a_heading_are_distinguished(read):
    text = "".join(f"-DOCSTART- -X- O\n\nSPORT O\n\nnews O\n{i} O\n\n" for i in range(200))
    rows = read(text, format="conll")

    assert len({row["document_id"] for row in rows}) == 200
    assert [row["document_id"] for row in rows[::2]] == [row["document_id"] for row in rows[1::2]]


def test_equal_documents_share_an_id(read):
    heading, text = "-DOCSTART- O\n\nSPORT O\n\n", "a O\nb O\n\n"
    rows = read(heading + text + heading + "c O\n\n" + heading + text, format="conll")
    ids = [row["document_id"] for row in rows]

    assert ids[0:2] == ids[4:6] != ids[2:4]


def test_the_order_of_sequences_distinguishes_documents(read):
    rows = read("-DOCSTART- O\n\na O\n\nb O\n\n-DOCSTART- O\n\nb O\n\na O\n", format="conll")

    assert rows[0]["document_id"] != rows[2]["document_id"]


def test_the_id_of_a_document_depends_neither_on_its_position_nor_on_its_tags(read):
    document = "-DOCSTART- O\n\na O\n\nb O\n"
    first = read(document, format="conll")[0]
    moved = read("x O\n\n-DOCSTART- O\n\nc O\n\n" + document.replace("b O", "b X"), format="conll")

    assert [row["document_id"] for row in moved[2:]] == [first["document_id"]] * 2
    assert read(document, format="conll", name="other.txt")[0]["document_id"] == first["document_id"]


def test_a_document_of_one_sequence_has_the_id_of_the_sequence(read):
    document, alone = (read(text, format="conll")[0] for text in ("-DOCSTART- O\n\na O\n", "a O\n"))

    assert document["document_id"] == alone["document_id"]


def test_sequences_before_the_first_docstart_are_separate_documents(read):
    rows = read("a O\n\nb O\n\n-DOCSTART- O\n\nc O\n", format="conll")

    assert len({row["document_id"] for row in rows}) == 3


def test_a_token_that_only_starts_like_docstart_is_a_token(read):
    assert read("-DOCSTART-S O\n", format="conll")[0]["tokens"] == ["-DOCSTART-S"]


def test_equal_sequences_share_a_document_and_others_do_not(read):
    rows = read("a O\nb O\n\na X\nb X\n\nab O\n", format="conll")

    assert rows[0]["document_id"] == rows[1]["document_id"] != rows[2]["document_id"]


def test_comments_fill_additional_columns(read):
    text = "% source = web = 2.0\n%genre=news\na O\n\nb O\n% genre = blog\n\n% genre = lost\n\nc O\n"
    rows = read(text, format="conll", comment="%", columns=["genre", "source"])

    assert [(row["genre"], row["source"]) for row in rows] == [
        ("news", "web = 2.0"),
        ("blog", None),
        (None, None),
    ]


def test_a_column_that_most_lines_lack_is_an_error(read):
    with pytest.raises(CorpusFormatError) as error:
        read("\n-DOCSTART-\na O\nEU\nrejects\n", format="conll")
    assert str(error.value) == (
        "corpus.txt:4: too few columns between tabs or blanks, here and in most lines: expected at least 2 "
        "(token_column = 0, tag_column = -1), found 1 in 'EU'; set separator, token_column or tag_column"
    )


def test_a_line_without_the_column_only_makes_its_sequence_defective(read):
    rows = read("a O\n\nb O\nc\nd\ne O\n\nf O\n", format="conll")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.txt:4: found 1 columns, expected 2 (is a cell empty, or is it a comment?): 'c'",
        None,
    ]
    assert rows[1]["tokens"] == ["b", "c", "d", "e"]


def test_columns_that_are_missing_are_null(read):
    rows = read("a x y O\nb x\n", format="conll", token_column=2, tag_column=0)

    assert (rows[0]["tokens"], rows[0]["tags"]) == (["y", None], ["a", "b"])


def test_an_empty_field_between_tabs_stays_empty(read, content):
    assert content(read("a\tO\n\tO\nb\t\n", format="conll")) == [(["a", "", "b"], ["O", "O", ""])]


def test_other_encodings_are_decoded(read):
    for encoding in ("latin-1", "utf-16", "utf-8-sig", "cp1252"):
        rows = read("Zoë O\n\nà O\n".encode(encoding), format="conll", encoding=encoding)
        assert [row["tokens"] for row in rows] == [["Zoë"], ["à"]]


def test_a_wrong_encoding_is_an_error_with_line_and_byte(read):
    with pytest.raises(CorpusFormatError) as error:
        read("a O\n\nb O\nZoë O\n".encode("latin-1"), format="conll")
    assert str(error.value) == (
        "corpus.txt:4: text is not utf-8: 0xeb at byte 12 of the file (invalid continuation byte); for an "
        'old file or one from Windows, set encoding = "cp1252" or "latin-1"'
    )


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        ("a O\n".encode("utf-16"), "utf-8", 'byte order mark of UTF-16: set encoding = "utf-16"'),
        ("a O\n".encode("utf-32"), "utf-8", 'byte order mark of UTF-32: set encoding = "utf-32"'),
        ("ë O\n".encode(), "ascii", 'set encoding = "utf-8", or "cp1252"'),
        ("ë O\n".encode("cp1252"), "shift_jis", 'encoding = "utf-8" is the default'),
    ],
)
def test_a_wrong_encoding_is_an_error_with_a_probable_one(content, encoding, said, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.txt:1: text is not {encoding}.* {said}"):
        read(content, format="conll", encoding=encoding)


@pytest.mark.parametrize("text", ["", "\n\n", "-DOCSTART- O\n\n"], ids=["nothing", "blank", "docstart"])
def test_a_file_without_a_token_is_an_error(text, read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no token line found, expected at least one"):
        read(text, format="conll")


def test_memory_stays_bounded_without_blank_lines(monkeypatch, read):
    monkeypatch.setattr(text_blocks, "LARGEST_BLOCK", 100)

    with pytest.raises(
        CorpusFormatError, match=r"corpus\.txt: sequence is too long: expected at most 100 bytes"
    ):
        read("a O\n" * 26, format="conll")
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: line is too long: expected at most 100 bytes"):
        read("a" * 101, format="conll")


@pytest.mark.skipif("SEQTAG_DATA" not in os.environ, reason="SEQTAG_DATA does not name the real corpora")
@pytest.mark.parametrize(
    ("split", "n_sequences", "n_tokens"),
    [("train", 3394, 62730), ("dev", 1009, 15733), ("test", 1287, 23394)],
)
def test_wnut_17_has_its_published_size(split, n_sequences, n_tokens, read_rows):
    path = Path(os.environ["SEQTAG_DATA"]) / "wnut17" / f"{split}.conll"
    rows = read_rows({"format": "conll", "path": str(path), "split": split})

    assert len(rows) == n_sequences
    assert sum(len(row["tokens"]) for row in rows) == n_tokens
    assert {tag.split("-")[0] for row in rows for tag in row["tags"]} == {"B", "I", "O"}
    assert {(row["split"], row["defect"]) for row in rows} == {(split, None)}
