"""Prefect server with seqtag's notification block: `python -m flows.services.prefect_server`.

On SQLite, Prefect's transactions first read and later take the write lock. If another transaction has written
in between, SQLite fails at once regardless of its timeout, and after four such failures the server loses the
event that it was handling. Here each transaction takes the write lock when it begins, and waits for it.
"""

from __future__ import annotations

import sys
from contextlib import _AsyncGeneratorContextManager

from prefect.cli import app
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

import flows.notification  # noqa: F401 - registers the block class, which automations load by name


class ImmediateSqlite(AioSqliteConfiguration):
    """SQLite configuration with IMMEDIATE transactions."""

    def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = True,  # noqa: ARG002 - every transaction takes the lock
    ) -> _AsyncGeneratorContextManager[AsyncSessionTransaction]:
        """Begin a transaction that holds the write lock."""
        return super().begin_transaction(session, with_for_update=True)


def use_immediate_sqlite() -> None:
    """Make this process's server use `ImmediateSqlite` if its database is SQLite."""
    url = PREFECT_SERVER_DATABASE_CONNECTION_URL.value()
    if get_dialect(url).name == "sqlite":
        MODELS_DEPENDENCIES["database_config"] = ImmediateSqlite(connection_url=url)


if __name__ == "__main__":
    use_immediate_sqlite()
    sys.argv[1:] = ["server", "start"]
    app()
