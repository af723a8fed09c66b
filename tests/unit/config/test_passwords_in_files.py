"""Passwords, tokens and signatures in a tagger's TOML file: refused, and never repeated in a message."""

import traceback
from pathlib import Path

import pytest

from seqtag.config import load_tagger
from seqtag.errors import ConfigError

MINIMAL = 'name = "x"\n[[corpus.sources]]\nformat = "sample"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "tagger.toml"
    path.write_text(text)
    return path


SECRET = "hunter2"
SQL = (
    'name = "x"\n[[corpus.sources]]\nformat = "sql"\nurl = "URL"\nquery = "select 1"\n'
    'sequence_column = "s"\ntoken_column = "t"\ntag_column = "g"\n'
)


@pytest.mark.parametrize(
    "wrong",
    [
        'split = "none"\n',
        'ulr = "postgresql://me:hunter2@host/db"\n',
        'password = "hunter2"\n',
        'order_column = ["postgresql://me:hunter2@host/db"]\n',
    ],
)
def test_an_error_in_a_source_is_one_line_without_the_password_of_another_key(
    tmp_path: Path, wrong: str
) -> None:
    with pytest.raises(ConfigError, match=r"corpus\.sources\[0\]\.") as caught:
        load_tagger(write(tmp_path, SQL.replace("URL", f"postgresql://me:{SECRET}@host/db") + wrong))
    assert len(str(caught.value).splitlines()) == 1
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_source_of_unknown_format_does_not_print_its_table(tmp_path: Path) -> None:
    text = SQL.replace("URL", f"postgresql://me:{SECRET}@host/db").replace('"sql"', '"sq"')
    with pytest.raises(ConfigError, match=r"format: must be .*, got 'sq'; did you mean 'sql'\?") as caught:
        load_tagger(write(tmp_path, text))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host/db",
        "postgresql://me:p@hunter2@host/db",
        "postgresql://host/db?user=me&password=hunter2",
        "mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3Dhunter2",
        "databricks://host/db?access_token=hunter2",
    ],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"corpus\.sources\[0\]\.url: .*use \$\{VARIABLE\}") as caught:
        load_tagger(write(tmp_path, SQL.replace("URL", url)))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        '"ftp://me:hunter2@host/a.conll"',
        '["a.conll", "ftp://me:hunter2@host/b.conll"]',
        '"https://hunter2@host/a.conll"',
        '"https://host/a.conll?sv=2026&SIG=hunter2"',
        '"https://host/a.conll?X-Amz-Credential=hunter2%2F20260101%2Fs3"',
        '"https://host/a.conll?X-Amz-Security-Token=hunter2"',
        '"https://host/a.conll?%74oken=hunter2"',
        '"https://${HOST}/a.conll?api_key=hunter2"',
        '"zip://a.conll::https://host/a.zip?access_token=hunter2"',
    ],
)
def test_a_password_in_a_path_is_refused_and_not_repeated(tmp_path: Path, path: str) -> None:
    text = MINIMAL.replace('"sample"', '"conll"') + f"path = {path}\n"
    with pytest.raises(ConfigError, match=r"corpus\.sources\[0\]\.path: .*use \$\{VARIABLE\}") as caught:
        load_tagger(write(tmp_path, text))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "${CORPUS_URL}",
        "postgresql://me:${PASSWORD}@host/db",
        "postgresql://me@host:5432/db",
        "postgresql://host/db?password=${PASSWORD}&x=1",
        "sqlite:////srv/corpus.db",
    ],
)
def test_a_url_without_a_password_is_accepted(tmp_path: Path, url: str) -> None:
    assert load_tagger(write(tmp_path, SQL.replace("URL", url))).corpus.sources[0].format == "sql"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (MINIMAL + '[model]\nvectors = "https://host/glove.txt?sig=hunter2"\n', "model.vectors"),
        (MINIMAL + '[monitor]\ntagged_logs = "https://hunter2@host/logs"\n', "monitor.tagged_logs"),
        (MINIMAL + '[schedule]\nenvironment = {URL = "https://host/x?sig=hunter2"}\n', "schedule"),
        (MINIMAL + '[schedule]\nenvironment = {SEQTAG_NOTIFY_URL = "slack://hunter2/B/C"}\n', "schedule"),
        (MINIMAL + '[schedule]\nenvironment = {SAS = "sv=2026&sig=hunter2"}\n', "schedule"),
        (
            SQL.replace("URL", "duckdb://").replace("select 1", "select * from 'https://host/x?sig=hunter2'"),
            r"corpus\.sources\[0\]\.query",
        ),
        (MINIMAL.replace("\n", '\ndescription = "from https://hunter2@host/x"\n', 1), "description"),
    ],
)
def test_a_secret_anywhere_is_refused_with_its_key_and_not_repeated(
    tmp_path: Path, text: str, key: str
) -> None:
    with pytest.raises(ConfigError, match=rf"tagger\.toml: {key}: .*(password|secrets)") as caught:
        load_tagger(write(tmp_path, text))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_all_secrets_are_named_at_once(tmp_path: Path) -> None:
    text = (
        SQL.replace("URL", "postgresql://me:hunter2@host/db")
        + '[model]\nvectors = "https://hunter2@host/x"\n'
    )
    with pytest.raises(
        ConfigError, match=r"(?s)sources\[0\]\.url: .*\n.*model\.vectors: .*use \$\{VARIABLE\}"
    ):
        load_tagger(write(tmp_path, text))


@pytest.mark.parametrize(
    "path", ["s3://bucket/key=2024/token=*/x.parquet", "https://host/x.conll?versionId=3&page=2"]
)
def test_partitions_and_ordinary_parameters_are_accepted(tmp_path: Path, path: str) -> None:
    text = MINIMAL.replace('"sample"', f'"conll"\npath = "{path}"')
    assert load_tagger(write(tmp_path, text)).corpus.sources[0].path == path


def test_tags_may_look_like_parameters(tmp_path: Path) -> None:
    text = MINIMAL + '[tags]\ndeclared = ["Case=Nom;Token=abc"]\nscheme = "none"\n'
    assert load_tagger(write(tmp_path, text)).tags.declared == ("Case=Nom;Token=abc",)
