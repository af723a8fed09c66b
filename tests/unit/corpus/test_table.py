"""CSV and TSV tables, one token a row."""

from __future__ import annotations

import pytest

from seqtag.config import TaggerConfig
from seqtag.config.sources import TableSource
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.table import read_table
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import ConfigError, CorpusFormatError

KAGGLE = {
    "format": "table",
    "sequence_column": "Sentence #",
    "token_column": "Word",
    "tag_column": "Tag",
    "sequence_ids": "first_row",
    "encoding": "latin-1",
}
GENERAL = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}


def test_the_annotated_corpus_for_ner_is_read(read, content):
    text = (
        "Sentence #,Word,POS,Tag\n"
        "Sentence: 1,Zoë,NNP,B-per\n"
        ",said,VBD,O\n"
        ',",",",",O\n'
        ',"""",``,O\n'
        ",NA,NN,O\n"
        ",null,NN,O\n"
        ",nan,NN,O\n"
        "Sentence: 2,Cañada,NNP,B-geo\n"
        ",1e5,CD,O\n"
    )
    rows = read(text.encode("latin-1"), **KAGGLE)

    assert content(rows) == [
        (["Zoë", "said", ",", '"', "NA", "null", "nan"], ["B-per", "O", "O", "O", "O", "O", "O"]),
        (["Cañada", "1e5"], ["B-geo", "O"]),
    ]
    assert [row["sequence_id"] for row in rows] == ["Sentence: 1", "Sentence: 2"]


def test_rows_that_a_bare_quote_swallowed_are_a_defect_and_not_a_token(read):
    text = 's,w,t\n9,a,O\n0,",N\n0,b0,V\n0,",N\n'
    sound, torn = read(text, **GENERAL)

    assert sound["defect"] is None
    assert torn["defect"] == (
        "corpus.txt: row 2: one line was required in column 'w'; where quotes are tokens, set quote = \"\". "
        "Received: ',N\\n0,b0,V\\n0,'"
    )
    assert [row["tokens"] for row in read(text, **GENERAL, quote="")] == [["a"], ['"', "b0", '"']]


@pytest.mark.parametrize("line_break", ["\n", "\r"])
def test_a_tag_with_a_line_break_is_a_defect(line_break, read):
    (row,) = read(f's,w,t\n1,a,O\n1,b,"O{line_break}O"\n', **GENERAL)

    assert row["defect"].startswith("corpus.txt: row 2: one line was required in column 't'")


def test_a_first_row_without_a_sequence_id_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: row 1: a sequence id was required"):
        read("Sentence #,Word,POS,Tag\n,said,VBD,O\n", **KAGGLE)


def test_rows_with_the_same_id_make_a_sequence(read, content):
    rows = read("w,t,s\na,O,1\nb,O,1\nc,O,2\n", **GENERAL)

    assert content(rows) == [(["a", "b"], ["O", "O"]), (["c"], ["O"])]


def test_rows_that_are_not_adjacent_become_two_sequences_with_one_id(read):
    rows = read("s,w,t\n1,a,O\n2,b,O\n1,c,O\n", **GENERAL)

    assert [(row["sequence_id"], row["tokens"]) for row in rows] == [("1", ["a"]), ("2", ["b"]), ("1", ["c"])]


def test_document_split_and_further_columns_come_from_the_first_row(read):
    text = "s,w,t,d,p,year\n1,a,O,x,train,2001\n1,b,O,y,test,2002\n2,c,O,,,NA\n"
    rows = read(text, **GENERAL, document_column="d", split_column="p", columns=["year"])

    assert [(row["split"], row["year"]) for row in rows] == [("train", "2001"), (None, "NA")]
    assert rows[0]["document_id"] == "x"
    assert rows[1]["document_id"] == read("s,w,t\n2,c,O\n", **GENERAL)[0]["document_id"]


def test_the_order_column_sorts_numbers_within_a_sequence(read):
    text = "s,o,w,t\n1,10,c,O\n1,9,b,O\n1,-1.5,a,O\n2,1,d,O\n1,0,e,O\n"
    rows = read(text, **GENERAL, order_column="o")

    assert [row["tokens"] for row in rows] == [["a", "b", "c"], ["d"], ["e"]]


def test_numbers_beyond_floating_point_keep_their_order(read):
    text = "s,o,w,t\n1,1700000000000000002,b,O\n1,1700000000000000001,a,O\n"

    assert read(text, **GENERAL, order_column="o")[0]["tokens"] == ["a", "b"]


def test_an_order_that_is_no_number_at_first_is_sorted_as_text(read):
    text = "s,o,w,t\n1,2026-11-22T16:00,b,O\n1,2026-11-22T09:00,a,O\n"

    assert read(text, **GENERAL, order_column="o")[0]["tokens"] == ["a", "b"]


def test_equal_places_in_the_order_keep_the_order_of_the_rows(read):
    text = "s,o,w,t\n1,2,c,O\n1,1,a,O\n1,1,b,O\n"

    assert read(text, **GENERAL, order_column="o")[0]["tokens"] == ["a", "b", "c"]


def test_a_row_without_a_place_in_the_order_breaks_its_sequence(read):
    text = "s,o,w,t\n1,1,a,O\n2,x,b,O\n2,,c,O\n3,1,d,O\n"
    rows = read(text, **GENERAL, order_column="o")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.txt: row 2: a number was required in column 'o'",
        None,
    ]


def test_a_row_without_a_sequence_id_breaks_its_sequence(read):
    rows = read("s,w,t\n1,a,O\n,b,O\n,c,O\n2,d,O\n", **GENERAL)

    assert [(row["sequence_id"], row["defect"]) for row in rows] == [
        ("1", None),
        ("corpus.txt#2", "corpus.txt: row 2: a sequence id was required. Received: none"),
        ("2", None),
    ]


def test_tabs_may_separate_and_quotes_may_be_tokens(read):
    text = 's\tw\tt\n1\t"\tO\n1\ta "b" c\tO\n1\t"x\tO\n'
    rows = read(text, **GENERAL, delimiter="\t", quote="")

    assert rows[0]["tokens"] == ['"', 'a "b" c', '"x']


def test_quoted_cells_may_span_lines(read):
    assert read('s,w,t\n1,"a\nb",O\n1,c,O\n', **GENERAL)[0]["tokens"] == ["a\nb", "c"]


def test_bom_and_crlf_are_no_part_of_the_cells(read, content):
    text = "\ufeffs,w,t\r\n1,a,O\r\n1,b,O\r\n"

    assert content(read(text, **GENERAL)) == [(["a", "b"], ["O", "O"])]


def test_a_ragged_row_is_an_error_that_names_its_line(read):
    with pytest.raises(CorpusFormatError) as error:
        read('s,w,t\n1,"a\nb",O\n\n1,c\n', **GENERAL)
    assert str(error.value) == (
        "corpus.txt:5: rows of 3 cells between ',' were required. Received: 2 ['1', 'c']"
    )


def test_a_missing_column_is_an_error_that_names_the_header(read):
    with pytest.raises(CorpusFormatError) as error:
        read("s,word,t\n1,a,O\n", **GENERAL)
    assert str(error.value) == (
        "corpus.txt:1: column 'w' required, each once. Received: columns 's', 'word', 't'"
    )


def test_a_column_that_stands_twice_is_an_error(read):
    with pytest.raises(CorpusFormatError, match="column 't' required, each once"):
        read("s,w,t,t\n1,a,O,X\n", **GENERAL)


@pytest.mark.parametrize("text", ["", "s,w,t\n"], ids=["nothing", "header alone"])
def test_an_empty_table_is_an_error(text, read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no row found, expected at least one"):
        read(text, **GENERAL)


def test_wrong_encoding_names_line_and_byte(read):
    with pytest.raises(CorpusFormatError) as error:
        read("s,w,t\n1,Zoë,O\n".encode("latin-1"), **GENERAL)
    assert str(error.value) == (
        "corpus.txt:2: utf-8 text was required. "
        "Received: byte 0xeb (invalid continuation byte), byte 11 of the file"
    )


def test_no_row_is_lost_where_a_character_stands_across_two_blocks(tmp_path):
    """Arrow 25 refuses or loses rows of a stream that now and then gives less than was asked for."""
    path = tmp_path / "corpus.csv"
    path.write_text("s,w,t\n" + "".join(f'{n},"{"é" * (n % 9)}",O\n' for n in range(200)), "utf-8")
    source = TableSource.model_validate({"path": str(path), **GENERAL})
    batches = read_table(source, find_files(str(path))[0], (), SourceReport(), block_bytes=100)

    assert [len(row["tokens"][0]) for b in batches for row in b.to_pylist()] == [n % 9 for n in range(200)]


def test_delimiter_and_quote_must_differ(read):
    with pytest.raises(ConfigError, match=r"corpus\.sources\[0\]: different delimiter and quote"):
        read("s,w,t\n1,a,O\n", **GENERAL, delimiter='"')


def test_the_configuration_knows_the_layout():
    TaggerConfig.model_validate({"name": "ner", "corpus": {"sources": [{**KAGGLE, "path": "ner.csv"}]}})
