"""Prefect's server, which knows our notification block: `python -m flows.server`."""

from __future__ import annotations

import sys

from prefect.cli import app

import flows.notification  # noqa: F401 - its class is registered, and automations load it by name

if __name__ == "__main__":
    sys.argv[1:] = ["server", "start"]
    app()
