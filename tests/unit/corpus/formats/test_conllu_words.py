"""Words of CoNLL-U: CoNLL-U Plus, cells without a value, features as tags."""

from __future__ import annotations

import pytest

from seqtag.corpus.source_report import SourceRecord
from seqtag.errors import CorpusFormatError

PLUS = "# global.columns = ID FORM NE\n# sent_id = s1\n1\tAda\tB-PER\n2-3\tdon't\t_\n2\tdo\tO\n3\tn't\tO\n"
FEATURES = ("SpaceAfter=No|name=B-PER", "Gloss=a=b|name=O", "_", "SpaceAfter=No")


def word(number: int, form: str = "w", **cells: str) -> str:
    columns = {"LEMMA": "l", "UPOS": "X", "MISC": "_", **cells}
    return f"{number}\t{form}\t{columns['LEMMA']}\t{columns['UPOS']}\t_\t_\t0\troot\t_\t{columns['MISC']}\n"


def misc(*cells: str) -> str:
    return "".join(word(number, MISC=cell) for number, cell in enumerate(cells, start=1))


def warnings(record: SourceRecord) -> dict[str, str]:
    return {warning.kind: f"{warning.place}: {warning.text}" for warning in record.warnings}


@pytest.mark.parametrize("name", ["a.conllup", "a.conllu", "a.txt"])
def test_conllu_plus_names_its_columns(name, read, report):
    rows = read(PLUS, name=name, format="conllu", tag_column="NE")

    assert [(row["sequence_id"], row["tokens"], row["tags"], row["defect"]) for row in rows] == [
        ("s1", ["Ada", "do", "n't"], ["B-PER", "O", "O"], None)
    ]
    assert report(PLUS, name=name, format="conllu", tag_column="NE").assumed["columns"] == {"ID FORM NE": 1}


def test_columns_of_conllu_plus_may_be_in_any_order_and_without_an_id(read, content):
    text = "# text = a b\n# global.columns = NE:TYPE FORM\nB-X\ta\nO\tb\n"

    assert content(read(text, format="conllu", tag_column="NE:TYPE")) == [(["a", "b"], ["B-X", "O"])]


def test_lines_of_conllu_plus_with_other_columns_make_their_sentence_defective(read):
    rows = read(PLUS + "\n1\ta\n\n1\ta\tO\t_\n\n1\ta\tO\t\n", format="conllu", tag_column="NE")

    assert [row["defect"] for row in rows] == [
        None,
        "corpus.txt:8: found 2 columns, expected 3",
        "corpus.txt:10: found 4 columns, expected 3",
        None,
    ]


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (PLUS, "UPOS", "no column 'UPOS' in the file: expected tag_column to be one of ID, FORM, NE;"),
        (word(1), "NE", "no column 'NE' in the file: expected tag_column to be one of ID, FORM, LEMMA,"),
        ("# global.columns = ID FORM NE NE\n1\ta\tO\tO\n", "NE", "more than one column 'NE'"),
    ],
)
def test_columns_that_are_not_in_the_file_are_an_error(text, key, said, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.txt: {said}"):
        read(text, format="conllu", tag_column=key)


@pytest.mark.parametrize(
    ("text", "line"),
    [(PLUS.replace("NE", "UPOS") + "\n# global.columns = ID\n", 8), (word(1) + "# global.columns = X\n", 2)],
)
def test_columns_that_change_within_a_file_are_an_error(text, line, read):
    with pytest.raises(
        CorpusFormatError, match=rf"corpus\.txt:{line}: global\.columns change within the file"
    ):
        read(text, format="conllu")


def test_blanks_instead_of_tabs_are_an_error_that_says_so(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:1: first word is not CoNLL-U.*write tabs"):
        read(word(1).replace("\t", " "), format="conllu")


def test_an_underscore_is_not_a_tag(read, report, content):
    text = word(1, UPOS="NOUN") + word(2, UPOS="_") + word(3, UPOS="_ ")

    assert content(read(text, format="conllu")) == [(["w"] * 3, ["NOUN", None, None])]
    assert report(text, format="conllu").changed == {"words without a tag": 2}
    assert content(read(text, format="conllu", tag_default="O"))[0][1] == ["NOUN", "O", "O"]
    assert warnings(report(text, format="conllu")) == {
        "no tags": "corpus.txt:1: UPOS has no value in 2 of 3 words; set tag_column, or tag_default = "
        "\"O\" for such "
        "words"
    }  # fmt: skip


def test_an_underscore_may_be_the_word_itself(read, content):
    text = word(1, "_", LEMMA="_") + word(2, "a", LEMMA="_") + word(3, "b", LEMMA="b")

    assert content(read(text, format="conllu", tag_column="LEMMA")) == [(["_", "a", "b"], ["_", None, "b"])]


def test_words_whose_text_was_removed_are_a_warning(report):
    text = "".join(word(number, "_", LEMMA="_") for number in (1, 2)) + word(3, "the")

    assert warnings(report(text, format="conllu")) == {
        "no text": "corpus.txt:1: 2 of 3 words are `_`: the text seems to have been removed for its "
        "licence and "
        "must be merged back"
    }


def test_one_feature_is_the_tag(read, content):
    source = {"format": "conllu", "tag_column": "MISC", "tag_feature": "name"}

    assert content(read(misc(*FEATURES), **source)) == [(["w"] * 4, ["B-PER", "O", None, None])]
    assert content(read(misc(*FEATURES), **source, tag_default="O"))[0][1] == ["B-PER", "O", "O", "O"]
    assert content(read(misc("surname=x", "names =y", "name=", "a.b=1"), **source))[0][1] == [
        None,
        None,
        "",
        None,
    ]
    dotted = {**source, "tag_feature": "a.b"}
    assert content(read(misc("aXb=0|a.b=1", "name=a.b"), **dotted))[0][1] == ["1", None]


def test_a_feature_of_any_column_of_conllu_plus_is_the_tag(read, content):
    text = "# global.columns = ID FORM X:Y\n1\ta\tNumber=Sing|Case=Nom\n2\tb\tCase=Acc\n"

    assert content(read(text, format="conllu", tag_column="X:Y", tag_feature="Case"))[0][1] == ["Nom", "Acc"]


def test_features_that_are_read_as_tags_are_a_warning_that_lists_them(report):
    assert warnings(report(misc(*FEATURES), format="conllu", tag_column="MISC")) == {
        "features": "corpus.txt:1: MISC holds features (SpaceAfter in 2, name in 2, Gloss in 1 words): "
        "set tag_feature "
        "to the one that is the tag"
    }  # fmt: skip
    named = report(misc("name=O"), format="conllu", tag_column="MISC", tag_feature="name")
    assert named.warnings == []


def test_a_feature_that_few_words_have_is_a_warning_that_lists_the_others(report):
    record = report(misc("name=O", "Ner=O", "Ner=O"), format="conllu", tag_column="MISC", tag_feature="name")

    assert warnings(record) == {
        "no tags": "corpus.txt:1: MISC has no feature name in 2 of 3 words, but Ner in 2, name in 1; set "
        "tag_column "
        'or tag_feature, or tag_default = "O" for such words'
    }  # fmt: skip


def test_a_treebank_that_is_one_document_is_a_warning_with_a_key_that_ignores_documents(read, report):
    text = "# newdoc id = d\n" + "".join(word(1, f"w{i}") + "\n" for i in range(12))

    assert {row["document_id"] for row in read(text, format="conllu")} == {"d"}
    assert warnings(report(text, format="conllu")) == {
        "documents": "corpus.txt:1: a single # newdoc makes all 12 sentences one document, which no split "
        "divides; "
        'documents = "none" makes each sentence a document'
    }  # fmt: skip
    rows = read(text.replace(" id = d", ""), format="conllu", documents="none")
    assert len({row["document_id"] for row in rows}) == 12
    assert report(text + "# newdoc\n" + word(1), format="conllu").warnings == []


NAMED = {"format": "conllu", "tag_column": "MISC", "tag_feature": "NE"}


def test_a_feature_that_no_word_has_is_an_error_if_a_default_would_hide_it(read, read_rows, tmp_path):
    text = misc("NE=B-X", "SpaceAfter=No", "NE=O|SpaceAfter=No", "name")
    source = {**NAMED, "tag_feature": "name", "tag_default": "O"}

    with pytest.raises(CorpusFormatError) as error:
        read(text, **source)
    assert str(error.value) == (
        "corpus.txt: no word has feature name in MISC: expected at least one, found NE in 2, SpaceAfter in 2 "
        "words; set tag_feature to one of these"
    )
    with pytest.raises(CorpusFormatError, match="found no features; set tag_column to a column that has"):
        read(misc("_"), **source)

    (tmp_path / "a.conllu").write_text(misc("_"))
    (tmp_path / "b.conllu").write_text(misc("name=B-X"))
    rows = read_rows({"path": str(tmp_path / "*.conllu"), **source})
    assert [row["tags"] for row in rows] == [["O"], ["B-X"]]


def test_a_feature_of_a_range_is_a_warning(report):
    text = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\tNE=B-X|SpaceAfter=No\n" + misc("NE=O", "NE=O")
    text += "2.1\tnot\t_\tX\t_\t_\t_\t_\t_\t_\n"
    record = report(f"{text}\n{text}", **NAMED)

    assert warnings(record) == {
        "tags of ranges": "corpus.txt:1: range 1-2 carries NE 'B-X', which is skipped; tag its words"
    }
    assert [warning.count for warning in record.warnings] == [2]


def test_blanks_around_a_feature_are_ignored_and_an_underscore_is_not_a_tag(read, content):
    text = misc("NE = B-X | a=b", "NE=_", "a=b| NE =I-X", "NE=O")

    assert content(read(text, **NAMED))[0][1] == ["B-X", None, "I-X", "O"]
    assert content(read(text, **NAMED, tag_default="O"))[0][1] == ["B-X", "O", "I-X", "O"]


def test_a_feature_with_two_values_makes_its_sentence_defective(read):
    rows = read(misc("NE=O", "NE=B-X|NE=I-X"), **NAMED)

    assert rows[0]["defect"] == "corpus.txt:2: more than one NE in MISC: 'NE=B-X|NE=I-X'"


def test_a_feature_in_another_case_is_a_warning(read, report, content):
    text = misc("NE=O", "ne=B-X", "Ne=B-X|NE=I-X", "NE=O") + "\n" + misc("NE=O", "nE=B-X")

    assert content(read(text, **NAMED))[0][1] == ["O", None, "I-X", "O"]
    record = report(text, **NAMED)
    assert warnings(record) == {
        "spelling of tag_feature": "corpus.txt:2: feature ne is not NE: its word has no tag; spell all of "
        "them as tag_feature does"
    }
    assert [warning.count for warning in record.warnings] == [2]
