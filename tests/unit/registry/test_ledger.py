"""The table of the ledger in real databases: older tables, refused changes, and standings."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from seqtag.registry import Entry, Registry, sqlite_url
from seqtag.registry.ledger import Ledger
from seqtag.registry.types import RecordedComparison

OpenRegistry = Callable[[Path], Registry]
Results = Callable[..., dict[str, Any]]


def entry(number: int = 1, **other: Any) -> Entry:
    known = {"at": "2026-11-22T03:30:00+00:00", "who": "ada@host", "through": "a test", "event": "HOLD"}
    return Entry("sample", number, **{**known, "from_version": None, "to_version": "1", **other})


def of(tagger: str, number: int, event: str, **other: Any) -> Entry:
    return replace(entry(number, event=event, **other), tagger=tagger)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite":
        return sa.create_engine(sqlite_url(tmp_path / "ledger.db"), poolclass=sa.NullPool)
    url = request.getfixturevalue("postgres_url")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS seqtag_ledger")
    return engine


@pytest.fixture
def ledger(engine: sa.Engine) -> Ledger:
    made = Ledger(engine)
    made.prepare()
    made.prepare()  # idempotent
    return made


AS_BEFORE_COMPARISONS = """
CREATE TABLE seqtag_ledger (
    tagger VARCHAR NOT NULL, entry INTEGER NOT NULL,
    at VARCHAR NOT NULL, who VARCHAR NOT NULL, through VARCHAR NOT NULL, event VARCHAR NOT NULL,
    from_version VARCHAR, to_version VARCHAR,
    from_bundle VARCHAR DEFAULT '' NOT NULL, to_bundle VARCHAR DEFAULT '' NOT NULL,
    config VARCHAR DEFAULT '' NOT NULL, code VARCHAR DEFAULT '' NOT NULL,
    dataset VARCHAR DEFAULT '' NOT NULL, decision VARCHAR DEFAULT '' NOT NULL,
    sentence VARCHAR DEFAULT '' NOT NULL, report VARCHAR DEFAULT '' NOT NULL,
    holds VARCHAR,
    PRIMARY KEY (tagger, entry)
)"""


@pytest.fixture
def older_engine(engine: sa.Engine, ledger: Ledger) -> sa.Engine:
    """Database of an older seqtag without an error budget: current triggers, fewer columns, two entries.

    The second blocks models.
    """
    triggers = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE tgrelid = 'seqtag_ledger'::regclass",
    }[engine.dialect.name]
    with engine.begin() as connection:
        made = [sql for (sql,) in connection.exec_driver_sql(triggers)]
        for statement in ("DROP TABLE seqtag_ledger", AS_BEFORE_COMPARISONS, *made):
            connection.exec_driver_sql(statement)
        for number, event, holds in ((1, "ADOPT", "NULL"), (2, "ROLLBACK", "'x'")):
            connection.exec_driver_sql(
                "INSERT INTO seqtag_ledger "  # noqa: S608
                "(tagger, entry, at, who, through, event, to_version, decision, holds) "
                f"VALUES ('sample', {number}, '2026-11-22T03:30:00+00:00', 'ada@host', 'a test', '{event}', "
                f"'{number}', 'd{number}', {holds})"
            )
    return engine


def test_an_older_ledger_gets_new_columns_and_keeps_its_entries(older_engine: sa.Engine) -> None:
    ledger = Ledger(older_engine)
    ledger.prepare()
    ledger.prepare()
    before = [
        entry(1, event="ADOPT", decision="d1", evidence="", spent=0.0),
        entry(2, event="ROLLBACK", to_version="2", decision="d2", evidence="", spent=0.0, blocks="x"),
    ]
    assert ledger.entries("sample") == before
    assert ledger.block("sample", "x") == before[1]
    assert ledger.comparisons("sample") == []
    compared = entry(3, event="PROMOTE", evidence="e1", spent=0.05 / 365)
    assert ledger.append(compared)
    assert ledger.entries("sample") == [*before, compared]
    assert ledger.comparisons("sample") == [RecordedComparison("e1", 0.05 / 365)]


def test_a_ledger_with_new_columns_is_still_append_only(older_engine: sa.Engine) -> None:
    Ledger(older_engine).prepare()
    for statement in (
        "UPDATE seqtag_ledger SET spent = 0",
        "DELETE FROM seqtag_ledger",
        {
            "sqlite": "INSERT OR REPLACE INTO seqtag_ledger (tagger, entry, at, who, through, event) "
            "VALUES ('sample', 1, '', '', '', '')",
            "postgresql": "TRUNCATE seqtag_ledger",
        }[older_engine.dialect.name],
    ):
        with (
            pytest.raises(sa.exc.DBAPIError, match="seqtag_ledger: the ledger is append-only"),
            older_engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
    assert [e.entry for e in Ledger(older_engine).entries("sample")] == [1, 2]


def test_processes_that_open_an_older_ledger_at_once_add_its_columns_once(older_engine: sa.Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Ledger(older_engine).prepare(), range(4)))
    columns = [column["name"] for column in sa.inspect(older_engine).get_columns("seqtag_ledger")]
    assert columns[-2:] == ["evidence", "spent"]
    assert len(columns) == len(set(columns)) == 19


def test_an_equal_comparison_is_counted_once(ledger: Ledger) -> None:
    """Retries and unchanged runs have the same evidence; a run without any comparison has none.

    The same evidence judged again at a higher error level counts with the higher level.
    """
    for number, evidence in enumerate(("e1", "", "e2", "e1"), start=1):
        assert ledger.append(entry(number, evidence=evidence, spent=number / 1000))
    assert ledger.comparisons("sample") == [RecordedComparison("e1", 0.004), RecordedComparison("e2", 0.003)]
    assert ledger.comparisons("other") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seqtag_ledger SET sentence = 'nothing happened'",
        "DELETE FROM seqtag_ledger",
        "DELETE FROM seqtag_ledger WHERE entry = 1",
    ],
)
def test_the_database_itself_refuses_to_change_or_remove_an_entry(
    engine: sa.Engine, ledger: Ledger, statement: str
) -> None:
    assert ledger.append(entry())
    with (
        pytest.raises(sa.exc.DBAPIError, match="seqtag_ledger: the ledger is append-only"),
        engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    assert ledger.entries("sample") == [entry()]


def test_the_database_itself_refuses_to_replace_or_empty(engine: sa.Engine, ledger: Ledger) -> None:
    assert ledger.append(entry())
    statement = {
        "sqlite": "INSERT OR REPLACE INTO seqtag_ledger (tagger, entry, at, who, through, event) "
        "VALUES ('sample', 1, '', '', '', '')",
        "postgresql": "TRUNCATE seqtag_ledger",
    }[engine.dialect.name]
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert ledger.entries("sample") == [entry()]


def test_a_second_entry_with_the_same_number_is_refused(ledger: Ledger) -> None:
    assert ledger.append(entry())
    assert not ledger.append(entry(who="bob@host"))
    assert ledger.append(entry(2, event="PROMOTE"))
    assert (ledger.length("sample"), ledger.latest_move("sample")) == (2, entry(2, event="PROMOTE"))
    assert (ledger.length("other"), ledger.latest_move("other"), ledger.entries("other")) == (0, None, [])


def test_an_entry_that_is_refused_for_another_reason_is_an_error(ledger: Ledger) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        ledger.append(entry(who=None))


@pytest.mark.parametrize("unblock", ["UNBLOCK", "RELEASE"], ids=["now", "in an older ledger"])
def test_the_standings_have_the_champion_and_the_blocks_of_each_tagger(ledger: Ledger, unblock: str) -> None:
    written = [
        of("a", 1, "PROMOTE", to_version="1"),
        of("a", 2, "ROLLBACK", to_version="0", blocks="x"),
        of("a", 3, unblock, to_version="0"),
        of("a", 4, "PROMOTE", to_version="2"),
        of("b", 1, "REJECT", to_version="1"),
        of("c", 1, "PROMOTE", to_version="1"),
        of("c", 2, "ROLLBACK", to_version="0", blocks="*"),
        of("c", 3, "HOLD", to_version="2"),
    ]
    assert all(map(ledger.append, written))

    found = ledger.standings()

    champions = {tagger: standing.champion for tagger, standing in found.items()}
    assert champions == {"a": written[3], "c": written[6]}
    assert {tagger: standing.blocks for tagger, standing in found.items()} == {"a": [], "c": [written[6]]}
    assert (ledger.block("a", "x"), ledger.block("c", "x")) == (None, written[6])


def test_standings_without_a_ledger_create_none(tmp_path: Path) -> None:
    registry = Registry(sqlite_url(tmp_path / "registry.db"), tmp_path / "artifacts")
    assert registry.standings() == {}
    assert not list(tmp_path.iterdir())
