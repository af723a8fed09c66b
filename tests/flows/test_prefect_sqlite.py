"""Prefect's server on SQLite: two concurrent transactions that read before they write."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.exc import OperationalError

from flows.compat.prefect_sqlite import ImmediateSqlite


async def two_that_read_before_they_write(database: AioSqliteConfiguration) -> int:
    """Write in a second transaction after a first one has read but not yet written; return the row count."""
    engine = await database.engine()
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE IF NOT EXISTS bucket (count INTEGER)"))
    has_read = asyncio.Event()

    async def first() -> None:
        async with await database.session(engine) as session, database.begin_transaction(session):
            await session.execute(sa.text("SELECT * FROM bucket"))
            has_read.set()
            await asyncio.sleep(0.5)
            await session.execute(sa.text("INSERT INTO bucket VALUES (1)"))

    async def second() -> None:
        await has_read.wait()
        async with await database.session(engine) as session, database.begin_transaction(session):
            await session.execute(sa.text("INSERT INTO bucket VALUES (2)"))

    await asyncio.gather(first(), second())
    async with engine.begin() as connection:
        rows = (await connection.execute(sa.text("SELECT count(*) FROM bucket"))).scalar_one()
    await engine.dispose()
    return int(rows)


def test_transactions_that_hold_the_write_lock_wait_for_each_other(tmp_path: Path) -> None:
    seqtags = ImmediateSqlite(connection_url=f"sqlite+aiosqlite:///{tmp_path}/seqtag.db")
    assert asyncio.run(two_that_read_before_they_write(seqtags)) == 2


@pytest.mark.xfail(
    strict=True,
    raises=OperationalError,
    reason="Prefect 3.8.8 begins DEFERRED transactions; once this passes, flows/compat/prefect_sqlite can go",
)
def test_prefects_own_transactions_wait_for_each_other(tmp_path: Path) -> None:
    prefects = AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{tmp_path}/prefect.db")
    assert asyncio.run(two_that_read_before_they_write(prefects)) == 2
