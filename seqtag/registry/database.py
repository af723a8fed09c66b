"""Database addresses of the registry and the ledger: checked, and connected to without a pool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_CONNECT_TIMEOUT = 10  # seconds; libpq would wait for minutes
_LOCK_TIMEOUT = 60  # seconds; SQLite has one writer at a time


def checked_address(url: str, *, owner: str) -> URL:
    """Return a parsed URL.

    Args:
        owner: `registry` or `ledger`, for messages.

    Raises:
        ConfigError: it is no SQLAlchemy URL, or depends on the working directory.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # print neither error nor URL: both may hold a password
        raise ConfigError(
            f"{owner} URL is invalid: expected an SQLAlchemy URL such as sqlite:////srv/registry.db, "
            f"got text that begins with {url.partition(':')[0]!r}"
        ) from None
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_absolute():
        raise ConfigError(
            f"{owner} URL is relative: expected an absolute SQLite file (four slashes), which is the same in "
            f"every process, got {hide_passwords(url)}"
        )
    return address


def shown(address: URL) -> str:
    """Return an address without its passwords."""
    return hide_passwords(address.render_as_string(hide_password=True))


def sqlite_file(address: URL) -> Path | None:
    """Return the file of an SQLite database, None for other databases."""
    is_sqlite = address.get_backend_name() == "sqlite"
    return Path(address.database) if is_sqlite and address.database else None


def sqlite_url(path: Path) -> str:
    """Return the registry URL of an SQLite file.

    >>> sqlite_url(Path("/srv/seqtag/registry.db"))
    'sqlite:////srv/seqtag/registry.db'
    """
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string()


def make_engine(address: URL) -> Engine:
    """Return an engine that keeps no connection open."""
    import sqlalchemy

    backend = address.get_backend_name()
    arguments = {"connect_timeout": _CONNECT_TIMEOUT} if backend == "postgresql" else {}
    arguments |= {"timeout": _LOCK_TIMEOUT} if backend == "sqlite" else {}
    return sqlalchemy.create_engine(address, connect_args=arguments, poolclass=sqlalchemy.pool.NullPool)


def connect_once(address: URL) -> None:
    """Connect to a database, after creating the folder of an SQLite file.

    MLflow itself would retry for 100 s, with a log line each time, before giving up.
    """
    import sqlalchemy

    if (file := sqlite_file(address)) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    sqlalchemy.inspect(make_engine(address)).get_table_names()
