"""`seqtag tag` reads texts, FASTA and event logs that nobody has labelled, and writes them back tagged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from seqtag.cli import app, tag_files
from seqtag.config import Source
from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.features import ColumnIndex

SPANS = {"format": "jsonl-spans", "path": "train.jsonl", "tokenise": "words"}
XES = {"format": "xes", "path": "train.xes", "tag_column": "phase"}
Tag = Callable[..., str]


def model(tag_of: Callable[[str], str], scheme: str) -> SimpleNamespace:
    """Return a tagger whose tags depend on the token alone."""

    def tag(tokens: pa.ListArray, _columns: object) -> SimpleNamespace:
        rows = tokens.to_pylist()
        sure = pa.array([[0.5] * len(row) for row in rows], pa.list_(pa.float32()))
        predicted = pa.array([list(map(tag_of, row)) for row in rows], pa.list_(pa.string()))
        return SimpleNamespace(predicted=predicted, confidence=sure, span_confidence=sure)

    return SimpleNamespace(tag=tag, bundle=SimpleNamespace(output_scheme=scheme), columns=ColumnIndex())


NAMES = model(lambda token: "B-PER" if token.istitle() else "I-PER" if token == "of" else "O", "IOB2")
LETTERS = model(lambda token: "H" if token in "MK" else "E", "none")


@pytest.fixture
def tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tag:
    """Run `seqtag tag` in a folder with a model, for a tagger with the given sources."""
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run(
        *arguments: str, by: SimpleNamespace, stdin: str = "", sources: Sequence[dict[str, object]] = ()
    ) -> str:
        read = tuple(TypeAdapter(Source).validate_python(each) for each in sources)
        monkeypatch.setattr(tag_files, "_model", lambda *_: (Path(), read))
        monkeypatch.setattr(tag_files, "Tagger", SimpleNamespace(load_exported=lambda _: by))
        done = CliRunner().invoke(app, ["tag", "small", *arguments], input=stdin, catch_exceptions=False)
        return done.stdout

    return run


def test_texts_are_cut_like_those_of_brat(tag: Tag) -> None:
    source = {"format": "brat", "path": "train/*.txt", "tokenise": "words"}
    tagged = json.loads(tag(stdin='{"text": "Ada\'s"}', by=NAMES, sources=[source]))
    assert tagged["tokens"] == ["Ada", "'", "s"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.txt"])
def test_texts_are_cut_by_the_rule_of_the_source_and_spans_count_characters(name: str, tag: Tag) -> None:
    Path(name).write_text('{"text": "\U0001f642 Ada of, Bo", "id": 7}\n{"text": " "}\n')

    lines = tag(name, by=NAMES, sources=[SPANS]).splitlines()

    assert [json.loads(line) for line in lines] == [
        {
            "tokens": ["\U0001f642", "Ada", "of", ",", "Bo"],
            "text": "\U0001f642 Ada of, Bo",
            "id": 7,
            "predicted": ["O", "B-PER", "I-PER", "O", "B-PER"],
            "confidence": [0.5] * 5,
            "predicted_spans": [
                {"start": 2, "end": 8, "label": "PER", "confidence": 0.5},
                {"start": 10, "end": 12, "label": "PER", "confidence": 0.5},
            ],
        },
        {"tokens": [], "text": " ", "predicted": [], "confidence": [], "predicted_spans": []},
    ]


def test_tagged_texts_can_be_read_as_a_corpus(tag: Tag) -> None:
    keys = {**SPANS, "text_column": "data.text", "spans_column": "predicted_spans"}
    texts = '[{"data": {"text": "Ada of Bo"}}, {"data": {"text": "no"}}]'
    Path("train.jsonl").write_text(tag(stdin=texts, by=NAMES, sources=[keys]))

    batches = read_sources(CorpusConfig.model_validate({"sources": [keys]}))

    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["tokens"], row["tags"]) for row in rows] == [
        (["Ada", "of", "Bo"], ["B-PER", "I-PER", "B-PER"]),
        (["no"], ["O"]),
    ]


def test_given_tokens_are_kept_as_they_are(tag: Tag) -> None:
    given = {
        "text": "Ada  Bo",
        "tokens": [{"start": 0, "end": 3}, {"start": 3, "end": 5}, {"start": 5, "end": 7}],
    }
    tagged = json.loads(tag(stdin=json.dumps(given), by=NAMES, sources=[{**SPANS, "tokenise": "given"}]))
    assert tagged["tokens"] == given["tokens"]
    assert tagged["predicted"] == ["B-PER", "B-PER"]  # a token of whitespace is left out
    assert [(span["start"], span["end"]) for span in tagged["predicted_spans"]] == [(0, 3), (5, 7)]


def test_objects_with_tokens_are_read_by_their_tokens(tag: Tag) -> None:
    tagged = json.loads(tag(stdin='{"text": "Ada", "tokens": ["Ada", "of"]}', by=NAMES, sources=[SPANS]))
    assert tagged["predicted_spans"] == [{"type": "PER", "start": 0, "stop": 2, "confidence": 0.5}]


def test_texts_without_a_rule_are_refused(tag: Tag) -> None:
    with pytest.raises(ConfigError, match=r"standard input: no rule cuts the texts into tokens: expected"):
        tag("--format", "jsonl-spans", stdin='{"text": "Ada"}', by=NAMES)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"body": "Ada"}', r"input:2: 'text' is not text: expected Unicode, got None"),
        ('{"text": "Ada", "text": "Bo"}', r"input:2: key 'text' is repeated"),
        ('{"text": "Ada", "note": "\\ud800"}', r"input:2: object is not text: .* half a surrogate pair"),
        ("Ada", r"input:2: line is not JSON"),
    ],
)
def test_objects_without_a_text_are_refused_with_their_line(line: str, said: str, tag: Tag) -> None:
    with pytest.raises(CorpusFormatError, match=said):
        tag("--format", "jsonl-spans", stdin=f'{{"text": "Ada"}}\n{line}\n', by=NAMES, sources=[SPANS])


@pytest.mark.parametrize("labels", ["", "HH-\n"], ids=["two lines", "three lines"])
@pytest.mark.parametrize("name", ["a.fasta", "a.fa", "a.txt"])
def test_fasta_with_and_without_labels_is_written_with_predicted_ones(
    name: str, labels: str, tag: Tag
) -> None:
    Path(name).write_text(f">P1 first\nMAK\n{labels}>P2\nGM\n")
    assert tag(name, by=LETTERS) == ">P1\nMAK\nHEH\n>P2\nGM\nEH\n"


def test_fasta_is_recognised_on_standard_input(tag: Tag) -> None:
    assert tag("--to", "conll", stdin=">P1\nMA\n", by=LETTERS) == "M\tH\nA\tE\n\n"
    assert json.loads(tag("--to", "jsonl", stdin=">P1\nM", by=LETTERS)) == {
        "id": "P1", "tokens": ["M"], "predicted": ["H"], "confidence": [0.5],
    }  # fmt: skip


def test_a_wrapped_record_is_refused(tag: Tag) -> None:
    Path("a.fasta").write_text(">P1\nMAK\nMK\n")
    with pytest.raises(CorpusFormatError, match=r"a\.fasta:1: 3 residues, but 2 labels in line 3"):
        tag("a.fasta", by=LETTERS)


def test_longer_tags_cannot_be_written_as_fasta(tag: Tag) -> None:
    with pytest.raises(
        CorpusFormatError, match=r"sequence P1 cannot be written as FASTA: .* got 'O'|'B-PER'"
    ):
        tag(stdin=">P1\nM\n", by=NAMES)


LOG = """<log><trace><string key="concept:name" value="case 7"/>
<event><string key="concept:name" value="B"/><date key="time:timestamp" value="2026-11-01T09:00:09Z"/></event>
<event><string key="concept:name" value="a"/><date key="time:timestamp" value="2026-11-01T09:00:00Z"/></event>
</trace></log>"""


@pytest.mark.parametrize(
    ("more", "words"), [({}, ["B", "a"]), ({"order_column": "time:timestamp"}, ["a", "B"])]
)
def test_an_event_log_is_read_like_that_of_the_source(
    more: dict[str, str], words: list[str], tag: Tag
) -> None:
    Path("new.xes").write_text(LOG)
    lines = tag("new.xes", by=LETTERS, sources=[{**XES, "split_column": "case:split", **more}]).splitlines()
    assert [line.split(",")[:2] for line in lines] == [["sequence", "token"], *(["case 7", w] for w in words)]


def test_an_event_log_needs_no_source_and_no_name(tag: Tag) -> None:
    assert tag("--to", "text", stdin=LOG, by=LETTERS) == "E E\n"
