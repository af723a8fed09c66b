"""CoNLL-U."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seqtag.errors import CorpusFormatError


def word(number: str, form: str, upos: str = "X") -> str:
    return f"{number}\t{form}\tlemma\t{upos}\txpos\t_\t0\troot\t_\tmisc\n"


SENTENCE = word("1", "I", "PRON") + word("2-3", "don't") + word("2", "do", "AUX") + word("3", "n't", "PART")


def test_ranges_and_empty_nodes_are_skipped(read, content):
    text = SENTENCE + word("3.1", "gone") + word("4", "go", "VERB") + "\n"

    assert content(read(text, format="conllu")) == [
        (["I", "do", "n't", "go"], ["PRON", "AUX", "PART", "VERB"])
    ]


def test_a_carriage_return_within_a_line_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:2: carriage return within a line"):
        read((word("1", "a") + word("2", "b").replace("\n", "\r\r\n")).encode(), format="conllu")


def test_any_of_the_ten_columns_may_be_token_or_tag(read, content):
    rows = read(SENTENCE, format="conllu", token_column="LEMMA", tag_column="MISC")

    assert content(rows) == [(["lemma"] * 3, ["misc"] * 3)]


def test_a_form_may_hold_blanks(read):
    assert read(word("1", "10 000"), format="conllu")[0]["tokens"] == ["10 000"]


def test_sentence_and_document_ids_are_used(read):
    text = (
        "# newdoc id = d1\n# sent_id = s1\n" + SENTENCE + "\n"
        "# sent_id = s2\n" + SENTENCE + "\n" + SENTENCE + "\n"
        "# newdoc id=d2\n" + SENTENCE + "\n"
    )
    rows = read(text, format="conllu")

    assert [row["sequence_id"] for row in rows] == ["s1", "s2", "corpus.txt#3", "corpus.txt#4"]
    assert [row["document_id"] for row in rows] == ["d1", "d1", "d1", "d2"]


def test_nameless_documents_that_share_a_heading_are_distinguished(read):
    heading, one, two = (word("1", form) + "\n" for form in ("SPORT", "a", "b"))
    rows = read("".join(f"# newdoc\n{heading}{text}" for text in (one, two, one)), format="conllu")
    ids = [row["document_id"] for row in rows]

    assert ids[0] == ids[1] == ids[4] == ids[5]
    assert ids[2] == ids[3] != ids[0]


def test_documents_with_and_without_names_may_follow_each_other(read):
    heading, one, two = (word("1", form) + "\n" for form in ("SPORT", "a", "b"))
    text = one + f"# newdoc\n{heading}{one}# newdoc id = d\n{heading}{two}# newdoc\n{heading}{two}"
    ids = [row["document_id"] for row in read(text, format="conllu")]

    assert ids[1] == ids[2]
    assert ids[3:5] == ["d", "d"]
    assert ids[5] == ids[6]
    assert len(set(ids)) == 4


def test_a_nameless_document_has_the_same_id_in_conll_and_conllu(read):
    rows = read(f"# newdoc\n{word('1', 'a')}\n{word('1', 'b')}", format="conllu")
    columns = read("-DOCSTART- O\n\na O\n\nb O\n", format="conll")

    assert [row["document_id"] for row in rows] == [row["document_id"] for row in columns]


def test_comments_of_documents_and_sentences_fill_additional_columns(read):
    text = (
        "# newdoc id = d1\n# meta::genre = news\n# sent_id = s1\n# mood = glad\n" + SENTENCE + "\n"
        "# mood = sad\n" + SENTENCE + "\n"
        "# newdoc id = d2\n" + SENTENCE + "\n"
        "# meta::genre = blog\n" + SENTENCE + "\n" + SENTENCE + "\n"
    )
    rows = read(text, format="conllu", columns=["meta::genre", "mood", "newdoc id"])

    assert [(row["meta::genre"], row["mood"], row["newdoc id"]) for row in rows] == [
        ("news", "glad", "d1"),
        ("news", "sad", "d1"),
        (None, None, "d2"),
        ("blog", None, "d2"),
        (None, None, "d2"),
    ]


def test_a_first_word_without_ten_columns_is_an_error(read):
    with pytest.raises(CorpusFormatError) as error:
        read("# text = a\n1\ta\tb\n", format="conllu")
    assert str(error.value) == (
        "corpus.txt:2: first word is not CoNLL-U: expected 10 columns between tabs, with a number as ID, "
        "found 3 in '1\\ta\\tb'; a first line `# global.columns = ID FORM ...` names other columns (CoNLL-U "
        'Plus), and format = "conll" reads any columns'
    )


def test_later_malformed_lines_only_make_their_sentence_defective(read):
    text = SENTENCE + "\n1\tshort\n\n" + word("x", "odd") + word("2", "b") + "\n" + SENTENCE
    rows = read(text, format="conllu")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.txt:6: found 2 columns, expected 10",
        "corpus.txt:8: ID is not a number: 'x'",
        None,
    ]
    assert [row["tokens"] for row in rows[1:3]] == [["short"], ["odd", "b"]]


def test_a_file_without_a_word_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no word found, expected at least one"):
        read("# newdoc\n\n", format="conllu")


@pytest.mark.skipif("SEQTAG_DATA" not in os.environ, reason="SEQTAG_DATA does not name the real corpora")
@pytest.mark.parametrize(
    ("split", "n_sequences", "n_tokens"),
    [("train", 12544, 204577), ("dev", 2001, 25147), ("test", 2077, 25094)],
)
def test_english_ewt_has_its_published_size(split, n_sequences, n_tokens, read_rows):
    path = Path(os.environ["SEQTAG_DATA"]) / "ud_english_ewt" / f"{split}.conllu.gz"
    rows = read_rows({"format": "conllu", "path": str(path)}, columns=["text"])

    assert len(rows) == len({row["sequence_id"] for row in rows}) == n_sequences
    assert sum(len(row["tokens"]) for row in rows) == n_tokens
    assert len({tag for row in rows for tag in row["tags"]}) == 17
    assert all(row["text"] and row["defect"] is None for row in rows)
    assert len({row["document_id"] for row in rows}) < n_sequences / 2


def defects(rows):
    return [row["defect"] for row in rows]


def test_a_missing_blank_line_above_a_comment_makes_the_sentence_defective(read):
    text = (
        "# sent_id = 1\n" + word("1", "a") + word("2", "b") + "# sent_id = 2\n" + word("1", "c") + "\n"
        "# newdoc id = d\n# sent_id = 3\n" + word("1", "d") + "# newdoc id = e\n# sent_id = 4\n"
        "" + word("1", "e") + "\n# sent_id = 5\n" + word("1", "f") + "# newpar\n\n# sent_id = 6\n"
        "# newpar\n" + word("1", "g") + "# note = below\n" + word("2", "h")
    )
    rows = read(text, format="conllu")

    assert defects(rows) == [
        "corpus.txt:3: a blank line is missing before line 4: # sent_id follows a word",
        "corpus.txt:9: a blank line is missing before line 10: # newdoc id follows a word",
        "corpus.txt:15: a blank line is missing before line 16: # newpar follows a word",
        None,
    ]


@pytest.mark.parametrize(
    ("ids", "defect"),
    [
        ("1 2 1 2", "corpus.txt:3: a blank line is missing before line 3: ID 1 follows 2"),
        ("1 1", "corpus.txt:2: a blank line is missing before line 2: ID 1 follows 1"),
        ("1 3", "corpus.txt:2: line lost: ID 3 follows 1"),
        ("1 2 3 2", "corpus.txt:4: IDs are not in order: ID 2 follows 3"),
        ("1 2 99999999999999999999", "corpus.txt:3: line lost: ID 99999999999999999999 follows 2"),
        ("1 2-3 2 2.1 3 4", None),
        ("0 1 2", None),
        ("1 2 x 4 5", "corpus.txt:3: ID is not a number: 'x'"),
    ],
)
def test_ids_that_do_not_count_up_make_the_sentence_defective(ids, defect, read):
    above = "".join(word(number, "w") for number in ids.split())
    rows = read(above + "\n" + word("1", "x") + word("2", "y"), format="conllu")

    assert defects(rows) == [defect, None]


def test_comments_separate_sentences_of_conllu_plus_without_an_id(read):
    text = "# global.columns = FORM NE\na\tO\nb\tO\n\na\tO\n# sent_id = 2\nb\tO\n"
    rows = read(text, format="conllu", tag_column="NE")

    assert defects(rows) == [
        None,
        "corpus.txt:5: a blank line is missing before line 6: # sent_id follows a word",
    ]
