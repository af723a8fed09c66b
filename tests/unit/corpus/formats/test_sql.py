"""SQL queries on SQLite, and on PostgreSQL if it is installed."""

from __future__ import annotations

import datetime
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from seqtag.config.source_config import SqlSource
from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources, source_digests
from seqtag.corpus.formats.sql import read_sql
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import ConfigError, CorpusFormatError

COLUMNS = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}
ROWS = [(1, 2, "b", "X", 0.5), (1, 1, "a", "O", 0.5), (2, 1, "c", "O", None)]


def fill(url: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("drop table if exists corpus"))
        connection.execute(
            sqlalchemy.text("create table corpus (s integer, o integer, w text, t text, score float)")
        )
        for row in ROWS:
            values = dict(zip("sowtx", row, strict=True))
            connection.execute(sqlalchemy.text("insert into corpus values (:s, :o, :w, :t, :x)"), values)
    engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'corpus.db'}"
    fill(url)
    return url


def check_reading(url: str, read_rows: Callable, content: Callable) -> None:
    query = "select *, '100% :a %s' as note from corpus order by s, o desc"
    source = {"format": "sql", "url": url, "query": query, "order_column": "o", "split": "dev", **COLUMNS}
    rows = read_rows(source, columns=["score", "note"])

    assert content(rows) == [(["a", "b"], ["O", "X"]), (["c"], ["O"])]
    assert [(row["sequence_id"], row["split"], row["score"]) for row in rows] == [
        ("1", "dev", "0.5"),
        ("2", "dev", None),
    ]
    assert {row["note"] for row in rows} == {"100% :a %s"}


def test_sqlite_is_read(sqlite_url, read_rows, content):
    check_reading(sqlite_url, read_rows, content)


def test_postgresql_is_read(postgres_url, read_rows, content):
    fill(postgres_url)
    check_reading(postgres_url, read_rows, content)


def test_postgresql_streams_through_a_cursor_on_the_server(postgres_url):
    fill(postgres_url)
    # The query looks for its own cursor: the server lists it while it is open.
    source = SqlSource(
        format="sql",
        url=postgres_url,
        query="select 1 as s, statement as w, 'X' as t from pg_cursors where not is_holdable",
        **COLUMNS,
    )
    (batch,) = read_sql(source, (), SourceReport())

    assert "pg_cursors" in batch["tokens"][0].as_py()[0]


def test_the_number_of_rows_fetched_at_a_time_does_not_matter(sqlite_url):
    source = SqlSource(format="sql", url=sqlite_url, query="select * from corpus", **COLUMNS)
    sizes = [
        [row for b in read_sql(source, (), SourceReport(), fetch_rows=n) for row in b.to_pylist()]
        for n in (1, 2, 3, 50)
    ]

    assert sizes[0] == sizes[1] == sizes[2] == sizes[3]
    assert [row["tokens"] for row in sizes[0]] == [["b", "a"], ["c"]]


def test_the_url_may_come_from_the_environment(sqlite_url, monkeypatch, read_rows):
    monkeypatch.setenv("CORPUS_URL", sqlite_url)
    source = {"format": "sql", "url": "${CORPUS_URL}", "query": "select * from corpus", **COLUMNS}

    assert len(read_rows(source)) == 2


def test_dates_are_written_as_text_and_sorted(sqlite_url, read_rows):
    engine = sqlalchemy.create_engine(sqlite_url)
    table = sqlalchemy.Table(
        "events",
        sqlalchemy.MetaData(),
        *(sqlalchemy.Column(name, sqlalchemy.Text) for name in "swt"),
        sqlalchemy.Column("day", sqlalchemy.Date),
    )
    with engine.begin() as connection:
        table.create(connection)
        for day, word in ((2, "b"), (1, "a")):
            values = {"s": "1", "w": word, "t": "X", "day": datetime.date(2026, 11, day)}
            connection.execute(table.insert(), values)
    engine.dispose()
    source = {"format": "sql", "url": sqlite_url, "query": "select * from events", "order_column": "day"}
    (row,) = read_rows({**source, **COLUMNS}, columns=["day"])

    assert (row["tokens"], row["day"]) == (["a", "b"], "2026-11-01")


@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        ("select s, w from corpus", CorpusFormatError, "sql: column 't' is missing: .*; correct tag_column"),
        ("select * from corpus where s > 9", CorpusFormatError, "sql: no row found, expected at least one"),
        ("select x'00ff' as w, s, t from corpus", CorpusFormatError, "sql: row 1: column 'w' holds bytes"),
        ("select * from nowhere", ConfigError, "no such table: nowhere"),
        ("selekt", ConfigError, "syntax error"),
        (
            "create table x (y integer)",
            ConfigError,
            "sql: query selects nothing: expected one that returns rows",
        ),
    ],
)
def test_a_wrong_query_is_an_error(query, kind, message, sqlite_url, read_rows):
    with pytest.raises(kind, match=message):
        read_rows({"format": "sql", "url": sqlite_url, "query": query, **COLUMNS})


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:s3cret@host:port/db", "nosuch://u:s3cret@h/db", "sqlite+nosuch:///s3cret"],
)
def test_an_error_about_a_wrong_url_does_not_repeat_it(url, read_rows):
    with pytest.raises(ConfigError, match="SQLAlchemy URL") as error:
        read_rows({"format": "sql", "url": url, "query": "select 1", **COLUMNS})
    assert "s3cret" not in "".join(traceback.format_exception(error.value))


def test_bytes_are_found_in_any_row(sqlite_url, read_rows):
    query = "select 1 as s, 'a' as w, 'O' as t union all select 1, x'00ff', 'O'"
    with pytest.raises(CorpusFormatError, match=r"sql: row 2: column 'w' holds bytes: expected text, got b'"):
        read_rows({"format": "sql", "url": sqlite_url, "query": query, **COLUMNS})


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite:///file:{}?mode=rwc&uri=true"])
def test_a_missing_sqlite_file_is_an_error_and_is_not_created(url, tmp_path, read_rows):
    path = tmp_path / "nowhere.db"
    with pytest.raises(
        ConfigError,
        match=r"sql: no such SQLite file: expected one that exists, got '.*nowhere\.db'; correct url",
    ):
        read_rows({"format": "sql", "url": url.format(path), "query": "select 1", **COLUMNS})
    assert not path.exists()


def test_an_sqlite_file_may_be_named_by_a_uri(sqlite_url, read_rows):
    url = sqlite_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    assert len(read_rows({"format": "sql", "url": url, "query": "select * from corpus", **COLUMNS})) == 2


def test_a_password_among_the_options_of_a_url_is_not_shown(read_rows):
    url = "postgresql://u@127.0.0.1:1/db?password=s3%26cret&sslpassword=hu%2Fsh&connect_timeout=2"
    with pytest.raises(ConnectionError, match=r"psycopg://u@127\.0\.0\.1:1/db: ") as error:
        read_rows({"format": "sql", "url": url, "query": "select 1", **COLUMNS})
    shown = "".join(traceback.format_exception(error.value))
    assert not any(secret in shown for secret in ("s3&cret", "s3%26cret", "hu/sh", "hu%2Fsh"))


def test_an_unreachable_database_is_not_a_configuration_error(postgres_url, read_rows):
    wrong = postgres_url.replace("seqtag:", "nobody:")
    with pytest.raises(ConnectionError, match="password authentication failed") as error:
        read_rows({"format": "sql", "url": wrong, "query": "select 1", **COLUMNS})
    shown = "".join(traceback.format_exception(error.value))
    assert "p@ss" not in shown
    assert "p%40ss" not in shown


def test_a_missing_table_of_postgresql_is_a_configuration_error(postgres_url, read_rows):
    with pytest.raises(ConfigError, match='relation "nowhere" does not exist'):
        read_rows({"format": "sql", "url": postgres_url, "query": "select * from nowhere", **COLUMNS})


def test_an_unset_variable_is_named_and_a_query_has_no_fingerprint(monkeypatch, sqlite_url):
    monkeypatch.delenv("CORPUS_URL", raising=False)
    source = {"format": "sql", "url": "${CORPUS_URL}", "query": "select 1", **COLUMNS}
    corpus = CorpusConfig.model_validate({"sources": [source]})
    with pytest.raises(ConfigError, match="environment variable CORPUS_URL is not set"):
        read_sources(corpus)

    monkeypatch.setenv("CORPUS_URL", sqlite_url)
    assert source_digests(corpus) is None
