"""Layout of CoNLL-style files: numbers of columns, separators, headers, blanks at line ends."""

from __future__ import annotations

import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus.source_report import SourceRecord

LINES = "Ada NNP B-PER\nsings VBZ O\n\n" * 6


def warned(record: SourceRecord) -> dict[str, str]:
    return {warning.kind: f"{warning.place}: {warning.text}" for warning in record.warnings}


@pytest.mark.parametrize(
    "text",
    [
        "a O \nb B-X\n",
        "a\tO\t\nb\tB-X\n",
        "a\tO\t\nb\tB-X\t\n",
        "a\tO\t \u00a0\nb\tB-X\t\t\n",
        "a O \u00a0\nb B-X\n",
    ],
    ids=["blank", "tab", "tab in every line", "blank columns", "no-break space"],
)
def test_blanks_and_separators_at_the_end_of_a_line_are_not_columns(text, read, content):
    assert content(read(text, format="conll")) == [(["a", "b"], ["O", "B-X"])]


def test_a_last_column_that_is_mostly_empty_is_a_column(read, content):
    text = "a\tNN\t\nb\tNN\t\nc\tNN\tB-X\n"

    assert content(read(text, format="conll")) == [(["a", "b", "c"], ["", "", "B-X"])]


def test_dropped_columns_are_counted(report):
    record = report("a\tO\t\nb\tO\n\nc\tO\t\n", format="conll")

    assert record.changed == {"of the lines had empty columns at the end, dropped": 2}
    assert record.assumed["columns"] == {"2": 1}


def test_a_blank_within_a_token_makes_its_sequence_defective(read, report):
    text = LINES + "Acme Inc NNP B-ORG\nsings VBZ O\n"
    rows = read(text, format="conll")

    assert [row["defect"] for row in rows] == [None] * 6 + [
        "corpus.txt:19: found 4 columns, expected 3 (a blank within a cell separates, too); "
        "n_columns = \"vary\" reads it: 'Acme Inc NNP B-ORG'"
    ]
    assert warned(report(text, format="conll")) == {
        "columns": "corpus.txt:19: line 19 has 4 columns, most have 3; its sequence is set aside; "
        "n_columns = \"vary\" would read token 'Acme', tag 'B-ORG'"
    }
    assert [row["defect"] for row in read(text, format="conll", n_columns="vary")] == [None] * 7
    assert report(text, format="conll", n_columns="vary").warnings == []


@pytest.mark.parametrize(
    ("line", "source", "said"),
    [
        (
            "New",
            {},
            "line 3 has 1 column, most have 2; its sequence is set aside: 'New' lacks a column, or is a "
            "comment",
        ),
        (
            "New\tB-LOC\tsic\t ",
            {"tag_column": 1},
            "line 3 has 3 columns, most have 2; it is read from the left as token 'New', tag 'B-LOC', and "
            "n_columns = 2 sets its sequence aside",
        ),
    ],
)
def test_the_first_line_with_another_number_of_columns_is_reported(line, source, said, report):
    record = report(f"a\tO\nb\tO\n{line}\nc\tO\n", format="conll", **source)

    assert warned(record)["columns"] == f"corpus.txt:3: {said}"


def test_an_empty_token_makes_its_sequence_defective(read):
    rows = read("Ada -X- _ B-PER\nsings -X- _ O\n -X- _ O\n", format="conll")

    assert rows[0]["defect"] == (
        "corpus.txt:3: found 3 columns, expected 4 (is a cell empty, or is it a comment?); n_columns = "
        '"vary" reads it: \' '
        "-X- _ O'"
    )


def test_an_additional_column_between_tabs_is_allowed_if_both_columns_are_counted_from_the_left(
    read, content
):
    text = "a\tO\nb\tB-X\tsic\nc\tO\n"

    assert read(text, format="conll")[0]["defect"].startswith("corpus.txt:2: found 3 columns, expected 2;")
    rows = read(text, format="conll", tag_column=1)
    assert content(rows) == [(["a", "b", "c"], ["O", "B-X", "O"])]
    assert rows[0]["defect"] is None
    assert read(text, format="conll", tag_column=1, n_columns=2)[0]["defect"] is not None


def test_the_number_of_columns_can_be_declared(read):
    rows = read("a x O\n\nb O\n\nc x O\n", format="conll", n_columns=2)

    assert [row["defect"] is None for row in rows] == [False, True, False]


def test_a_number_of_columns_that_is_too_small_is_refused():
    with pytest.raises(
        ValueError, match="n_columns = 2 is too small: expected at least 4 for token_column = 3"
    ):
        CorpusConfig.model_validate(
            {
                "sources": [
                    {"format": "conll", "path": "x", "token_column": 3, "tag_column": 1, "n_columns": 2}
                ]
            }
        )


def test_the_number_of_columns_may_differ_between_sequences(read, content, report):
    header = "#begin document (bc/x/00/x_0000); part 000\n"
    verbs = [f"bc/x 0 {i} w{i} NN - * (V*)\nbc/x 0 {i} . . - * *\n\n" for i in range(2)]
    plain = "bc/x 0 0 Well UH - *\nbc/x 0 1 . . - *\n\n"
    double = "bc/x 0 0 go VB - * (V*) *\nbc/x 0 1 on RP - * * (A*)\n\n"
    text = (
        header + "".join(verbs) + plain + "#end document\n" + header + double + verbs[0] + "#end document\n"
    )
    rows = read(text, format="conll", token_column=3, tag_column=4)

    assert content(rows)[:2] == [(["w0", "."], ["NN", "."]), (["w1", "."], ["NN", "."])]
    assert [row["tokens"] for row in rows[2:]] == [["Well", "."], ["go", "on"], ["w0", "."]]
    assert [row["defect"] for row in rows] == [None] * 5
    ids = [row["document_id"] for row in rows]
    assert ids[0] == ids[1] == ids[2] != ids[3] == ids[4]
    record = report(text, format="conll", token_column=3, tag_column=4)
    assert record.assumed["columns"] == {"by sequence": 1}
    assert set(warned(record)) == {"columns", "comments"}


def test_the_number_of_columns_may_then_not_differ_within_a_sequence(read):
    two, three = "a O\nb O\n\n" * 3, "a x O\nb x O\n\n" * 3
    rows = read(two + three + "a x O\nb x y O\n", format="conll")

    assert [row["defect"] is None for row in rows] == [True] * 6 + [False]
    assert "corpus.txt:20: found 4 columns, expected as many as in the line above" in rows[6]["defect"]


def test_two_separators_in_a_file_are_a_warning(report):
    text = "a\tO\nb\tO\nc O\n"

    assert warned(report(text, format="conll"))["separators"] == (
        "corpus.txt:3: two separators: tabs in 2 lines ('a\\tO'), blanks alone in 1 ('c O'); read with "
        "separator = "
        '"tab"'
    )
    assert "separators" in warned(report("a O\nb O\nc\tO\n", format="conll"))
    assert warned(report(text, format="conll", separator="blanks")) == {}
    assert warned(report("New York\tB-LOC\nb\tO\n", format="conll")) == {}


def test_the_separator_of_most_lines_is_used(read, content):
    assert content(read("New York B-LOC\na\tO\nb\tO\n", format="conll"))[0][0][1:] == ["a", "b"]
    assert content(read("a b\tO\nb O\nc O\n", format="conll", n_columns="vary"))[0][1] == ["O", "O", "O"]


def test_a_header_can_be_left_out(read, content):
    rows = read("token\ttag\n-DOCSTART-\tO\n\na\tO\n\nb\tB-X\n", format="conll", header=True)

    assert content(rows) == [(["a"], ["O"]), (["b"], ["B-X"])]
    assert rows[0]["document_id"] == rows[1]["document_id"]


def test_every_file_of_a_source_has_a_header(tmp_path, read_rows, content):
    for name in ("a.tsv", "b.tsv"):
        (tmp_path / name).write_text(f"\nTOKEN\tTAG\n{name}\tO\n")
    rows = read_rows({"format": "conll", "path": f"{tmp_path}/*.tsv", "header": True})

    assert content(rows) == [(["a.tsv"], ["O"]), (["b.tsv"], ["O"])]


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("token\ttag\na\tO\nb\tO\n", True),
        ("TOKEN\tNE-COARSE-LIT\tNE-NESTED\na\tO\tO\nb\tB-pers\tO\n", True),
        ("Word POS NER\na NN O\nb NN O\n", True),
        ("word\tO\na\tO\nb\tB-X\n", False),
        ("label\tNOUN\nb\tNOUN\n", False),
        ("Ada\tB-PER\nb\tO\n", False),
    ],
)
def test_a_first_line_that_looks_like_a_header_is_a_warning(text, looks, report):
    record = report(text, format="conll")

    assert [w.place for w in record.warnings if w.kind == "header"] == ["corpus.txt:1"] * looks
    assert record.assumed["header"] == {"none": 1}
    if looks:
        assert warned(record)["header"].endswith(
            "looks like a header and is read as a token; set header = true"
        )
        declared = report(text, format="conll", header=True)
        assert (declared.assumed["header"], declared.warnings) == ({"yes": 1}, [])


def test_a_header_that_looks_like_a_token_is_a_warning(report):
    record = report("a\tO\nb\tO\nc\tB-X\n", format="conll", header=True)

    assert "drop header = true" in warned(record)["header"]


@pytest.mark.parametrize(
    ("above", "header"),
    [
        ("# a comment header\n", "Word Tag\n"),
        ("# one more\n\n# a comment header\n\n", "Word Tag\n\n"),
        ("# made by hand\n", "Wort\tKlasse\n"),
        ("", "#Word Tag\n"),
        ("", "# Word Tag\n"),
        ("# a = b\n", "#\tTag\n"),
    ],
)
def test_a_comment_above_the_header_is_not_the_header(above, header, read, report, content):
    separator = "\t" if "\t" in header else " "
    text = f"{above}{header}EU B-ORG\nrejects O\n\nEU B-ORG\n"
    text = text.replace("EU ", f"EU{separator}").replace("rejects ", f"rejects{separator}")

    assert content(read(text, format="conll", header=True)) == [
        (["EU", "rejects"], ["B-ORG", "O"]),
        (["EU"], ["B-ORG"]),
    ]
    assert set(warned(report(text, format="conll", header=True))) == ({"comments"} if above else set())


def test_a_header_above_each_sequence_is_a_warning(report):
    record = report("Word Tag\na O\nb B-X\n\nWord Tag\nc O\n", format="conll", header=True)

    assert warned(record) == {
        "header": "corpus.txt:5: 'Word Tag' repeats the header and is read as a token; remove all but the "
        "first"
    }
