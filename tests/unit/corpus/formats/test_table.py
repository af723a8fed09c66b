"""CSV and TSV tables with one token per row."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from seqtag.config import TaggerConfig
from seqtag.config.source_config import TableSource
from seqtag.corpus.files import find_files
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from tests.unit.corpus.long_readers import read_table

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


def test_rows_that_a_bare_quote_took_in_are_an_error(read):
    text = 's,w,t\n9,a,O\n0,",N\n0,b0,V\n0,",N\n'
    with pytest.raises(CorpusFormatError) as error:
        read(text, **GENERAL)

    assert str(error.value) == (
        "corpus.txt: row 2: a quote took in rows: 2 more lines are in one cell of column 'w' "
        "(',N\\n0,b0,V\\n0,'); where quotes are ordinary tokens, set quote = \"\"; else write quotes "
        "within a cell twice, as in RFC 4180"
    )
    assert [row["tokens"] for row in read(text, **GENERAL, quote="")] == [["a"], ['"', "b0", '"']]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_rows_that_a_quote_in_an_unread_column_took_in_are_an_error(newline, read):
    rows = ["s,lemma,w,t", "1,swim,Swam,O", '1,",.,O', "2,nora,Nora,B", '2,",.,O', "3,go,Went,O"]
    with pytest.raises(CorpusFormatError, match=r"row 2: a quote took in rows: 2 more lines .* 'lemma'"):
        read(newline.join([*rows, ""]), **GENERAL)


@pytest.mark.parametrize("quoted", ['1,"a,b,O\n2,x,O\n2,y,O\n3,z",O\n', '1,"a,O\n2,x,O\n2,y,O\n3,c,z",O\n'])
def test_rows_that_a_quote_took_in_from_or_to_a_ragged_row_are_an_error(quoted, read):
    with pytest.raises(CorpusFormatError, match="row 2: a quote took in rows: 3 more lines are in one cell"):
        read(f"s,w,t\n9,a,O\n{quoted}", **GENERAL)


def test_a_quoted_text_of_several_lines_with_commas_is_not_an_error(read):
    text = 's,w,t,note\n1,a,O,"one, two\nthree, four, five, six\nseven"\n2,b,O,"eight\nx, y, z, w\nnine,"\n'

    assert [row["tokens"] for row in read(text, **GENERAL)] == [["a"], ["b"]]


def test_a_quote_that_is_never_closed_is_an_error(read):
    with pytest.raises(CorpusFormatError, match="row 2: a quote took in rows: 3 more lines"):
        read('s,w,t\n1,a,O\n1,b,"O\n2,c,O\n3,d,O\n', **GENERAL)
    with pytest.raises(
        CorpusFormatError, match=r"corpus\.txt:5: a quote took in rows: expected .*; set quote"
    ):
        read('s,w,t\n1,a,O\n1,",O\n2,c,O\n3,d,O\n', **GENERAL)


def test_a_text_of_several_lines_in_an_unread_column_is_only_a_warning(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text('s,w,t,note\n1,a,O,"Two lines,\nbut no row"\n\n1,b,O,\n', "utf-8")
    source = TableSource.model_validate({"path": str(path), **GENERAL})
    report = SourceReport()
    (batch,) = read_table(source, find_files(str(path))[0], (), report)

    assert batch["tokens"].to_pylist() == [["a", "b"]]
    (warned,) = report.record().warnings
    assert (warned.kind, warned.place, warned.count) == ("line_breaks", "corpus.csv: row 1", 1)


def test_quotes_are_tokens_in_tab_separated_tables(read):
    text = 's\tw\tt\n1\t"Group"\tO\n1\t"\tO\n1\tb\tO\n'

    assert read(text, **GENERAL, delimiter="\t")[0]["tokens"] == ['"Group"', '"', "b"]
    assert read(text.replace('\t"\t', "\tx\t"), **GENERAL, delimiter="\t", quote='"')[0]["tokens"] == [
        "Group",
        "x",
        "b",
    ]


def test_a_tab_separated_cell_that_looks_quoted_as_in_csv_is_a_warning(tmp_path):
    path = tmp_path / "corpus.tsv"
    path.write_text('s\tw\tt\n1\ta\tO\n1\t""""\tO\n1\t"Group"\tO\n', "utf-8")
    source = TableSource.model_validate({"path": str(path), **GENERAL, "delimiter": "\t"})
    report = SourceReport()
    list(read_table(source, find_files(str(path))[0], (), report))

    (warned,) = report.record().warnings
    assert (warned.kind, warned.place, warned.count) == ("quotes", "corpus.tsv: row 2", 1)
    assert report.record().assumed["quote"] == {"none": 1}


@pytest.mark.parametrize(("delimiter", "written"), [(";", ";"), ("\t", "\\t")])
def test_another_delimiter_is_named(delimiter, written, read):
    text = "s,w,t\n1,a,O\n".replace(",", delimiter)
    with pytest.raises(CorpusFormatError) as error:
        read(text, **GENERAL)

    assert str(error.value) == (
        f"corpus.txt:1: the delimiter seems to be {delimiter!r}, not ',': the header is "
        f'{f"s{delimiter}w{delimiter}t"!r}; set delimiter = "{written}"'
    )


@pytest.mark.parametrize("line_break", ["\n", "\r"])
def test_a_tag_with_a_line_break_is_a_defect(line_break, read):
    (row,) = read(f's,w,t\n1,a,O\n1,b,"O{line_break}O"\n', **GENERAL)

    assert row["defect"].startswith("corpus.txt: row 2: a line break is in column 't'")


def test_a_first_row_without_a_sequence_id_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: row 1: the sequence id is missing"):
        read("Sentence #,Word,POS,Tag\n,said,VBD,O\n", **KAGGLE)


def test_rows_with_the_same_id_make_a_sequence(read, content):
    rows = read("w,t,s\na,O,1\nb,O,1\nc,O,2\n", **GENERAL)

    assert content(rows) == [(["a", "b"], ["O", "O"]), (["c"], ["O"])]


def test_rows_that_are_not_adjacent_become_two_sequences_with_one_id(read):
    rows = read("s,w,t\n1,a,O\n2,b,O\n1,c,O\n", **GENERAL)

    assert [(row["sequence_id"], row["tokens"]) for row in rows] == [("1", ["a"]), ("2", ["b"]), ("1", ["c"])]


def test_document_split_and_additional_columns_come_from_the_first_row(read):
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


def test_equal_order_values_keep_the_order_of_the_rows(read):
    text = "s,o,w,t\n1,2,c,O\n1,1,a,O\n1,1,b,O\n"

    assert read(text, **GENERAL, order_column="o")[0]["tokens"] == ["a", "b", "c"]


def test_a_row_without_an_order_value_makes_its_sequence_defective(read):
    text = "s,o,w,t\n1,1,a,O\n2,x,b,O\n2,,c,O\n3,1,d,O\n"
    rows = read(text, **GENERAL, order_column="o")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.txt: row 2: order 'x' in column 'o' is not a number, as '1' in row 1 is",
        None,
    ]


def test_a_row_without_a_sequence_id_makes_its_sequence_defective(read):
    rows = read("s,w,t\n1,a,O\n,b,O\n,c,O\n2,d,O\n", **GENERAL)

    assert [(row["sequence_id"], row["defect"]) for row in rows] == [
        ("1", None),
        ("corpus.txt#2", "corpus.txt: row 2: the sequence id is missing in column 's'"),
        ("2", None),
    ]


def test_ids_missing_in_most_rows_are_an_error_that_names_the_key(read):
    text = "Sentence #,Word,POS,Tag\nSentence: 1,Nora,NNP,B\n,swam,VBD,O\n\u00a0,.,.,O\n"
    with pytest.raises(CorpusFormatError) as error:
        read(text, **(KAGGLE | {"sequence_ids": "every_row", "encoding": "utf-8"}))

    assert str(error.value) == (
        "corpus.txt: sequence ids are missing in 2 of 3 rows (column 'Sentence #'); expected one in every "
        'row; set sequence_ids = "first_row" if an id is only in the first row of its sequence'
    )
    assert [row["tokens"] for row in read(text, **(KAGGLE | {"encoding": "utf-8"}))] == [
        ["Nora", "swam", "."]
    ]


def test_tabs_may_separate_and_quotes_may_be_tokens(read):
    text = 's\tw\tt\n1\t"\tO\n1\ta "b" c\tO\n1\t"x\tO\n'
    rows = read(text, **GENERAL, delimiter="\t", quote="")

    assert rows[0]["tokens"] == ['"', 'a "b" c', '"x']


def test_quoted_cells_may_span_lines(read):
    assert read('s,w,t\n1,"a\nb",O\n1,c,O\n', **GENERAL)[0]["tokens"] == ["a\nb", "c"]


def test_bom_and_crlf_are_not_part_of_the_cells(read, content):
    text = "\ufeffs,w,t\r\n1,a,O\r\n1,b,O\r\n"

    assert content(read(text, **GENERAL)) == [(["a", "b"], ["O", "O"])]


def test_a_ragged_row_is_an_error_that_names_its_line(read):
    with pytest.raises(CorpusFormatError) as error:
        read('s,w,t\n1,"a\nb",O\n\n1,c\n', **GENERAL)
    assert str(error.value) == (
        "corpus.txt:5: row has another length: expected 3 cells between ',', as in the header, got 2: "
        "['1', 'c']; correct the row, or quote cells that hold the delimiter"
    )


def test_a_missing_column_is_an_error_that_names_the_header(read):
    with pytest.raises(CorpusFormatError) as error:
        read("s,word,t\n1,a,O\n", **GENERAL)
    assert str(error.value) == (
        "corpus.txt:1: column 'w' is missing: expected each once, got columns 's', 'word', 't'; correct "
        "token_column"
    )


def test_columns_that_differ_in_blanks_or_case_are_named(read):
    with pytest.raises(CorpusFormatError) as error:
        read("s ,W,t\n1,a,O\n", **GENERAL)
    assert str(error.value) == (
        "corpus.txt:1: columns 's', 'w' are missing: expected each once, got columns 's ', 'W', 't'; "
        "'s ' is there, not 's', 'W' is there, not 'w': write the names as in the file"
    )


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_line_for_excel_is_named(separator, read):
    with pytest.raises(CorpusFormatError) as error:
        read(f"sep={separator}\ns,w,t\n1,a,O\n", **GENERAL)
    assert str(error.value) == (
        f"corpus.txt:1: a line for Excel precedes the header: 'sep={separator}'; expected the names of the "
        "columns; remove the line"
    )


def test_a_repeated_column_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"column 't' is repeated: .*; rename one"):
        read("s,w,t,t\n1,a,O,X\n", **GENERAL)


@pytest.mark.parametrize("text", ["", "s,w,t\n"], ids=["nothing", "header alone"])
def test_an_empty_table_is_an_error(text, read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no row found, expected at least one"):
        read(text, **GENERAL)


def test_a_wrong_encoding_is_an_error_with_line_and_byte(read):
    with pytest.raises(CorpusFormatError) as error:
        read("s,w,t\n1,Zoë,O\n".encode("latin-1"), **GENERAL)
    assert str(error.value) == (
        "corpus.txt:2: text is not utf-8: 0xeb at byte 11 of the file (invalid continuation byte); for an "
        'old file or one from Windows, set encoding = "cp1252" or "latin-1"'
    )


def test_no_row_is_lost_if_a_character_spans_two_blocks(tmp_path):
    """Arrow 25 refuses or loses rows of a stream whose reads are sometimes short."""
    path = tmp_path / "corpus.csv"
    path.write_text("s,w,t\n" + "".join(f'{n},"{"é" * (n % 9)}",O\n' for n in range(200)), "utf-8")
    source = TableSource.model_validate({"path": str(path), **GENERAL})
    batches = read_table(source, find_files(str(path))[0], (), SourceReport(), block_bytes=100)

    assert [len(row["tokens"][0]) for b in batches for row in b.to_pylist()] == [n % 9 for n in range(200)]


def test_the_configuration_declares_the_layout():
    TaggerConfig.model_validate({"name": "ner", "corpus": {"sources": [{**KAGGLE, "path": "ner.csv"}]}})


def test_a_row_that_repeats_the_header_is_a_warning(report):
    (warned,) = report("s,w,t\n1,a,O\ns,w,t\n2,t,w\n", **GENERAL).warnings

    assert (warned.kind, warned.place, warned.count) == ("repeated header", "corpus.txt: row 2", 1)


def test_a_repeated_additional_column_is_refused(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:1: column 'd' is repeated: .*; rename one"):
        read("s,w,t,d,d\n1,a,O,x,y\n", columns=["d"], **GENERAL)


TABS = {**GENERAL, "delimiter": "\t"}


@pytest.mark.parametrize(
    ("rows", "column"), [('"1"\t"a"\t"O"\n2\tb\tO\n"3"\t"c"\t"O"\n', "s"), ('1\t"a"\tO\n', "w")]
)
def test_a_tab_separated_column_that_is_mostly_quoted_is_a_warning(rows, column, report):
    (warned,) = report("s\tw\tt\n" + rows, **TABS).warnings

    assert warned.kind == "quoted_cells"
    assert f"cells in column '{column}' are in quotes" in warned.text


def test_a_tab_separated_header_in_quotes_is_an_error_that_names_the_key(read):
    with pytest.raises(CorpusFormatError, match=r"the header is in quotes: .*; set quote = '\"'"):
        read('"s"\t"w"\t"t"\n"1"\t"a"\t"O"\n', **TABS)


@pytest.mark.parametrize(("n", "kinds"), [(10, ["one_row_each"]), (9, [])])
def test_ids_that_number_rows_are_a_warning(n, kinds, report):
    rows = "".join(f"{number}\ta\tO\n" for number in range(n))
    assert [warned.kind for warned in report("s\tw\tt\n" + rows, **TABS).warnings] == kinds


def test_two_roles_of_one_column_are_refused():
    with pytest.raises(ValidationError, match="coincide: expected three columns, got 's', 'w', 'w'"):
        TableSource.model_validate({**TABS, "path": "x.tsv", "tag_column": "w"})


@pytest.mark.parametrize(("key", "kind"), [("split_column", "no_split"), ("document_column", "no_document")])
def test_a_named_column_without_values_is_a_warning(key, kind, report):
    rows = "s,w,t,d\n1,a,O,{0}\n2,b,O,{0}\n3,c,O,{1}\n"
    assert [w.kind for w in report(rows.format("", ""), **GENERAL, **{key: "d"}).warnings] == [kind]
    assert report(rows.format("", "train"), **GENERAL, **{key: "d"}).warnings == []


@pytest.mark.parametrize(
    ("tags", "source", "kinds"),
    [("01", {}, ["numbered_tags"]), ("01", {"tag_names": ["0", "1"]}, []), ("0O", {}, [])],
)
def test_tags_that_are_numbers_are_a_warning(tags, source, kinds, report):
    rows = f"s,w,t\n1,a,{tags[0]}\n1,b,{tags[1]}\n"
    assert [w.kind for w in report(rows, **GENERAL, **source).warnings] == kinds


@pytest.mark.parametrize("minutes", [0, 1e-10, 1e10])
def test_an_impossible_gap_is_refused(minutes):
    settings = {**GENERAL, "path": "x.csv", "order_column": "o", "session_gap_minutes": minutes}
    with pytest.raises(ValidationError, match="session_gap_minutes"):
        TableSource.model_validate(settings)


def test_the_control_character_of_hive_may_be_the_delimiter(read):
    (row,) = read("s\x01w\x01t\n1\x01a, b\x01O\n", **GENERAL, delimiter="\x01")

    assert (row["tokens"], row["tags"]) == (["a, b"], ["O"])


def test_an_id_that_is_written_again_below_rows_without_one_is_a_warning(report):
    rows = "s,w,t\n1,a,O\n1,b,O\n,c,O\n1,d,O\n,e,O\n2,f,O\n"
    (warned,) = report(rows, **GENERAL, sequence_ids="first_row").warnings

    assert (warned.kind, warned.place, warned.count) == ("id_written_again", "corpus.txt: row 4", 1)
