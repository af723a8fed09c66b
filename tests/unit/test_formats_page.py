"""docs/formats.md: every example is loaded, and read where its files are on the page."""

from __future__ import annotations

import re
import sqlite3
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import load_tagger
from seqtag.corpus import SourceRecord, read_sources, warning_sentences
from tests.unit.corpus.formats.test_dataset_folders import write_dataset

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
_FENCE = re.compile(r"^```(?P<language>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.M | re.S)
BLOCKS = [
    (found["language"], found["name"], found["text"]) for found in _FENCE.finditer(PAGE.read_text("utf-8"))
]
EXAMPLES = [text for language, _, text in BLOCKS if language == "toml"]


def spacy_bytes() -> bytes:
    from spacy.tokens import Doc, DocBin
    from spacy.vocab import Vocab

    return DocBin(docs=[Doc(Vocab(), words=["Ada", "spoke"], ents=["B-PER", "O"])]).to_bytes()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write every file of the page, and those that are no text, into the working directory."""
    for language, name, text in BLOCKS:
        if language == "text":
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, "utf-8")
    lists = pa.table({"tokens": [["Ada", "spoke"]], "ner_tags": [["B-PER", "O"]]})
    pq.write_table(lists, tmp_path / "lists.parquet")
    for split in ("train", "validation"):
        write_dataset(tmp_path / "ner" / split, ["Ada"])
    (tmp_path / "ner" / "dataset_dict.json").write_text("{}")
    if find_spec("spacy") is not None:
        (tmp_path / "train.spacy").write_bytes(spacy_bytes())
    with sqlite3.connect(tmp_path / "corpus.db") as connection:
        connection.execute("create table words (sentence int, position int, word text, tag text)")
        connection.execute("insert into words values (1, 1, 'Ada', 'B-PER')")
    monkeypatch.setenv("CORPUS_URL", f"sqlite:///{tmp_path}/corpus.db")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_page_is_read_without_a_warning(example: str) -> None:
    if 'format = "spacy"' in example:
        pytest.importorskip("spacy")
    Path("tagger.toml").write_text(f'name = "example"\n{example}', "utf-8")
    records: list[SourceRecord] = []
    corpus = load_tagger("tagger.toml").corpus

    batches = list(read_sources(corpus, on_source=lambda report: records.append(report.record())))

    rows = pa.Table.from_batches(batches).to_pylist()
    assert rows
    assert [row["defect"] for row in rows] == [None] * len(rows)
    assert all(len(row["tokens"]) == len(row["tags"]) for row in rows)
    assert [sentence for record in records for sentence in warning_sentences(record)] == []


def test_the_page_has_an_example_of_every_format() -> None:
    formats = set(re.findall(r'^format = "([\w-]+)"', "\n".join(EXAMPLES), re.M))
    assert formats == {
        "conll",
        "conllu",
        "table",
        "jsonl",
        "jsonl-spans",
        "parquet",
        "parallel",
        "sql",
        "fasta",
        "brat",
        "spacy",
        "datasets",
        "xes",
    }
