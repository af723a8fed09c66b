"""Lines of CoNLL-style files that are no tokens: comments, and token numbers."""

from __future__ import annotations

import pytest

from tests.unit.corpus.formats.test_conll_layout import warned


def test_a_hash_with_a_tag_is_a_token_even_if_comments_are_declared(read, content):
    tabs = "# newdoc\n#\tO\nAda\tB-PER\n#acme\tB-ORG\n\n#first\tB-NEW\nday\tO\n"
    expected = [(["#", "Ada", "#acme"], ["O", "B-PER", "B-ORG"]), (["#first", "day"], ["B-NEW", "O"])]
    assert content(read(tabs, format="conll", comment="#")) == expected

    blanks = "# newdoc\n# O\nAda B-PER\n#acme B-ORG\nsings O\n"
    assert content(read(blanks, format="conll", comment="#")) == [
        (["#", "Ada", "#acme", "sings"], ["O", "B-PER", "B-ORG", "O"])
    ]


def test_without_a_key_a_hash_is_a_token(read, content):
    assert content(read("# O\nwinning O\n#win O\n", format="conll")) == [
        (["#", "winning", "#win"], ["O", "O", "O"])
    ]


@pytest.mark.parametrize("separator", ["\t", " ", " NN B-NP "])
def test_comments_above_a_sequence_are_detected_without_a_key(separator, read, report, content):
    sentence = f"# sent_id = 1\n# text = Ada sings .\nAda{separator}B-PER\n#{separator}O\n.{separator}O\n\n"
    rows = read(sentence * 2, format="conll", columns=["sent_id"])
    record = report(sentence * 2, format="conll")

    assert content(rows) == [(["Ada", "#", "."], ["B-PER", "O", "O"])] * 2
    assert [row["sent_id"] for row in rows] == ["1", "1"]
    assert record.assumed["comments"] == {"# key = value": 1}
    assert [(w.place, w.count) for w in record.warnings] == [("corpus.txt:1", 4)]
    assert 'comment = "#" declares them' in warned(record)["comments"]
    assert warned(report(sentence * 2, format="conll", comment="#")) == {}


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (
            "#\tn-tv.de of May 26\t[2005-02-26]\n1\tAda\tB-PER\tO\n2\tsings\tO\tO\n",
            {"token_column": 1, "tag_column": 2},
        ),
        ("# id 9f-1\tdomain=en\nAda _ _ B-PER\nsings _ _ O\n", {}),
        ("###MEDLINE:1\n\nAda\tB-PER\nsings\tO\n", {"comment": "###"}),
    ],
    ids=["source between tabs", "as many words as columns", "a block alone"],
)
def test_comments_of_shared_tasks_are_not_tokens(text, source, read, content):
    text = f"{text}\n" * 3

    assert content(read(text, format="conll", **source)) == [(["Ada", "sings"], ["B-PER", "O"])] * 3
    assert content(read(text, **{"format": "conll", "comment": "#", **source}))[0][0] == ["Ada", "sings"]


def test_a_file_with_only_comments_or_a_header_has_no_sequences(tmp_path, read_rows):
    for name, text in {
        "a": "###MEDLINE:1\n\n",
        "b": "###token tag\n",
        "c": "token tag\n",
        "d": "token tag\na O\n",
    }.items():
        (tmp_path / name).write_text(text)
    rows = read_rows({"format": "conll", "path": f"{tmp_path}/*", "comment": "###", "header": True})

    assert [row["tokens"] for row in rows] == [["a"]]


def test_a_declared_comment_within_a_sequence_is_skipped_and_counted(read, report, content):
    text = "a\tO\n# page = 2\nb\tO\n"

    assert content(read(text, format="conll", comment="#")) == [(["a", "b"], ["O", "O"])]
    assert warned(report(text, format="conll", comment="#"))["comments within sequences"].startswith(
        "corpus.txt:2: a comment within a sequence was left out: '# page = 2'"
    )
    assert "'# page = 2'" in read(text, format="conll")[0]["defect"]
    assert "looks like a comment" in warned(report(text, format="conll"))["comments as tokens"]


def test_hipe_files_are_read(read, report):
    text = (
        "TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tMISC\n# hipe2022:document_id = d1\n# hipe2022:date = "
        "1890-01-02\n"
        "Aus\tO\tO\t_\n# segment_iiif_link = _\nLausanne\tB-loc\tO\tNoSpaceAfter\n\n"
        "# hipe2022:document_id = d2\nCuno\tB-pers\tO\t_\n"
    )
    source = {"format": "conll", "tag_column": 1, "header": True, "comment": "#"}
    rows = read(text, columns=["hipe2022:date"], **source)

    assert [(row["tokens"], row["tags"], row["hipe2022:date"], row["defect"]) for row in rows] == [
        (["Aus", "Lausanne"], ["O", "B-loc"], "1890-01-02", None),
        (["Cuno"], ["B-pers"], None, None),
    ]
    record = report(text, **source)
    assert {what: list(values) for what, values in record.assumed.items()} == {
        "compression": ["none"],
        "encoding": ["utf-8"],
        "separator": ["tab"],
        "columns": ["4"],
        "header": ["yes"],
        "comments": ["'#'"],
    }


def test_a_file_that_is_one_document_is_a_warning_with_a_key_that_ignores_documents(read, report):
    text = "-DOCSTART- -X- O\n" + "".join(f"w{i} -X- _ O\n\n" for i in range(12))

    assert len({row["document_id"] for row in read(text, format="conll")}) == 1
    assert warned(report(text, format="conll")) == {
        "documents": "corpus.txt:1: a single '-DOCSTART- -X- O' makes all 12 sequences one document, "
        "which no split "
        'divides; documents = "none" makes each sequence a document'
    }
    assert len({row["document_id"] for row in read(text, format="conll", documents="none")}) == 12
    assert report(text, format="conll", documents="none").warnings == []
    assert report(text + "-DOCSTART- O\n\na b _ O\n", format="conll").warnings == []


def test_conll_2000_and_2003_are_read_without_a_warning(report):
    chunks = "Confidence NN B-NP\nin IN B-PP\n\nChancellor NNP O\n. . O\n"
    entities = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n"

    assert [report(text, format="conll").warnings for text in (chunks, entities)] == [[], []]


SPOKE = "{}Ada B-PER\nspoke O\n\n{}Bob B-PER\nleft O\n\n"


@pytest.mark.parametrize("lines", [("# text\n", "# text\n"), ("# s1\n", "# s2\n"), ("#id 1\n", "#id 2\n")])
def test_comments_that_are_read_as_tokens_are_a_warning_with_the_key(lines, read, report, content):
    text = SPOKE.format(*lines)

    said = warned(report(text, format="conll"))["comments as tokens"]
    assert said == (
        f"corpus.txt:1: {lines[0].strip()!r} looks like a comment and is read as a token with a tag of no "
        'other line; comment = "#" leaves it out'
    )
    assert content(read(text, format="conll", comment="#")) == [
        (["Ada", "spoke"], ["B-PER", "O"]),
        (["Bob", "left"], ["B-PER", "O"]),
    ]


@pytest.mark.parametrize("above", ["# Ada spoke\n", "# sent_id = 1\n# text Ada\n"])
def test_a_warning_about_comments_with_odd_columns_names_the_key(above, read, report, content):
    text = SPOKE.format(above, "")

    assert 'comment = "#" leaves it out' in read(text, format="conll")[0]["defect"]
    assert 'may be a comment; comment = "#" leaves it out' in warned(report(text, format="conll"))["columns"]
    assert [row["defect"] for row in read(text, format="conll", comment="#")] == [None, None]


def test_an_error_about_hipe_comments_below_an_undeclared_header_names_the_key(read):
    text = "TOKEN\tNE\tMISC\n# hipe2022:date = 1898\nAda\tB-PER\t_\n# hipe2022:date = 1899\nBob\tO\t_\n"

    defect = read(text, format="conll", tag_column=1)[0]["defect"]
    assert defect.startswith("corpus.txt:2: found 1 columns")
    assert 'comment = "#" leaves it out' in defect


@pytest.mark.parametrize("line", ["# SYM\n", "#now B-TAG\n", "# O\n"])
def test_a_hash_at_the_start_of_some_sequences_is_not_a_comment(line, report):
    assert warned(report(SPOKE.format(line, "") + SPOKE.format("", ""), format="conll")) == {}


NUMBERED = "1\tAda\tAda\tB-PER\n2-3\tdel\t_\t_\n2\tde\tde\tO\n3\tel\tel\tO\n\n" * 6


def test_token_numbers_that_are_read_as_tokens_are_a_warning(report):
    record = report("# source = web\n" + NUMBERED, format="conll", comment="#")

    assert warned(record)["numbers as tokens"] == (
        "corpus.txt:2: column 0 numbers the tokens of each sequence and is read as the tokens; set "
        'token_column = 1, or format = "conllu"'
    )


def test_ranges_that_are_read_as_tokens_are_a_warning(report):
    record = report(NUMBERED, format="conll", token_column=1)

    assert warned(record)["numbers as tokens"] == (
        'corpus.txt:2: range 2-3 is read as a token; format = "conllu" skips ranges'
    )


@pytest.mark.parametrize("keys", [{"token_column": 1}, {"token_column": -3}])
def test_token_numbers_in_another_column_are_fine(keys, report):
    text = "1 Ada NNP B-PER\n2 sings VBZ O\n3 . . O\n\n" * 6

    assert report(text, format="conll", **keys).warnings == []


def test_tokens_that_are_numbers_but_do_not_count_up_are_fine(report):
    assert report("7 O\n8 O\n2 B-X\n\n" * 20, format="conll").warnings == []
