"""JSON Lines."""

from __future__ import annotations

import json

import pytest

from seqtag.errors import CorpusFormatError


def lines(*objects: object) -> str:
    return "".join(json.dumps(o) + "\n" for o in objects)


def test_an_object_is_a_sequence(read, content):
    rows = read(
        lines({"tokens": ["a", "ü"], "tags": ["X", "O"]}, {"tags": ["O"], "tokens": ["b"]}), format="jsonl"
    )

    assert content(rows) == [(["a", "ü"], ["X", "O"]), (["b"], ["O"])]
    assert [row["sequence_id"] for row in rows] == ["corpus.txt#1", "corpus.txt#2"]


def test_fields_are_named_in_the_configuration_and_additional_ones_are_kept(read):
    text = lines(
        {
            "words": ["a"],
            "pos": ["X"],
            "id": "s1",
            "doc": "d1",
            "set": "dev",
            "year": "1999",
            "junk": {"a": 1},
        },
        {"words": ["b"], "pos": ["X"], "id": None, "doc": "", "set": "", "junk": [1]},
    )
    rows = read(
        text,
        format="jsonl",
        tokens_column="words",
        tags_column="pos",
        id_column="id",
        document_column="doc",
        split_column="set",
        columns=["year"],
    )

    assert [(row["sequence_id"], row["split"], row["year"]) for row in rows] == [
        ("s1", "dev", "1999"),
        ("corpus.txt#2", None, None),
    ]
    assert rows[0]["document_id"] == "d1"
    assert len(rows[1]["document_id"]) == 16


@pytest.mark.parametrize("option", ["id_column", "document_column", "split_column"])
def test_a_named_field_that_the_first_object_lacks_is_an_error(option, read):
    text = lines({"tokens": ["a"], "tags": ["X"], "doc": "d"})
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:1: object lacks 'dok'.*'doc'"):
        read(text, format="jsonl", **{option: "dok"})


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("option", ["id_column", "document_column", "split_column"])
def test_a_named_field_that_never_has_a_value_is_an_error(option, nothing, read):
    text = lines(*[{"tokens": ["a"], "tags": ["X"], "doc": nothing}] * 2)
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no object has a value in 'doc'"):
        read(text, format="jsonl", **{option: "doc"})


@pytest.mark.parametrize("others", [[], [{"broken": True}]], ids=["by Arrow", "line by line"])
def test_other_values_are_written_as_json(others, read):
    fields = {"number": 17, "share": 0.50, "flag": True, "text": "1999-01-01", "list": [1, "é"]}
    text = lines({"tokens": ["a"], "tags": ["X"], **fields}, *others)
    rows = read(text, format="jsonl", columns=list(fields))

    assert {key: rows[0][key] for key in fields} == {
        "number": "17",
        "share": "0.5",
        "flag": "true",
        "text": "1999-01-01",
        "list": '[1, "é"]',
    }


def test_numbers_of_several_kinds_in_one_field_stay_as_they_are(read):
    text = "".join(
        f'{{"tokens": ["a"], "tags": ["X"], "id": {n}}}\n' for n in ("1", "1.0", '"1"', "true", "null")
    )
    rows = read(text, format="jsonl", id_column="id")

    assert [row["sequence_id"] for row in rows] == ["1", "1.0", "1", "true", "corpus.txt#5"]


def test_missing_tags_mean_untagged(read):
    rows = read(
        lines({"tokens": ["a"], "tags": ["X"]}, {"tokens": ["b"]}, {"tokens": ["c"], "tags": None}),
        format="jsonl",
    )

    assert [(row["tags"], row["defect"]) for row in rows] == [(["X"], None), (None, None), (None, None)]


def test_a_malformed_line_is_a_defective_sequence(read):
    broken = [
        '{"tokens": ["b"], "tags": ["X"]',
        '["tokens"]',
        '{"tokens": "b c", "tags": ["X"]}',
        '{"tokens": ["b", 7], "tags": ["X"]}',
        '{"tags": ["X"]}',
        '{"tokens": [], "tags": []}',
        '{"tokens": ["\\ud800"], "tags": ["X"]}',
        '{"tokens": ["b"], "tags": ["X"]} {"tokens": ["c"], "tags": ["X"]}',
    ]
    good = '{"tokens": ["a"], "tags": ["X"]}'
    rows = read("\n".join([good, *broken, good]), format="jsonl")

    assert [row["tokens"] for row in rows] == [["a"], [], [], [], [], [], [], [], [], ["a"]]
    assert [row["defect"] and row["defect"][:55] for row in rows] == [
        None,
        "corpus.txt:2: line is not JSON: expected one object, go",
        "corpus.txt:3: line is not an object: expected one a lin",
        "corpus.txt:4: 'tokens' is not an array of strings: expe",
        "corpus.txt:5: 'tokens' is not an array of strings: expe",
        "corpus.txt:6: 'tokens' has no value: expected an array ",
        "corpus.txt:7: sequence has no token: expected at least ",
        "corpus.txt:8: 'tokens' is not an array of strings: expe",
        "corpus.txt:9: line is not JSON: expected one object, go",
        None,
    ]


def test_a_null_token_is_left_to_validation(read):
    assert read('{"tokens": ["a", null], "tags": ["X", "X"]}\n', format="jsonl")[0]["tokens"] == ["a", None]


def test_blank_lines_crlf_and_bom_are_skipped(read, content):
    text = "\ufeff\r\n" + lines({"tokens": ["a"], "tags": ["X"]}).replace("\n", "\r\n") + " \r\n"

    assert content(read(text, format="jsonl")) == [(["a"], ["X"])]


@pytest.mark.parametrize(
    ("text", "received"),
    [
        ("tokens,tags\n", "line is not JSON: .*, got 'tokens,tags' .*; set format"),
        ("[1]\n", r"line is not an object: .*, got '\[1\]'"),
        ('{"tokens": ["a"], "pos": ["X"]}\n', r"object lacks 'tags': .*, got the keys \['tokens', 'pos'\]"),
    ],
    ids=["no JSON", "no object", "no tags"],
)
def test_a_first_line_that_is_no_such_object_is_an_error(text, received, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.txt:1: {received}"):
        read(text, format="jsonl")


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ({"tokens": ["a", "b"], "ner_tags": ["O", "X"]}, 'tags_column = "ner_tags"'),
        ({"id": "1", "words": ["a", "b"], "ner": [0, 1]}, 'tokens_column = "words" and tags_column = "ner"'),
        ({"tokens": ["a", "b"], "lemmas": ["a", "b"], "upos": ["X", "Y"]}, 'tags_column = "upos"'),
        ({"text": "a b", "tags": ["O", "O"], "form": ["a", "b"]}, 'tokens_column = "form"'),
    ],
)
def test_an_error_about_missing_keys_proposes_similar_ones(row, keys, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.txt:1: .*; set {keys} if these are meant"):
        read(lines(row), format="jsonl")


def test_dissimilar_keys_are_not_proposed(read):
    with pytest.raises(CorpusFormatError, match=r"the keys \['text', 'spans'\]; .*\"jsonl-spans\""):
        read(lines({"text": "a b", "spans": [[0, 1, "X"]]}), format="jsonl")


def test_an_empty_file_is_an_error(read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: no object found, expected at least one"):
        read("", format="jsonl")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('[{"tokens": ["a"], "tags": ["X"]}]\n', "jq -c '.[]' x.json > x.jsonl"),
        ('[\n {"tokens": ["a"], "tags": ["X"]}\n]\n', "jq -c '.[]' x.json > x.jsonl"),
        ('{\n "tokens": ["a"],\n "tags": ["X"]\n}\n', "jq -c . x.json > x.jsonl"),
    ],
    ids=["array", "array over lines", "object over lines"],
)
def test_json_that_is_not_one_object_a_line_is_refused_with_the_command(text, command, read):
    with pytest.raises(CorpusFormatError) as error:
        read(text, format="jsonl")

    assert str(error.value).endswith(f"; write one object a line: {command}")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_utf_8_with_a_byte_order_mark_is_refused_under_another_encoding(encoding, read):
    text = "\ufeff" + lines({"tokens": ["Stra\u00dfe"], "tags": ["X"]})

    with pytest.raises(CorpusFormatError, match=f'file is UTF-8, not {encoding}.*set encoding = "utf-8"'):
        read(text, format="jsonl", encoding=encoding)


def test_a_key_that_an_object_repeats_makes_its_sequence_defective(read):
    good = '{"tokens": ["a"], "tags": ["X"], "note": 1, "note": 2}'
    rows = read(f'{good}\n{{"tokens": ["b"], "tags": ["X"], "tags": ["Y"]}}\n{good}\n', format="jsonl")

    assert [row["tokens"] for row in rows] == [["a"], [], ["a"]]
    assert rows[1]["defect"] == (
        "corpus.txt:2: key 'tags' is repeated: expected it once, got "
        """'{"tokens": ["b"], "tags": ["X"], "tags": ["Y"]}'; remove all but one"""
    )


@pytest.mark.parametrize(
    ("row", "program"),
    [
        (
            {"tokens": [{"text": "Ada", "tag": "B-PER"}, {"text": "spoke", "tag": "O"}]},
            '. + {"tokens": [.tokens[].text], "tags": [.tokens[].tag]}',
        ),
        (
            {"tokens": [{"form": "Ada", "id": "1", "upos": "PROPN"}], "tags": ["O"]},
            '. + {"tokens": [.tokens[].form], "tags": [.tokens[].upos]}',
        ),
        ({"id": 7, "data": {"tokens": ["Ada"], "tags": ["O"]}}, ". + .data"),
        ({"id": 7, "sentences": [{"tokens": ["Ada"], "tags": ["O"]}]}, ".sentences[]"),
    ],
    ids=["objects", "objects with tags", "nested", "list of sentences"],
)
def test_nested_tokens_are_refused_with_the_command_that_extracts_them(row, program, read):
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt:1: ") as error:
        read(lines(row), format="jsonl")

    assert str(error.value).endswith(f"; write arrays of strings: jq -c '{program}' x.jsonl > y.jsonl")


def test_a_key_that_a_shell_would_run_is_not_put_into_a_command(read):
    with pytest.raises(CorpusFormatError) as error:
        read(lines({"';ls'": {"tokens": ["Ada"], "tags": ["O"]}}), format="jsonl")

    assert "jq" not in str(error.value)
