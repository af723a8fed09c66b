"""Formats that `seqtag tag` recognises by name, by content and from the sources of the tagger."""

import gzip
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from seqtag.cli import app, tag_files
from seqtag.config import Source
from seqtag.errors import ConfigError, CorpusFormatError, TagSchemeError
from seqtag.features import ColumnIndex

COLUMNS = "Ada\tB-PER\nspoke\tO\n\nBob\tB-PER\n"
TAGGED = "Ada\tL3\nspoke\tL5\n\nBob\tL3\n\n"
UNIVERSAL = "# newdoc\n# sent_id = 1\n" + "".join(
    f"{n}\t{word}\t_\tX\t_\t_\t0\t_\t_\t_\n" for n, word in ((1, "Ada"), (2, "spoke"))
)


def lengths(tokens: pa.ListArray, _columns: object) -> SimpleNamespace:
    """Tag each token with its number of characters."""
    rows = tokens.to_pylist()
    return SimpleNamespace(
        predicted=pa.array([[f"L{len(token)}" for token in row] for row in rows]),
        confidence=pa.array([[0.5] * len(row) for row in rows]),
    )


MODEL = SimpleNamespace(tag=lengths, bundle=SimpleNamespace(output_scheme="none"), columns=ColumnIndex())


@pytest.fixture
def tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `seqtag tag` in a folder, for a tagger with the given sources."""
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tag_files, "Tagger", SimpleNamespace(load_exported=lambda _: MODEL))

    def run(*arguments: str, stdin: str = "", sources: tuple[dict[str, object], ...] = ()) -> str:
        read = tuple(TypeAdapter(Source).validate_python(each) for each in sources)
        monkeypatch.setattr(tag_files, "_model", lambda *_: (Path(), read))
        return (
            CliRunner().invoke(app, ["tag", "small", *arguments], input=stdin, catch_exceptions=False).stdout
        )

    return run


@pytest.mark.parametrize("name", ["a.conll", "a.tsv", "a.txt", "a", "A.BIO"])
def test_columns_are_recognised_and_their_tags_ignored(tag: Any, name: str) -> None:
    Path(name).write_text(COLUMNS)
    assert tag(name) == TAGGED


def test_columns_on_standard_input_are_recognised_by_tabs_and_blank_lines(tag: Any) -> None:
    assert tag(stdin=COLUMNS) == TAGGED
    assert tag(stdin="# newdoc\n" + COLUMNS) == TAGGED


def test_packed_columns_are_recognised(tag: Any) -> None:
    Path("a.conll.gz").write_bytes(gzip.compress(COLUMNS.encode()))
    assert tag("a.conll.gz") == TAGGED


def test_a_file_of_tokens_alone_can_be_in_columns(tag: Any) -> None:
    Path("a.conll").write_text("Ada\nspoke\n\nBob\n")
    assert tag("a.conll") == TAGGED


def test_universal_dependencies_are_read_by_their_words(tag: Any) -> None:
    text = UNIVERSAL + "\n" + UNIVERSAL
    Path("a.conllu").write_text(text)
    assert tag("a.conllu") == tag(stdin=text) == "Ada\tL3\nspoke\tL5\n\n" * 2


@pytest.mark.parametrize("line", ['{"tokens": ["Ada", "spoke"]}', '["Ada", "spoke"]'])
@pytest.mark.parametrize("name", ["a.jsonl", "a.txt"])
def test_json_lines_are_recognised(tag: Any, name: str, line: str) -> None:
    Path(name).write_text(line + "\n")
    expected = {"tokens": ["Ada", "spoke"], "predicted": ["L3", "L5"], "confidence": [0.5, 0.5]}
    assert json.loads(tag(name)) == expected
    assert json.loads(tag(stdin=line)) == expected


def test_damaged_json_is_refused_and_not_tagged_as_words(tag: Any) -> None:
    with pytest.raises(CorpusFormatError, match=r"standard input:1: line is not JSON: .*--format text"):
        tag(stdin='{"tokens": ["Ada", "spo')


def test_sequences_of_equal_length_are_text_unless_blank_lines_divide_them(tag: Any) -> None:
    assert tag(stdin="Ada spoke\nBob left\n") == "Ada\tL3\nspoke\tL5\n\nBob\tL3\nleft\tL4\n\n"


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("Ada\nspoke\n\nBob\n", "lines of 1 tokens, and blank lines between some of them"),
        ("Ada B-PER\nspoke O\n\nBob B-PER\n", "lines of 2 tokens, and blank lines between some of them"),
        ("Ada\tB-PER\nspoke\tO\n", "lines with equally many tabs, without a blank line"),
        ('Ada spoke\n{"tokens": ["Bob"]}\n', "JSON in line 2, and other text in line 1"),
    ],
)
def test_ambiguous_input_is_refused_and_format_decides(tag: Any, text: str, got: str) -> None:
    with pytest.raises(ConfigError) as caught:
        tag(stdin=text)
    assert str(caught.value) == (
        f"standard input: format is ambiguous: expected text, JSON Lines or columns, got {got}; set --format "
        "text (one sequence a line), --format conll (one token a line) or --format jsonl"
    )
    assert tag("--format", "text", stdin=text)


def test_one_token_on_each_line_is_said_to_be_text(tag: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "seqtag"):
        assert tag(stdin="Ada\nspoke\n") == "Ada\tL3\n\nspoke\tL5\n\n"
    assert "standard input: one token on each line: read as text, each line a sequence" in caplog.text


def test_a_line_that_lacks_a_column_is_refused(tag: Any) -> None:
    Path("a.conll").write_text("Ada X B-PER\nspoke X O\nto O\n\nBob X B-PER\n")
    with pytest.raises(CorpusFormatError, match=r"a\.conll:3: found 2 columns, expected 3"):
        tag("a.conll")


@pytest.mark.parametrize("name", ["a.txt", "a.conll", "a.csv", "a.jsonl"])
def test_text_in_another_encoding_is_refused_with_the_command_that_converts_it(tag: Any, name: str) -> None:
    Path(name).write_text('{"tokens": ["Ada", "spoke"]}', "utf-16")
    with pytest.raises(
        CorpusFormatError, match=f"text is not utf-8: .*; .*: iconv -f utf-16 -t utf-8 {name}$"
    ):
        tag(name)


def test_training_files_are_read_in_the_encoding_of_their_source(tag: Any) -> None:
    Path("train.jsonl").write_text('{"tokens": ["Ada"]}\n', "utf-16")
    source = {"format": "jsonl", "path": "train.jsonl", "encoding": "utf-16"}
    assert json.loads(tag("train.jsonl", sources=(source,)))["predicted"] == ["L3"]


def test_training_files_are_read_like_the_source_that_names_them(tag: Any, tmp_path: Path) -> None:
    Path("eng.train").write_text("1 Ada B-PER\n2 spoke O\n\n1 Bob B-PER\n")
    conll = {"format": "conll", "path": "eng.*", "token_column": 1}
    assert tag("eng.train", sources=(conll,)) == TAGGED
    Path("train.json").write_text('{"text": ["Ada"], "ner": ["B-PER"]}\n')
    jsonl = {"format": "jsonl", "path": f"{tmp_path}/*.json", "tokens_column": "text", "tags_column": "ner"}
    assert json.loads(tag("train.json", sources=(conll, jsonl))) == {
        "text": ["Ada"], "ner": ["B-PER"], "predicted": ["L3"], "confidence": [0.5],
    }  # fmt: skip


def test_other_files_have_the_token_column_of_the_tagger(tag: Any) -> None:
    source = {"format": "conll", "path": "train.conll", "token_column": 1}
    text = "1\tAda\tO\n2\tspoke\tO\n\n1\tBob\tO\n"
    assert tag(stdin=text, sources=(source,)) == TAGGED


def test_files_that_are_no_input_are_refused_by_their_name(tag: Any) -> None:
    Path("a.xlsx").write_text("sentence,word\n1,Ada\n")
    with pytest.raises(
        ConfigError, match=r"a\.xlsx: \.xlsx files cannot be tagged: expected text, JSON Lines"
    ):
        tag("a.xlsx")


def test_csv_has_the_columns_of_the_taggers_source(tag: Any) -> None:
    Path("a.csv").write_text("sentence,word\n1,Ada\n1,spoke\n2,Bob\n")
    columns = {"sequence_column": "sentence", "token_column": "word", "tag_column": "ner"}
    assert (
        tag("a.csv", "--to", "conll", sources=({"format": "table", "path": "train.csv", **columns},))
        == TAGGED
    )


def test_every_output_can_be_tagged_again_and_gives_the_same(tag: Any) -> None:
    columns = tag(stdin=COLUMNS)
    for name in ("a.csv", "a.jsonl", "a.parquet", "a.conll"):
        assert tag("--output", name, stdin=COLUMNS) == ""
        assert tag(name, "--to", "conll") == columns
    assert Path("a.csv").read_text().splitlines()[:2] == [
        "sequence,token,tag,confidence,span,span_confidence",
        "0,Ada,L3,0.500000,,",
    ]
    assert tag("a.parquet", "--to", "text") == "L3 L5\nL3\n"


def test_other_columns_of_parquet_are_kept_and_earlier_predictions_replaced(tag: Any) -> None:
    rows = pa.table({"id": [7], "tokens": [["Ada", "spoke"]], "predicted": [["old", "old"]]})
    pq.write_table(rows, "a.parquet")
    assert json.loads(tag("a.parquet")) == {
        "id": 7, "tokens": ["Ada", "spoke"], "predicted": ["L3", "L5"], "confidence": [0.5, 0.5]
    }  # fmt: skip
    tag("a.parquet", "--output", "a.parquet")
    tagged = pq.read_table("a.parquet")
    assert tagged.column_names == ["id", "tokens", "predicted", "confidence"]
    assert tagged["predicted"].to_pylist() == [["L3", "L5"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "a.doc"], r"a\.doc: format of the output is unknown: expected a name that ends with"),
        (
            ["--to", "parquet"],
            r"parquet cannot be written to standard output: expected --output FILE\.parquet",
        ),
    ],
)
def test_an_output_without_a_possible_format_is_refused(tag: Any, arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tag(*arguments, stdin=COLUMNS)


def test_nothing_is_left_of_an_output_whose_input_is_bad(tag: Any) -> None:
    Path("a.jsonl").write_text('{"tokens": ["a"]}\n' * 3000 + "[\n")
    with pytest.raises(CorpusFormatError):
        tag("a.jsonl", "--output", "b.jsonl")
    assert [path.name for path in Path().iterdir()] == ["a.jsonl"]


def spans(tokens: pa.ListArray) -> SimpleNamespace:
    """Tag names in upper case as spans of type X, each token one span if it is short."""
    tags = [
        ["O" if word.islower() else "I-X" if len(word) > 4 and n else "B-X" for n, word in enumerate(row)]
        for row in tokens.to_pylist()
    ]
    sure = pa.array([[0.5] * len(row) for row in tags], pa.list_(pa.float32()))
    predicted = pa.array(tags, pa.list_(pa.string()))
    return SimpleNamespace(predicted=predicted, confidence=sure, span_confidence=sure)


@dataclass(frozen=True)
class SpanTagged:
    """Tags of `spans`, as a dataclass like those of a real tagger."""

    predicted: pa.ListArray
    confidence: pa.ListArray
    span_confidence: pa.ListArray


SPAN_MODEL = SimpleNamespace(
    tag=lambda tokens, _columns: SpanTagged(**vars(spans(tokens))),
    bundle=SimpleNamespace(output_scheme="IOB2"),
    columns=ColumnIndex(),
)
NAMES = "Ada BYRON met Bob Eve\n"


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ((), "B-X I-X O B-X B-X"),
        (("--scheme", "IOB1"), "I-X I-X O I-X B-X"),
        (("--scheme", "IOE1"), "I-X I-X O E-X I-X"),
        (("--scheme", "ioe2"), "I-X E-X O E-X E-X"),
        (("--scheme", "BILOU"), "B-X L-X O U-X U-X"),
        (("--scheme", "BMEWO", "--spelling", "X_b", "--outside", "o"), "X_b X_e o X_w X_w"),
        (("--spelling", "b:X"), "b:X i:X O b:X b:X"),
        (("--scheme", "brackets"), "(X* *) * (X*) (X*)"),
    ],
)
def test_tags_are_written_in_the_scheme_that_is_asked_for(
    tag: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], tags: str
) -> None:
    monkeypatch.setattr(tag_files, "Tagger", SimpleNamespace(load_exported=lambda _: SPAN_MODEL))
    Path("a.txt").write_text(NAMES)
    expected = tags.split()

    assert tag("a.txt", "--to", "text", *options) == f"{tags}\n"
    assert [line.split("\t")[1] for line in tag("a.txt", *options).split("\n")[:-2]] == expected
    assert [row.split(",")[2] for row in tag("a.txt", "--to", "csv", *options).splitlines()[1:]] == expected
    found = json.loads(tag("a.txt", "--to", "jsonl", *options))
    assert found["predicted"] == expected
    assert [(span["start"], span["stop"]) for span in found["predicted_spans"]] == [(0, 2), (3, 4), (4, 5)]
    tag("a.txt", "-o", "a.parquet", *options)
    assert pq.read_table("a.parquet")["predicted"].to_pylist() == [expected]


def test_spans_that_a_scheme_would_lose_are_an_error(tag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_files, "Tagger", SimpleNamespace(load_exported=lambda _: SPAN_MODEL))
    Path("a.txt").write_text("met\n" + NAMES)
    with pytest.raises(TagSchemeError, match="sequence 2, token 5 directly follows another one; choose IOB2"):
        tag("a.txt", "--scheme", "IO", "-o", "a.conll")
    assert not list(Path().glob("*.conll*"))
    assert tag("--scheme", "IO", "--to", "text", stdin="Ada BYRON met Bob\n") == "I-X I-X O I-X\n"


def test_a_scheme_for_tags_without_spans_is_an_error(tag: Any) -> None:
    with pytest.raises(ConfigError, match="tags of this model are labels of single tokens"):
        tag("--scheme", "BILOU", stdin="Ada spoke\n")
