"""Sources as one stream, and their fingerprint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seqtag.config import TaggerConfig
from seqtag.config.corpus_config import CorpusConfig
from seqtag.corpus import read_sources, source_digests
from seqtag.corpus.source_reader import BATCH_SEQUENCES
from seqtag.corpus.source_report import Warned
from seqtag.errors import CorpusFormatError
from seqtag.steps.ingest import source_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "train.conll": "a O\n\nb O\n",
        "dev.conll": "c O\n",
        "x.jsonl": '{"tokens": ["d"], "tags": null}',
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_sources_are_read_in_order_each_with_its_split(folder, read_rows):
    rows = read_rows(
        {"format": "conll", "path": f"{folder}/train.conll", "split": "train"},
        {"format": "conll", "path": f"{folder}/dev.conll", "split": "dev"},
        {"format": "jsonl", "path": f"{folder}/x.jsonl"},
        {"format": "sample", "n_sequences": 10},
    )

    assert [(row["tokens"], row["split"]) for row in rows[:4]] == [
        (["a"], "train"),
        (["b"], "train"),
        (["c"], "dev"),
        (["d"], None),
    ]
    assert len(rows) == 14


def test_batches_have_a_few_thousand_sequences(tmp_path):
    n = 2 * BATCH_SEQUENCES + 1
    (tmp_path / "many.conll").write_text("a O\n\n" * n)
    corpus = CorpusConfig.model_validate({"sources": [{"format": "conll", "path": f"{tmp_path}/many.conll"}]})

    assert [batch.num_rows for batch in read_sources(corpus)] == [BATCH_SEQUENCES, BATCH_SEQUENCES, 1]


def test_columns_are_null_where_a_source_lacks_them(folder, read_rows):
    (folder / "y.jsonl").write_text('{"tokens": ["e"], "tags": null, "genre": "news"}')
    rows = read_rows(
        {"format": "jsonl", "path": [f"{folder}/x.jsonl", f"{folder}/y.jsonl"]}, columns=["genre"]
    )

    assert [row["genre"] for row in rows] == [None, "news"]


def test_a_column_that_no_source_has_is_an_error(folder, read_rows):
    with pytest.raises(
        CorpusFormatError, match=r"corpus\.columns: no source has a value in 'genre': expected a column"
    ):
        read_rows({"format": "conll", "path": f"{folder}/train.conll"}, columns=["genre"])


WORD = "1\tAda\t_\tPROPN\t_\t_\t_\t_\t_\t_\n"
LONG = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}


@pytest.mark.parametrize(
    ("text", "source", "names"),
    [
        ("# id = 1\n# date = 1898\nAda\tO\n", {"format": "conll"}, "'id', 'date'"),
        (f"# id = 1\n# date = 1898\n{WORD}", {"format": "conllu"}, "'id', 'date'"),
        ('{"tokens": ["Ada"], "tags": ["O"], "date": 1898}', {"format": "jsonl"}, "'tokens', 'tags', 'date'"),
        ("s,w,t,date\n1,Ada,O,1898\n", {"format": "table", **LONG}, "'s', 'w', 't', 'date'"),
        ("Ada\tO\n", {"format": "conll"}, "none"),
    ],
    ids=["comments of CoNLL", "comments of CoNLL-U", "keys", "header", "nothing"],
)
def test_the_error_for_a_missing_column_lists_those_of_the_source(text, source, names, read):
    with pytest.raises(CorpusFormatError, match=f"in 'dated': expected .*, got {names}; correct the name"):
        read(text, columns=["dated"], **source)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("# date = 1\n# date = 2\nAda\tO\n\n# date = 3\n# date = 3\nBob\tO\n", {"format": "conll"}),
        (f"# newdoc\n# date = 0\n# sent_id = 1\n# date = 1\n# date = 2\n{WORD}", {"format": "conllu"}),
    ],
    ids=["conll", "conllu"],
)
def test_a_comment_repeated_with_another_value_is_a_warning(text, source, tmp_path):
    (tmp_path / "a.txt").write_text(text)
    corpus = {"sources": [{"path": f"{tmp_path}/a.txt", **source}], "columns": ["date"]}
    warnings: list[Warned] = []
    config = CorpusConfig.model_validate(corpus)
    rows = list(read_sources(config, on_source=lambda found: warnings.extend(found.record().warnings)))

    assert rows[0]["date"][0].as_py() == "2"
    assert [(w.kind, w.count) for w in warnings if w.kind != "comments"] == [("two comments: date", 1)]


def fingerprint(path: str, **source: object) -> dict[str, str] | None:
    corpus = {"sources": [{"format": "conll", "path": path, **source}]}
    config = TaggerConfig.model_validate({"name": "x", "corpus": corpus})
    return source_inputs(config)


def test_a_fingerprint_depends_on_files_and_configuration(folder):
    before = fingerprint(f"{folder}/*.conll")

    assert before == fingerprint(f"{folder}/*.conll")
    assert before != fingerprint(f"{folder}/*.conll", split="dev")
    (folder / "dev.conll").write_text("c X\n")
    changed = fingerprint(f"{folder}/*.conll")
    assert changed != before
    (folder / "dev.conll").rename(folder / "test.conll")
    assert fingerprint(f"{folder}/*.conll") not in (before, changed)


def test_a_fingerprint_depends_on_tag_files(folder):
    files = {"format": "parallel", "path": f"{folder}/train.conll", "tags_path": f"{folder}/dev.conll"}
    corpus = CorpusConfig.model_validate({"sources": [files]})
    before = source_digests(corpus)
    (folder / "dev.conll").write_text("c X\n")

    assert source_digests(corpus) != before


def test_importing_the_corpus_loads_nothing_heavy():
    heavy = ("tensorflow", "great_expectations", "mlflow", "matplotlib", "sqlalchemy", "prefect")
    code = f"import sys, seqtag.corpus; print([m for m in {heavy} if m in sys.modules])"

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
