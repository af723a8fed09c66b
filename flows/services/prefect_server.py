"""Prefect's server, which knows our notification block: `python -m flows.services.prefect_server`.

On SQLite, Prefect's transactions read first and take the lock for writing later. Where somebody else has
written in between, SQLite refuses at once, whatever its time-out, and after four such refusals the event that
the server was about to act on is lost. Here each transaction takes the lock as it begins, and waits for it.
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

import flows.notification  # noqa: F401 - its class is registered, and automations load it by name


class ImmediateSqlite(AioSqliteConfiguration):
    """SQLite whose transactions are IMMEDIATE."""

    def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = True,  # noqa: ARG002 - each of them is
    ) -> _AsyncGeneratorContextManager[AsyncSessionTransaction]:
        """Begin a transaction that holds the lock for writing."""
        return super().begin_transaction(session, with_for_update=True)


def use_immediate_sqlite() -> None:
    """Have the server of this process use it, unless its database is another one."""
    url = PREFECT_SERVER_DATABASE_CONNECTION_URL.value()
    if get_dialect(url).name == "sqlite":
        MODELS_DEPENDENCIES["database_config"] = ImmediateSqlite(connection_url=url)


if __name__ == "__main__":
    use_immediate_sqlite()
    sys.argv[1:] = ["server", "start"]
    app()
