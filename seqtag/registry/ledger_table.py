"""Append-only ledger table in MLflow's database, enforced by database triggers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

TABLE = "seqtag_ledger"
ledger = sa.Table(
    TABLE,
    sa.MetaData(),
    sa.Column("tagger", sa.String, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),  # from 1, per tagger
    *(sa.Column(name, sa.String, nullable=False) for name in ("at", "who", "through", "event")),
    sa.Column("from_version", sa.String),
    sa.Column("to_version", sa.String),
    *(
        sa.Column(name, sa.String, nullable=False, server_default="")
        for name in (
            "from_bundle",
            "to_bundle",
            "config",
            "code",
            "dataset",
            "decision",
            "sentence",
            "report",
        )
    ),
    sa.Column("holds", sa.String, key="blocks"),  # the name in older ledgers
    sa.Column("evidence", sa.String, nullable=False, server_default=""),
    sa.Column("spent", sa.Float, nullable=False, server_default="0"),
)
SELECT_ENTRIES = sa.select(*(column.label(column.key) for column in ledger.columns))

_REFUSAL = "the ledger is append-only"
_ON_SQLITE = (
    *(
        f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{statement.lower()} BEFORE {statement} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{TABLE}: {_REFUSAL}'); END"
        for statement in ("UPDATE", "DELETE")
    ),
    # INSERT OR REPLACE deletes without firing the trigger above
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_replace BEFORE INSERT ON {TABLE} "  # noqa: S608 - a constant
    f"WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE (tagger, entry) = (NEW.tagger, NEW.entry)) "
    f"BEGIN SELECT RAISE(ABORT, '{TABLE}: {_REFUSAL}'); END",
)
_ON_POSTGRESQL = (
    f"CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{TABLE}: {_REFUSAL}'; END $$",
    *(
        f"CREATE TRIGGER {TABLE}_no_{statements.split()[0].lower()} BEFORE {statements} ON {TABLE} "
        f"FOR EACH {each} EXECUTE FUNCTION {TABLE}_refuse()"
        for statements, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
    ),
)
_LOCK = {  # so that only one of two processes creates the table
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(hashtext('seqtag_ledger'))",
}


def make_table(engine: sa.Engine) -> None:
    """Create the table and its triggers, or add columns missing from an older table, in one transaction."""
    if sa.inspect(engine).has_table(TABLE) and not _missing_columns(sa.inspect(engine)):
        return
    backend = engine.dialect.name
    with engine.connect() as connection:
        if backend in _LOCK:
            connection.exec_driver_sql(_LOCK[backend])
        if not sa.inspect(connection).has_table(TABLE):
            ledger.create(connection)
            for trigger in {"sqlite": _ON_SQLITE, "postgresql": _ON_POSTGRESQL}.get(backend, ()):
                connection.exec_driver_sql(trigger)
        for column in _missing_columns(sa.inspect(connection)):
            definition = sa.schema.CreateColumn(column).compile(dialect=engine.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {TABLE} ADD COLUMN {definition}")
        connection.commit()


def _missing_columns(inspector: sa.Inspector) -> list[sa.Column[Any]]:
    present = {column["name"] for column in inspector.get_columns(TABLE)}
    return [column for column in ledger.columns if column.name not in present]
