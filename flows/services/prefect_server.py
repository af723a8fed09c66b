"""Prefect server with seqtag's notification block: `python -m flows.services.prefect_server`."""

import sys

from prefect.cli import app

import flows.notification_block  # noqa: F401 - registers the block class, which automations load by name
from flows.compat.prefect_sqlite import immediate_sqlite

if __name__ == "__main__":
    sys.argv[1:] = ["server", "start"]
    with immediate_sqlite():
        app()
