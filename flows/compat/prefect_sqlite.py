"""SQLite transactions of Prefect's server that take the write lock when they begin (Prefect 3.8.8).

Symptom: "database is locked". Prefect's transactions read first and take the write lock later. If another
transaction has written in between, SQLite fails at once regardless of its timeout; after four such failures
the server loses the event that it was handling.

Upstream: https://github.com/PrefectHQ/prefect/issues/18934, open, reports the symptom. No report of the cause
is known; a comment in Prefect's `AioSqliteConfiguration.setup_sqlite` describes it. This file can go when
`test_prefects_own_transactions_wait_for_each_other` passes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class ImmediateSqlite(AioSqliteConfiguration):
    """SQLite configuration with IMMEDIATE transactions."""

    @asynccontextmanager
    async def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = True,  # noqa: ARG002 - every transaction takes the lock
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Begin a transaction that holds the write lock."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def immediate_sqlite() -> AbstractContextManager[None]:
    """Make this process's server use `ImmediateSqlite` if its database is SQLite."""
    url = PREFECT_SERVER_DATABASE_CONNECTION_URL.value()
    is_sqlite = get_dialect(url).name == "sqlite"
    return temporary_database_config(ImmediateSqlite(connection_url=url) if is_sqlite else None)
