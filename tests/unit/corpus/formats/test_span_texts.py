"""Texts with labelled spans of characters."""

from __future__ import annotations

import json

import pytest

from seqtag.config.source_config import SpanSource
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.span_texts import read_spans
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError

TEXT = "Ada Lovelace, of London"
SPANS = [[0, 12, "PER"], [17, 23, "LOC"]]
TAGGED = (["Ada", "Lovelace", ",", "of", "London"], ["B-PER", "I-PER", "O", "O", "B-LOC"])


def lines(*objects: object) -> str:
    return "".join(json.dumps(each) + "\n" for each in objects)


def keyed(start: str = "start", stop: str = "end", label: str = "label") -> list[dict[str, object]]:
    return [{start: a, stop: b, label: [name] if label == "labels" else name} for a, b, name in SPANS]


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        ({"text": TEXT, "spans": keyed()}, {}),
        ({"text": TEXT, "ents": keyed()}, {"spans_column": "ents"}),
        ({"text": TEXT, "label": SPANS}, {"spans_column": "label"}),
        ({"text": TEXT, "entities": keyed("start_offset", "end_offset")}, {"spans_column": "entities"}),
        ({"text": TEXT, "label": keyed(label="labels")}, {"spans_column": "label"}),
        (
            {
                "data": {"text": TEXT},
                "annotations": [
                    {"was_cancelled": True, "result": []},
                    {
                        "result": [
                            *({"type": "labels", "value": span} for span in keyed(label="labels")),
                            {"type": "choices", "value": {"choices": ["good"]}},
                            {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["knows"]},
                        ]
                    },
                ],
            },
            {"text_column": "data.text", "spans_column": "annotations"},
        ),
    ],
    ids=["prodigy", "spacy", "doccano", "doccano relations", "label studio min", "label studio"],
)
@pytest.mark.parametrize("write", [lines, lambda row: json.dumps([row], indent=1)], ids=["lines", "array"])
def test_spans_become_iob2_tags_of_tokens(write, row, keys, read, content):
    assert content(read(write(row), format="jsonl-spans", tokenise="words", **keys)) == [TAGGED]


def test_whitespace_alone_separates_tokens_if_declared(read, content):
    row = {"text": "Ada's\u00a0cup,\n12\u3000EUR", "spans": [[0, 5, "X"]]}
    rows = read(lines(row), format="jsonl-spans", tokenise="whitespace")
    assert content(rows) == [(["Ada's", "cup,", "12", "EUR"], ["B-X", "O", "O", "O"])]


def test_given_tokens_are_used_as_they_are_and_whitespace_among_them_is_counted(read, report, content):
    tokens = [(0, 2), (2, 5), (5, 6), (6, 9)]
    row = {
        "text": "don't\nask",
        "tokens": [{"text": "don't\nask"[a:b], "start": a, "end": b} for a, b in tokens],
        "spans": [[2, 5, "NEG"]],
    }
    keys = {"format": "jsonl-spans", "tokenise": "given"}
    assert content(read(lines(row), **keys)) == [(["do", "n't", "ask"], ["O", "B-NEG", "O"])]
    assert report(lines(row), **keys).changed == {"tokens of whitespace left out": 1}
    (warned,) = report(lines(row | {"spans": []}), format="jsonl-spans", tokenise="words").warnings
    assert (warned.kind, warned.place) == ("given_tokens", "corpus.txt:1")


def test_offsets_count_code_points_and_combining_marks_stay_in_their_word(read, content):
    text = "\U0001f600 e\u0301tude हिन्दी"
    row = {"text": text, "spans": [[2, 8, "X"], [9, len(text), "Y"]]}
    rows = read(lines(row), format="jsonl-spans", tokenise="words")
    assert content(rows) == [(["\U0001f600", "e\u0301tude", "हिन्दी"], ["O", "B-X", "B-Y"])]


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        (
            {"spans": [[0, 6, "PER"]]},
            "span 'Ada Lo' [0, 6) PER fits no tokens: no token ends at 6, the nearest end at 3 and 12",
        ),
        (
            {"spans": [[1, 3, "PER"]]},
            "span 'da' [1, 3) PER fits no tokens: no token starts at 1, the nearest start at 0 and 4",
        ),
        ({"spans": [[0, 4, "PER"]]}, "no token ends at 4, the nearest end at 3 and 12"),
        (
            {"spans": [[4, 12, "PER"], [0, 12, "ORG"]]},
            "span 'Lovelace' [4, 12) PER overlaps span 'Ada Lovelace' [0, 12) ORG: expected disjoint spans",
        ),
        ({"spans": [[12, 0, "PER"]]}, "span '' [12, 0) PER is empty: expected an end after the start"),
        ({"spans": [[17, 24, "LOC"]]}, "[17, 24) LOC exceeds the text: expected 0 to 23 characters"),
        ({"spans": [[0, 3]]}, "span is not understood: expected start, end and label, got [0, 3]"),
        ({"spans": [[0, 3.0, "PER"]]}, "span is not understood"),
        ({"spans": [{"start": 0, "end": 3, "labels": ["A", "B"]}]}, "span is not understood"),
        ({"spans": [[0, 3, " "]]}, "span has no label"),
        ({"spans": "PER"}, "spans are no array"),
        (
            {"spans": [{"start": 4, "end": 12, "label": "X", "text": "Ada Love"}]},
            "span 'Lovelace' [4, 12) X has another text: expected 'Ada Love', got 'Lovelace' there",
        ),
        ({"text": None}, "'text' is not text: expected Unicode, got None"),
        ({"text": "\ud800"}, "'text' is not text: expected Unicode, got '\\ud800'"),
        ({"text": " ", "spans": []}, "sequence has no token"),
    ],
)
def test_a_span_that_cannot_be_written_as_tags_breaks_its_sequence(change, defect, read):
    good = {"text": TEXT, "spans": SPANS}
    rows = read(lines(good, good | change, good), format="jsonl-spans", tokenise="words")

    assert [row["defect"] is None for row in rows] == [True, False, True]
    assert rows[1]["defect"].startswith("corpus.txt:2: ")
    assert defect in rows[1]["defect"]


@pytest.mark.parametrize(
    ("token", "defect"),
    [
        ({"start": 3, "end": 2}, "token is not understood: expected start and end from 0 to 23"),
        ({"start": 0, "end": 3, "text": "Eve"}, "token [0, 3) has another text: expected 'Eve', got 'Ada'"),
        ("Ada", "token is not understood"),
        (None, "tokens are no array of objects"),
    ],
)
def test_given_tokens_that_are_not_in_the_text_break_their_sequence(token, defect, read):
    row = {"text": TEXT, "spans": [], "tokens": token and [token]}
    (found,) = read(lines(row), format="jsonl-spans", tokenise="given")
    assert defect in found["defect"]


def test_lines_that_are_no_objects_break_their_sequences(read):
    good = json.dumps({"text": "a", "spans": []})
    rows = read(
        f'{good}\n{{"text": "b"\n[1]\n{good[:-1]}, "text": "c"}}\n', format="jsonl-spans", tokenise="words"
    )
    assert [row["defect"] and row["defect"][:35] for row in rows] == [
        None,
        "corpus.txt:2: line is not JSON: got",
        "corpus.txt:3: line is not an object",
        "corpus.txt:4: key 'text' is repeate",
    ]


def test_objects_without_spans_are_untagged_and_rejected_ones_are_skipped(read, report):
    text = lines(
        {"text": "a", "spans": []},
        {"text": "b"},
        {"text": "c", "spans": [[0, 1, "X"]], "answer": "reject"},
        {"text": "d", "spans": [[0, 1, "X"]], "answer": "accept"},
    )
    keys = {"format": "jsonl-spans", "tokenise": "words"}
    assert [(row["tokens"], row["tags"]) for row in read(text, **keys)] == [
        (["a"], ["O"]),
        (["b"], None),
        (["d"], ["B-X"]),
    ]
    assert report(text, **keys).changed == {"objects with the answer reject or ignore skipped": 1}


def test_of_several_annotations_the_first_is_read_with_a_warning(read, report, content):
    annotations = [{"result": [{"value": {"start": 0, "end": 1, "labels": [name]}}]} for name in "XY"]
    text = lines({"text": "a", "annotations": annotations})
    keys = {"format": "jsonl-spans", "tokenise": "words", "spans_column": "annotations"}
    assert content(read(text, **keys)) == [(["a"], ["B-X"])]
    (warned,) = report(text, **keys).warnings
    assert (warned.kind, warned.place) == ("several_annotations", "corpus.txt:1")


def test_ids_documents_splits_and_columns_may_be_fields_of_objects(read):
    row = {"text": "a", "spans": [], "meta": {"id": 7, "doc": "d", "set": "dev", "year": 1898}}
    (found,) = read(
        lines(row),
        format="jsonl-spans",
        tokenise="words",
        id_column="meta.id",
        document_column="meta.doc",
        split_column="meta.set",
        columns=["meta.year"],
    )
    assert [found[key] for key in ("sequence_id", "document_id", "split", "meta.year")] == [
        "7",
        "d",
        "dev",
        "1898",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            lines({"body": "a", "spans": []}),
            r"txt:1: object has no text in 'text': got .*'body'.*text_column",
        ),
        (lines({"text": "a", "label": []}), "txt: no object has a value in 'spans'.*correct spans_column"),
        (
            '[{"text": "a", "spans": []}\n,{"text": "b',
            "txt:1: array is damaged after this line.* the end of the file",
        ),
        (
            '[{"text": "a", "spans": []},\n{"text" "b", "spans": []}]',
            "txt:1: array is damaged after this line: .*line 2 column 9",
        ),
        ('["a"]', "txt:1: array is damaged after this line: expected objects"),
    ],
)
def test_a_file_of_another_shape_is_an_error(text, said, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.{said}"):
        read(text, format="jsonl-spans", tokenise="words")


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_gives_the_same_sequences_and_lines_in_blocks_of_any_size(block, indent, tmp_path):
    texts = ["Ada \U0001f600" * n for n in range(1, 5)]
    rows = [{"text": text, "spans": [[0, 3, "X"]]} for text in texts]
    path = tmp_path / "a.json"
    path.write_text(f"\n{json.dumps(rows, indent=indent)}\n")
    source = SpanSource(format="jsonl-spans", path=str(path), tokenise="whitespace")

    batches = read_spans(source, find_files(str(path))[0], (), SourceReport(), block_bytes=block)

    found = [row for batch in batches for row in batch.to_pylist()]
    assert [row["tokens"] for row in found] == [text.split() for text in texts]
    assert [row["sequence_id"] for row in found] == [f"a.json#{n}" for n in range(1, 5)]
    numbers = [2] * 4 if indent is None else [3, 13, 23, 33]
    assert [row["(place)"] for row in found] == [f"a.json:{number}" for number in numbers]
