"""Invalid keys of sources, paths and schedules, detected without reading any source."""

import re
from pathlib import Path

import pytest

from seqtag.config import load_tagger
from seqtag.errors import ConfigError

HEAD = 'name = "x"\n[[corpus.sources]]\n'
CONLL = HEAD + 'format = "conll"\npath = "a.conll"\n'
JSONL = HEAD + 'format = "jsonl"\npath = "a.jsonl"\n'
PARQUET = HEAD + 'format = "parquet"\npath = "a.parquet"\n'
TABLE = (
    HEAD + 'format = "table"\npath = "a.csv"\nsequence_column = "s"\ntoken_column = "w"\ntag_column = "t"\n'
)
SQL = HEAD + 'format = "sql"\nsequence_column = "s"\ntoken_column = "w"\ntag_column = "t"\n'


def refusal(folder: Path, text: str) -> str:
    path = folder / "tagger.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_tagger(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (CONLL.replace("a.conll", ""), ".path", "path is blank: expected a file, a glob"),
        (CONLL.replace("a.conll", "  "), ".path", "path is blank: .*, got '  '"),
        (CONLL.replace('"a.conll"', '["a.conll", ""]'), ".path", "path is blank"),
        (CONLL.replace("a.conll", "${DAY/a.conll"), ".path", "variable in a path is incomplete"),
        (CONLL.replace("a.conll", "${}/a.conll"), ".path", r"expected \$\{NAME\}, got '\$\{\}/a.conll'"),
        (CONLL.replace("a.conll", "data/**.conll"), ".path", r"\*\* is part of a longer name"),
        (HEAD + 'format = "parallel"\npath = "a"\ntags_path = ""\n', ".tags_path", "path is blank"),
        (CONLL + 'encoding = "utf-9"\n', ".encoding", "encoding is unknown: .*, got 'utf-9'"),
        (CONLL + 'encoding = "hex"\n', ".encoding", "encoding is unknown"),
        (PARQUET + 'encoding = "latin-1"\n', ".encoding", "expected utf-8, got 'latin-1'"),
        (CONLL + "tag_column = 0\n", ".tag_column", "coincide: expected two columns, got 0 twice"),
        (TABLE + "quote = ','\n", ".quote", "delimiter and quote coincide: .*, got ',' twice"),
        (JSONL + 'split = "dev"\nsplit_column = "s"\n', "", "split and split_column exclude each other"),
        (JSONL + 'split = "valid"\n', ".split", "must be 'train', 'dev' or 'test', got 'valid'"),
        (JSONL + 'split_names = { testa = "devel" }\n', ".split_names.testa", ", got 'devel'"),
        (JSONL + 'split_names = { a = "dev" }\n', "", r"has no effect here: got \['a'\] without"),
        (CONLL.replace("a.", "${DAY:%Y}."), ".path", r"invalid name: .*, got '\$\{DAY:%Y\}'"),
        (JSONL + 'split_names = { a = "dev", A = "test" }\n', ".split_names", r"got \['a', 'A'\]"),
        (JSONL + "tag_names = []\n", ".tag_names", "must be a list of at least 1"),
        (JSONL + 'tag_names = ["O", "O", ""]\n', ".tag_names", r"repeated: .*, got \['O', 'O', ''\]"),
        (SQL + 'url = ""\nquery = "select 1"\n', ".url", "url is not a database URL"),
        (SQL + 'url = "corpus.db"\nquery = "select 1"\n', ".url", "expected one such as postgresql://"),
        (SQL + 'url = "${CORPUS_URL}"\nquery = " "\n', ".query", "query is blank: .*, got ' '"),
    ],
)  # fmt: skip
def test_an_invalid_key_of_a_source_is_refused_when_the_file_is_loaded(
    tmp_path: Path, text: str, key: str, said: str
) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(f"{tmp_path}/tagger.toml: corpus.sources[0]{key}: ")
    assert re.search(said, message)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[monitor]\ntagged_logs = " "\n', "monitor.tagged_logs: path is blank"),
        ('[tags]\nunlabelled = "_"\n', "tags: unlabelled has no effect here: got '_' without partial = true"),
        ('[model]\nvectors = ""\n', "model.vectors: path is blank"),
        ('[schedule]\ntimezone = "europe/berlin"\n', "got 'europe/berlin'; did you mean 'Europe/Berlin'?"),
        ('[schedule]\ntimezone = "Mars"\n', "schedule.timezone: time zone is unknown: expected a name"),
        (
            '[schedule]\nenvironment = { "A=B" = "x" }\n',
            "schedule.environment: environment variables are invalid",
        ),
    ],
)
def test_invalid_values_of_other_tables_are_refused_when_the_file_is_loaded(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in refusal(tmp_path, CONLL + text)


def test_a_password_in_a_refused_path_is_not_repeated(tmp_path: Path) -> None:
    message = refusal(tmp_path, CONLL.replace("a.conll", "https://hunter2@host/${/a.conll"))
    assert "incomplete" in message
    assert "hunter2" not in message


def test_spaces_around_the_unlabelled_mark_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "tagger.toml"
    path.write_text(CONLL + '[tags]\npartial = true\nunlabelled = " _ "\n')

    assert load_tagger(path).tags.unlabelled == "_"
