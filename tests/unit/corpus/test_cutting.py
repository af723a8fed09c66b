"""Sequences that are too long: where they are cut, and the ids, documents and places of the pieces."""

from __future__ import annotations

import doctest
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from seqtag.config import CutConfig, Source, TaggerConfig
from seqtag.corpus import SourceRecord, cut_points, file_numbers, read_sources
from seqtag.corpus.cutting import Cutter, in_pieces
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.conll import read_conll
from seqtag.corpus.formats.long import sequences_of_rows
from seqtag.corpus.places import PlacesWriter, read_places
from seqtag.corpus.record_batches import content_ids
from seqtag.corpus.schema import reader_schema
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from seqtag.tagging import spans_of

Row = tuple[str, list[str], list[str] | None, str | None]
WORDS = st.sampled_from(["a", "b", "c", "."])


def batch_of(*rows: Row, documents: list[str] | None = None, defects: list[str | None] | None = None) -> Any:
    """Return rows of id, tokens, tags and place as a reader does, each in a separate document."""
    ids, tokens, tags, places = zip(*rows, strict=True)
    lists = [pa.array(each, pa.list_(pa.string())) for each in (tokens, tags)]
    nothing = pa.nulls(len(rows), pa.string())
    columns = [
        pa.array(ids),
        content_ids(lists[0], {}) if documents is None else pa.array(documents),
        nothing,
        *lists,
        nothing if defects is None else pa.array(defects, pa.string()),
        pa.array(places, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=reader_schema())


def cut(rule: CutConfig, *batches: pa.RecordBatch, by_document: bool = False) -> list[dict[str, Any]]:
    cutter = Cutter(rule, SourceReport(), by_document=by_document)
    found = [piece for batch in batches for piece in cutter.cut(batch)]
    return [row for piece in [*found, *cutter.finish()] for row in piece.to_pylist()]


@pytest.mark.parametrize(
    ("tokens", "tags", "rule", "pieces"),
    [
        ("abcdefgh", None, {"max_length": 3}, "abc def gh"),
        ("abc", None, {"max_length": 3}, "abc"),
        ("a.b.cdefg", None, {"max_length": 4, "after": ["."]}, "a.b. cdef g"),
        ("ab.cd?e", None, {"max_length": 4, "after": [".", "?"]}, "ab. cd?e"),
        ("abcdef", "O O B-X I-X I-X O", {"max_length": 4}, "ab cdef"),
        ("abcdef", "O O x_b x_i x_l o", {"max_length": 4}, "ab cdef"),
        ("abcdef", "O O I-X E-X I-X I-X", {"max_length": 5}, "abcd ef"),
        ("abcdef", "B-X I-X I-X I-X I-X O", {"max_length": 3}, "abcde f"),
        ("abcdef", "B-X I-X I-X I-X I-X I-X", {"max_length": 3}, "abcdef"),
        ("a.bc.d", "B-X I-X I-X O O O", {"max_length": 3, "after": ["."]}, "a.b c.d"),
        ("abcd", "NN I-95 NN E-mail", {"max_length": 2}, "ab cd"),
    ],
)
def test_a_sequence_is_cut_after_tokens_of_the_rule_and_never_within_a_span(
    tokens: str, tags: str | None, rule: dict[str, Any], pieces: str
) -> None:
    row = ("a", list(tokens), None if tags is None else tags.split(), "a:1")
    found = cut(CutConfig(**rule), batch_of(row))
    assert ["".join(each["tokens"]) for each in found] == pieces.split()
    assert [tag for each in found for tag in each["tags"] or ()] == (tags or "").split()


def test_pieces_have_the_id_and_the_place_of_their_sequence() -> None:
    rows: tuple[Row, ...] = (
        ("a", list("xy"), list("OO"), "f:1"),
        ("b", list("abcde"), list("OOOOO"), "f:4"),
        ("c", list("abc"), None, "f: row 9"),
    )
    found = cut(CutConfig(max_length=2), batch_of(*rows))
    assert [(row["sequence_id"], row["(place)"]) for row in found] == [
        ("a", "f:1"),
        ("b#1", "f:4"),
        ("b#2", "f:4, piece 2"),
        ("b#3", "f:4, piece 3"),
        ("c#1", "f: row 9"),
        ("c#2", "f: row 9, piece 2"),
    ]
    assert [row["tags"] for row in found[-2:]] == [None, None]


def test_consecutive_pieces_are_a_document_and_others_keep_theirs() -> None:
    tokens = list("abcdefgh")
    rule = CutConfig(max_length=2, document_pieces=2)
    row: Row = ("a", tokens, list("OOOOOOOO"), "f:1")
    own = content_ids(pa.array([tokens[:2]]), {})[0].as_py()

    assert [each["document_id"] for each in cut(rule, batch_of(row))] == [own, own, f"{own}#2", f"{own}#2"]
    whole = rule.model_copy(update={"document_pieces": "all"})
    assert [each["document_id"] for each in cut(whole, batch_of(row))] == [own] * 4
    named = cut(rule, batch_of(row, documents=["book"]))
    assert [each["document_id"] for each in named] == ["book"] * 4


def test_sessions_of_one_document_are_divided_too() -> None:
    rows: list[Row] = [(f"s#{n}", ["a", "b"], ["O", "O"], f"f:{n}") for n in range(1, 5)]
    documents = ["s"] * 4
    batches = [
        batch_of(*rows[:3], documents=documents[:3]),
        batch_of(("s#4", list("abcde"), list("OOOOO"), "f:9"), documents=["s"]),
    ]
    found = cut(CutConfig(max_length=3, document_pieces=2), *batches, by_document=True)
    assert [each["document_id"] for each in found] == ["s", "s", "s#2", "s#2", "s#3"]


def test_a_broken_row_is_not_cut_and_breaks_only_its_part_of_a_sequence() -> None:
    batches = [
        batch_of(("a", list("abcde"), list("OOOOO"), "f:1")),
        batch_of(("a", list("fghij"), list("OOOOO"), None), defects=["f:8: found 1 columns"]),
        batch_of(("a", list("klm"), list("OOO"), None), ("b", list("xyz"), ["O"], "f:20")),
    ]
    found = cut(CutConfig(max_length=2), *batches)
    assert [(row["sequence_id"], "".join(row["tokens"])) for row in found] == [
        ("a#1", "ab"),
        ("a#2", "cd"),
        ("a#3", "e"),
        ("a#4", "fghij"),
        ("a#5", "kl"),
        ("a#6", "m"),
        ("b", "xyz"),
    ]
    assert len({row["document_id"] for row in found[:6]}) == 1


@st.composite
def sequences(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    tokens = draw(st.lists(WORDS, min_size=1, max_size=40))
    tags: list[str] = []
    while len(tags) < len(tokens):
        length = draw(st.integers(1, 6))
        tags += draw(st.sampled_from([["O"] * length, ["B-X", *["I-X"] * (length - 1)]]))
    return tokens, tags[: len(tokens)]


RULES = st.builds(
    CutConfig,
    max_length=st.integers(2, 8),
    after=st.sampled_from([(), (".",)]),
    document_pieces=st.sampled_from([1, 3, "all"]),
)


def cut_naively(tokens: list[str], tags: list[str], rule: CutConfig) -> list[int]:
    """Return the lengths of the pieces, from the definition of the rule."""
    lengths, start = [], 0
    while len(tokens) - start > rule.max_length:
        free = [n for n in range(start + 1, len(tokens)) if not tags[n].startswith("I")]
        within = [n for n in free if n <= start + rule.max_length]
        preferred = [n for n in within if not rule.after or tokens[n - 1] in rule.after]
        after = [n for n in free if n > start + rule.max_length]
        stop = (preferred or within or [len(tokens)])[-1] if within else (after or [len(tokens)])[0]
        lengths.append(stop - start)
        start = stop
    return [*lengths, len(tokens) - start] if start < len(tokens) else lengths


@settings(deadline=None, max_examples=200)  # a busy machine must not fail the test
@given(st.lists(sequences(), min_size=1, max_size=4), RULES)
def test_pieces_are_those_of_the_definition_and_hold_all_spans(
    drawn: list[tuple[list[str], list[str]]], rule: CutConfig
) -> None:
    rows = [(f"s{n}", tokens, tags, f"f:{n}") for n, (tokens, tags) in enumerate(drawn)]
    found = cut(rule, batch_of(*rows))
    lengths = [length for tokens, tags in drawn for length in cut_naively(tokens, tags, rule)]
    assert [len(row["tokens"]) for row in found] == lengths
    for part in ("tokens", "tags"):
        assert [each for row in found for each in row[part]] == [
            each for row in drawn for each in row[part == "tags"]
        ]
    n_spans = [
        len(spans_of(pa.array(lists, pa.list_(pa.string())), "IOB2", mode="strict"))
        for lists in ([row["tags"] for row in found], [tags for _, tags in drawn])
    ]
    assert n_spans[0] == n_spans[1]


@settings(deadline=None, max_examples=200)  # a busy machine must not fail the test
@given(st.lists(sequences(), min_size=1, max_size=3), RULES, st.data())
def test_pieces_do_not_depend_on_how_a_sequence_is_read(
    drawn: list[tuple[list[str], list[str]]], rule: CutConfig, data: st.DataObject
) -> None:
    rows: list[Row] = [(f"s{n}", tokens, tags, f"f:{n}") for n, (tokens, tags) in enumerate(drawn)]
    parts: list[pa.RecordBatch] = []
    for name, tokens, tags, place in rows:
        start = 0
        while start < len(tokens):
            stop = start + data.draw(st.integers(1, len(tokens)))
            parts.append(
                batch_of((name, tokens[start:stop], tags and tags[start:stop], None if start else place))
            )
            start = stop
    assert cut(rule, *parts) == cut(rule, batch_of(*rows))


@settings(deadline=None)  # a busy machine must not fail the test
@given(sequences(), sequences(), RULES)
def test_pieces_stay_as_a_sequence_grows(
    one: tuple[list[str], list[str]], more: tuple[list[str], list[str]], rule: CutConfig
) -> None:
    before = cut(rule, batch_of(("a", *one, "f:1")))
    after = cut(rule, batch_of(("a", one[0] + more[0], one[1] + more[1], "f:1")))
    if len(before) > 1:
        assert after[: len(before) - 1] == before[:-1]


def test_labels_that_look_like_spans_are_cut_if_the_tags_have_no_scheme(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("".join(f"w{n} I\n" for n in range(25)))
    corpus = {"sources": [{"format": "conll", "path": f"{tmp_path}/a.conll"}], "cut": {"max_length": 10}}
    config = TaggerConfig.model_validate({"name": "x", "corpus": corpus}).corpus

    def lengths(*, has_spans: bool) -> list[int]:
        batches = read_sources(config, has_spans=has_spans)
        return [len(tokens) for batch in batches for tokens in batch["tokens"].to_pylist()]

    assert lengths(has_spans=True) == [25]
    assert lengths(has_spans=False) == [10, 10, 5]


def test_a_corpus_is_read_in_pieces_and_the_report_counts_them(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("x O\n\n" + "".join(f"w{n} O\n" for n in range(25)))
    (tmp_path / "b.conll").write_text("y O\n")
    source = {"format": "conll", "path": f"{tmp_path}/*.conll"}
    corpus = {"sources": [source], "cut": {"max_length": 10, "after": ["w4", "w19"]}}
    config = TaggerConfig.model_validate({"name": "x", "corpus": corpus})
    records: list[SourceRecord] = []
    with PlacesWriter(tmp_path / "places") as places:
        batches = list(
            read_sources(
                config.corpus,
                on_source=lambda report: records.append(report.record()),
                on_places=places.add,
            )
        )

    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["sequence_id"], len(row["tokens"])) for row in rows] == [
        ("a.conll#1", 1),
        ("a.conll#2#1", 5),
        ("a.conll#2#2", 10),
        ("a.conll#2#3", 10),
        ("b.conll#1", 1),
    ]
    (record,) = records
    assert record.n_sequences == 5
    assert record.assumed["cut"] == {"at most 10 tokens, after w4 or w19": 1}
    assert record.changed == {
        "long sequences cut": 1,
        "pieces of long sequences": 3,
        "cuts after another token": 1,
    }
    assert read_places(tmp_path / "places", pa.array([0, 3]).to_numpy()) == {
        0: "a.conll:1",
        3: "a.conll:3, piece 3",
    }
    numbers, names = file_numbers(tmp_path / "places")
    assert [names[n] for n in numbers] == ["a.conll"] * 4 + ["b.conll"]


def rows_of(batches: Any, rule: CutConfig, source: Any) -> list[dict[str, Any]]:
    pieces = in_pieces(batches, source, rule, SourceReport())
    return [row for piece in pieces for row in piece.to_pylist()]


@pytest.mark.parametrize("block_bytes", [8, 60, 300])
def test_columns_read_in_parts_give_the_same_pieces(tmp_path: Path, block_bytes: int) -> None:
    draw = Random(block_bytes)
    lines = ["a O", "", *(f"w{n} {draw.choice(['O', 'B-X', 'I-X'])}" for n in range(90))]
    lines += ["", "", "", "last O", "one O", "", "-DOCSTART- O", "", *(f"v{n} O" for n in range(40))]
    (tmp_path / "a.conll").write_text("\n".join(lines) + "\n")
    source = TypeAdapter(Source).validate_python({"format": "conll", "path": f"{tmp_path}/a.conll"})
    (file,) = find_files(source.path)
    rule = CutConfig(max_length=7, document_pieces=3)

    def read(**how: Any) -> list[dict[str, Any]]:
        return rows_of(read_conll(source, file, (), SourceReport(), **how), rule, source)

    whole = read()
    assert [row["sequence_id"] for row in whole][:2] == ["a.conll#1", "a.conll#2#1"]
    assert whole[-1]["(place)"] == "a.conll:101, piece 6"
    parts = list(read_conll(source, file, (), SourceReport(), block_bytes=block_bytes, in_parts=True))
    assert block_bytes > 100 or sum(part["(place)"].null_count for part in parts) > 5
    assert read(block_bytes=block_bytes, in_parts=True) == whole


@pytest.mark.parametrize("part_rows", [3, 20, 1000])
@pytest.mark.parametrize("interleaved", [False, True])
def test_rows_read_in_parts_give_the_same_pieces(part_rows: int, interleaved: bool) -> None:
    ids = [*["a"] * 50, *["b"] * 2, *["c"] * 33]
    rows = [{"s": name, "at": str(n), "w": f"w{n}", "t": "O"} for n, name in enumerate(ids)]
    if interleaved:
        rows = rows[::2] + rows[1::2]
    keys = {"sequence_column": "s", "token_column": "w", "tag_column": "t", "order_column": "at"}
    kind = "interleaved" if interleaved else "adjacent"
    source = TypeAdapter(Source).validate_python({"format": "table", "path": "x.csv", "rows": kind, **keys})
    rule = CutConfig(max_length=8, document_pieces=2)

    def read(**how: Any) -> list[dict[str, Any]]:
        tables = [pa.RecordBatch.from_pylist(rows[n : n + 10]) for n in range(0, len(rows), 10)]
        return rows_of(sequences_of_rows(tables, source, (), SourceReport(), name="x", **how), rule, source)

    whole = read()
    assert [len(row["tokens"]) for row in whole] == [8] * 6 + [2, 2] + [8] * 4 + [1]
    assert read(in_parts=True, part_rows=part_rows) == whole


def test_a_part_out_of_order_is_refused() -> None:
    rows = [{"s": "a", "at": str(n), "w": "x", "t": "O"} for n in [*range(10), 3]]
    keys = {"sequence_column": "s", "token_column": "w", "tag_column": "t", "order_column": "at"}
    source = TypeAdapter(Source).validate_python({"format": "table", "path": "x.csv", **keys})
    batches = [pa.RecordBatch.from_pylist(rows[:8]), pa.RecordBatch.from_pylist(rows[8:])]
    read = sequences_of_rows(batches, source, (), SourceReport(), name="x", in_parts=True, part_rows=4)
    with pytest.raises(CorpusFormatError, match=r"rows of a long sequence are out of order: .*'at'"):
        list(read)


@pytest.mark.parametrize(
    ("cut_table", "message"),
    [
        ({"max_length": 20_000}, "corpus.cut.max_length exceeds quality.max_length"),
        ({"max_length": 200, "document_pieces": 0}, "greater than or equal to 1"),
    ],
)
def test_rules_that_cannot_work_are_refused(cut_table: dict[str, Any], message: str) -> None:
    corpus = {"sources": [{"format": "sample"}], "cut": cut_table}
    with pytest.raises(ValueError, match=message):
        TaggerConfig.model_validate({"name": "x", "corpus": corpus})


def test_the_examples_hold() -> None:
    assert doctest.testmod(cut_points).failed == 0
