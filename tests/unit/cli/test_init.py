"""`seqtag init`: files of every format are recognised, and the TOML file that it writes runs unchanged."""

from __future__ import annotations

import os
import random
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from typer.testing import CliRunner, Result

from seqtag.cli import app
from seqtag.config import load_tagger
from seqtag.errors import ConfigError, CorpusFormatError, CorpusRejectedError
from tests.unit.cli.labelled_files import (
    FORMATS,
    SEQUENCES,
    write_brat,
    write_columns,
    write_database,
    write_objects,
    write_table,
)
from tests.unit.corpus.formats.test_dataset_folders import write_dataset


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory outside any project."""
    monkeypatch.delenv("SEQTAG_HOME")
    monkeypatch.setenv("SEQTAG_AS_OF", "2026-01-31")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def seqtag(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def written(file: str = "my.toml") -> dict[str, Any]:
    load_tagger(file)
    return tomllib.loads(Path(file).read_text())


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_recognised_and_a_run_would_accept_it(form: str) -> None:
    name, write, keys = FORMATS[form]
    write(Path(name))

    done = seqtag("init", name)

    assert done.exit_code == 0, done.output
    assert written()["corpus"]["sources"] == [{"path": name, **keys}]
    assert "; 300 sequences" in done.stdout
    assert "verdict  accepted: " in done.stdout
    assert done.stdout.splitlines()[-1] == "next     seqtag retrain my"


def _write_datasets(folder: Path) -> None:
    for split, n in (("train", 300), ("validation", 40), ("test", 40)):
        write_dataset(folder / split, [f"{split}{number}" for number in range(n)])
    (folder / "dataset_dict.json").write_text("{}")


def _write_partitions(folder: Path) -> None:
    for split, sequences in (("train", SEQUENCES[:260]), ("test", SEQUENCES[260:])):
        part = folder / f"split={split}" / "day=2026-11-01"
        part.mkdir(parents=True)
        write_columns(part / "part-0.conll", sequences)


@pytest.mark.parametrize(
    ("write", "keys", "shown"),
    [
        (write_brat, {"path": "my/*.txt", "format": "brat", "tokenise": "words"}, "; 300 sequences"),
        (
            _write_datasets,
            {"path": "my", "format": "datasets", "tags_column": "ner_tags"},
            "train 300 sequences (600 tokens), dev 40 sequences (80 tokens), test 40 sequences",
        ),
        (_write_partitions, {"path": "my", "format": "conll", "split_column": "split"}, "test 40 sequences"),
    ],
    ids=["brat", "datasets", "partitions"],
)
def test_a_folder_is_recognised_with_its_splits(
    write: Callable[[Path], None], keys: dict[str, str], shown: str
) -> None:
    write(Path("my"))

    done = seqtag("init", "my")

    assert done.exit_code == 0, done.output
    assert written()["corpus"]["sources"] == [keys]
    assert shown in done.stdout
    assert "verdict  accepted: " in done.stdout


def test_the_report_says_what_the_files_are(folder: Path) -> None:
    write_columns(Path("my.conll"))

    lines = seqtag("init", "my.conll").stdout.splitlines()

    assert lines[0] == "format   conll, columns 0, 1, 2: tokens in 0, tags in 2"
    assert "tags     4 tags, scheme IOB2" in lines[2]
    assert lines[4] == "lengths  mean 5.5, longest 7 tokens; 0 sequences repeat an earlier one"
    assert lines[5] == "words    0.0% of the tokens are words with several tags"
    assert lines[-2] == f"wrote    {folder}/my.toml"


def test_ambiguous_words_and_repeated_sequences_are_counted() -> None:
    write_columns(Path("my.conll"), [*SEQUENCES, SEQUENCES[0], [("saw", "NN", "B-LOC")]])

    shown = seqtag("init", "my.conll").stdout

    assert "longest 7 tokens; 1 sequence repeats an earlier one" in shown
    assert "words    18.2% of the tokens are words with several tags" in shown  # 302 of 1,655


def test_a_choice_is_explained_and_an_option_overrides_it() -> None:
    FORMATS["objects"][1](Path("my.jsonl"))

    found = seqtag("init", "my.jsonl")
    said = (
        "column 'entities' is read as the tags (4 values, such as O, B-PER, B-LOC), not 'pos'; "
        "--tags names another"
    )
    assert f"note     {said}" in found.stdout
    assert f"# {said}" in Path("my.toml").read_text()

    assert seqtag("init", "my.jsonl", "--tags", "pos", "--overwrite").exit_code == 0
    assert written()["corpus"]["sources"][0]["tags_column"] == "pos"


def test_a_column_that_does_not_exist_is_an_error_with_the_nearest_name() -> None:
    write_table(Path("my.csv"))
    error = seqtag("init", "my.csv", "--tags", "tagg").exception
    assert isinstance(error, ConfigError)
    assert str(error) == (
        "my.csv: no column 'tagg': expected one of 'sentence', 'word', 'tag'; did you mean 'tag'?"
    )


def test_splits_come_from_the_names_of_files_in_a_folder() -> None:
    Path("ner").mkdir()
    for name, start, stop in (("train", 0, 200), ("valid", 200, 250), ("test", 250, 300)):
        write_columns(Path(f"ner/{name}.conll"), SEQUENCES[start:stop])
    Path("ner/README.md").write_text("About.\n")

    done = seqtag("init", "ner")

    assert "verdict  accepted: 200 train, 50 dev, 50 test sequences" in done.stdout
    assert written("ner.toml")["corpus"]["sources"] == [
        {"format": "conll", "path": f"ner/{name}.conll", "split": split}
        for name, split in (("train", "train"), ("valid", "dev"), ("test", "test"))
    ]
    assert "split" not in written("ner.toml")


def test_files_without_splits_in_their_names_are_one_source() -> None:
    write_columns(Path("a.conll"), SEQUENCES[:150])
    write_columns(Path("b.conll"), SEQUENCES[150:])
    assert seqtag("init", "a.conll", "b.conll", "--name", "both").exit_code == 0
    assert written("both.toml")["corpus"]["sources"] == [{"format": "conll", "path": ["a.conll", "b.conll"]}]


def test_a_folder_of_files_without_splits_is_a_glob() -> None:
    Path("data").mkdir()
    write_columns(Path("data/a.conll"), SEQUENCES[:150])
    write_columns(Path("data/b.conll"), SEQUENCES[150:])
    Path("data/LICENSE").write_text("free")
    assert "; 300 sequences" in seqtag("init", "data").stdout
    assert written("data.toml")["corpus"]["sources"] == [{"format": "conll", "path": "data/*.conll"}]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("none.conll", "'none.conll' matches no file"),
        ("sqlite:///x.db", "cannot be opened: Protocol not known: sqlite; for a database, name its table"),
    ],
)
def test_a_place_without_data_is_an_error(place: str, said: str) -> None:
    error = seqtag("init", place).exception
    assert isinstance(error, ConfigError)
    assert said in str(error)


def test_files_of_tokens_and_tags_are_parallel_text() -> None:
    for number, name in ((0, "in.txt"), (2, "out.txt")):
        Path(name).write_text("".join(" ".join(token[number] for token in s) + "\n" for s in SEQUENCES))
    assert seqtag("init", "out.txt", "in.txt", "--name", "my").exit_code == 0
    assert written()["corpus"]["sources"] == [
        {"format": "parallel", "path": "in.txt", "tags_path": "out.txt"}
    ]


def test_a_table_of_a_database_is_sorted_by_sequence_and_position(folder: Path) -> None:
    write_database(Path("my.db"))
    done = seqtag("init", "sqlite:///my.db", "--table", "words")
    assert done.exit_code == 0, done.output
    (source,) = written("words.toml")["corpus"]["sources"]
    assert source["url"] == f"sqlite:///{folder}/my.db"
    assert source["query"] == "select sentence, word, tag from words order by sentence, position"
    assert "verdict  accepted: " in done.stdout


def test_a_password_of_a_database_is_left_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORPUS_URL", raising=False)
    done = seqtag("init", "postgresql://me:hush@127.0.0.1:1/none", "--table", "words")
    assert isinstance(done.exception, ConnectionError)
    assert "hush" not in str(done.exception)
    assert "postgresql" in os.environ.pop("CORPUS_URL")


def test_tables_of_equally_many_lines_are_not_parallel_text() -> None:
    for name in ("train", "test"):
        rows = [f"{n}\t{name}{n}{k}\t{'BO'[k % 2]}\n" for n in range(100) for k in range(3)]
        Path(f"{name}.tsv").write_text("sentence\tword\ttag\n" + "".join(rows))
    assert seqtag("init", "train.tsv", "test.tsv", "--name", "my").exit_code == 0
    found = written()["corpus"]["sources"]
    assert [(source["format"], source["path"], source["split"]) for source in found] == [
        ("table", "train.tsv", "train"),
        ("table", "test.tsv", "test"),
    ]


def test_an_invalid_name_is_an_error_that_says_what_is_valid() -> None:
    write_table(Path("my.csv"))
    error = seqtag("init", "my.csv", "--name", "My tagger").exception
    assert isinstance(error, ConfigError)
    assert "lower-case letters, digits and hyphens" in str(error)


def test_an_address_of_a_store_is_kept() -> None:
    write_table(Path("my.csv"))
    with fsspec.open("memory://corpora/my.csv", "wb") as stored:
        stored.write(Path("my.csv").read_bytes())
    assert seqtag("init", "memory://corpora/my.csv").exit_code == 0
    assert written()["corpus"]["sources"][0]["path"] == "memory://corpora/my.csv"


def test_an_encoding_other_than_utf8_is_found() -> None:
    write_columns(Path("my.conll"))
    Path("my.conll").write_bytes(Path("my.conll").read_text().replace("Town", "Städte").encode("latin-1"))
    done = seqtag("init", "my.conll")
    assert written()["corpus"]["sources"][0]["encoding"] == "cp1252"
    assert (
        "note     encoding cp1252: the text is not UTF-8; set encoding if letters look wrong" in done.stdout
    )


def test_a_header_and_tokens_without_a_tag_are_found() -> None:
    write_columns(Path("my.conll"), [[("Town", "NNP", ""), *s] for s in SEQUENCES])
    Path("my.conll").write_text("token\tpos\tner\n" + Path("my.conll").read_text())
    assert seqtag("init", "my.conll").exit_code == 0
    assert written()["corpus"]["sources"][0]["header"] is True
    assert written()["tags"] == {"partial": True}


def test_a_small_corpus_is_told_what_it_lacks() -> None:
    write_columns(Path("my.conll"), SEQUENCES[:30])
    done = seqtag("init", "my.conll")
    assert done.exit_code == 0
    assert "note     30 sequences: few; only the first model can be promoted, since test has " in done.stdout
    assert " and it takes 13 to show that a later one is better; label about 35 more" in done.stdout
    assert written()["split"] == {"dev": 0.2, "test": 0.2}


def test_a_corpus_that_a_run_refuses_still_gets_its_file_and_the_reason() -> None:
    write_columns(Path("my.conll"), SEQUENCES[:5])
    done = seqtag("init", "my.conll")
    assert isinstance(done.exception, CorpusRejectedError)
    assert "note     5 sequences: too few for a run, which takes 10; label more, about 65" in done.stdout
    assert Path("my.toml").exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "Ada saw Bath\nBob left\n", "a.txt: no tags are found: expected one token a line"),
        ("a.csv", "word,pos,tag\nAda,N,B-PER\nAda,N,O\n", "a.csv: no column says which rows form a sequence"),
        ("a.jsonl", '{"tokens": [{"text": "Ada", "tag": "O"}]}\n', "write arrays of strings: jq -c "),
        ("a.conll", "", "a.conll: file is empty: expected tokens with tags"),
    ],
)
def test_data_that_cannot_be_read_is_an_error_and_nothing_is_written(name: str, text: str, said: str) -> None:
    Path(name).write_text(text)
    error = seqtag("init", name).exception
    assert isinstance(error, CorpusFormatError)
    assert said in str(error)
    assert not Path("a.toml").exists()


def test_a_damaged_line_is_named_with_its_reason_though_a_run_would_accept_it() -> None:
    write_objects(Path("my.jsonl"))
    lines = Path("my.jsonl").read_text().splitlines()
    Path("my.jsonl").write_text("\n".join([*lines[:200], lines[0][:-5], *lines[200:]]) + "\n")

    for command in (["init", "my.jsonl"], ["check", "my"]):
        done = seqtag(*command)
        assert done.exit_code == 0, done.output
        assert "(1 of 301 sequences) quarantined; first my.jsonl:201: line is not JSON: " in done.stdout


@pytest.mark.parametrize("damage", ['{words: ["Ada", "saw"], entities: ["B-PER", "O"]}', "not JSON at all"])
def test_a_file_of_json_whose_first_line_is_damaged_is_not_taken_for_another_format(damage: str) -> None:
    write_objects(Path("my.jsonl"))
    Path("my.jsonl").write_text(f"{damage}\n{Path('my.jsonl').read_text()}")
    assert "my.jsonl:1: line is not JSON: expected an object" in str(seqtag("init", "my.jsonl").exception)


def test_a_folder_that_cannot_be_written_is_named_with_the_option() -> None:
    write_table(Path("my.csv"))
    failed = seqtag("init", "my.csv", "--output", "/sys/my.toml").exception  # not even root can write there
    assert isinstance(failed, ConfigError)
    assert re.fullmatch(r"/sys/my.toml: file cannot be written: [\w -]+; set --output to .*", str(failed))


def test_a_file_is_not_overwritten_unless_asked() -> None:
    write_table(Path("my.csv"))
    Path("my.toml").write_text("mine")
    assert "my.toml exists already: expected a new file" in str(seqtag("init", "my.csv").exception)
    assert Path("my.toml").read_text() == "mine"


def test_in_a_project_the_file_is_among_the_others_and_its_path_relative_to_it(folder: Path) -> None:
    (folder / "deployments" / "taggers").mkdir(parents=True)
    write_table(Path("my.csv"))
    assert seqtag("init", "my.csv").exit_code == 0
    assert written("deployments/taggers/my.toml")["corpus"]["sources"][0]["path"] == "../../my.csv"
    assert seqtag("check", "my").exit_code == 0


@pytest.mark.slow
def test_the_file_runs_through_all_steps_by_name_in_an_empty_folder(folder: Path) -> None:
    write_columns(Path("my.conll"))
    assert seqtag("init", "my.conll").exit_code == 0
    done = seqtag("retrain", "my")
    assert done.exit_code == 0, done.output
    assert "PROMOTE" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [
        ".seqtag",
        "my.conll",
        "my.toml",
        "tagger.schema.json",
    ]
    tagged = CliRunner().invoke(app, ["tag", "my"], input="Ada7 saw Bath5 Town\n")
    assert tagged.stdout == "Ada7\tB-PER\nsaw\tO\nBath5\tB-LOC\nTown\tI-LOC\n\n"


def test_the_file_names_the_schema_that_is_written_next_to_it(folder: Path) -> None:
    write_columns(Path("my.conll"))

    seqtag("init", "my.conll")

    assert Path("my.toml").read_text().splitlines()[0] == "#:schema ./tagger.schema.json"
    assert (folder / "tagger.schema.json").read_text() == seqtag("schema").stdout


def test_further_columns_are_offered_and_their_values_do_not_become_tokens() -> None:
    lines = ["case,activity,time,2nd host,amount,label"]
    for case in range(40):
        for step, activity in enumerate(("open", f"read {case % 20}", "close")):
            amount = "" if step == 1 else f"{case + step}.5"
            lines.append(f"c{case},{activity},2026-01-01T10:{case:02}:{step:02}Z,h{case},{amount},L{step}")
    Path("events.csv").write_text("\n".join(lines) + "\n")

    assert seqtag("init", "events.csv", "--output", "my.toml").exit_code == 0
    assert written()["corpus"]["sources"][0]["token_column"] == "activity"
    offered = 'token_columns = { time = "time", x2nd_host = "2nd host", amount = "amount" }'
    text = Path("my.toml").read_text()
    assert f"# {offered}" in text
    Path("my.toml").write_text(text.replace(f"# {offered}", offered))
    assert seqtag("check", "my.toml").exit_code == 0


def test_one_endless_sequence_gets_a_rule_that_cuts_it() -> None:
    draw = random.Random(1)
    words = [f"w{draw.randrange(300)}" for _ in range(12_000)]
    Path("my.conll").write_text(
        "".join(f"{word}\t{'COMMA' if word[-1] in '357' else 'O'}\n" for word in words)
    )

    done = seqtag("init", "my.conll")

    assert done.exit_code == 0, done.output
    assert "cut at most 200 tokens" in done.stdout
    assert "1 long sequences cut; 60 pieces of long sequences; 60 sequences" in done.stdout
    assert "[corpus.cut] cuts them into pieces of 200 tokens; " in done.stdout
    assert written()["corpus"]["cut"] == {"max_length": 200, "document_pieces": 1}
    checked = seqtag("check", "my.toml")
    assert "verdict  accepted: " in checked.stdout, checked.output
