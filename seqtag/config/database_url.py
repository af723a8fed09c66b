"""URLs of databases as people write them, with the driver that is installed, and of MLflow servers."""

from __future__ import annotations

import re
from importlib.util import find_spec


def with_driver(url: str) -> str:
    """Return a URL of PostgreSQL without a driver with psycopg 3, unless psycopg2 is installed.

    SQLAlchemy takes `postgresql://` for psycopg2, and refuses `postgres://`, which psql reads.

    >>> with_driver("sqlite:////srv/registry.db")
    'sqlite:////srv/registry.db'
    """
    driver = "psycopg2" if find_spec("psycopg2") else "psycopg"
    return re.sub(r"^postgres(ql)?://", f"postgresql+{driver}://", url)


def is_server_url(url: str) -> bool:
    """Tell whether the URL of a registry is that of an MLflow server rather than of a database.

    >>> is_server_url("https://mlflow.example.com"), is_server_url("sqlite:////srv/registry.db")
    (True, False)
    """
    return url.startswith(("http://", "https://"))
