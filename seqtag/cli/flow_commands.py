"""Commands that the checkout's flows carry out: seqtag itself knows nothing of Prefect."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import datetime
from typing import Annotated

import typer

from seqtag.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("backfill")(backfill)


def backfill(
    tagger: Annotated[str, typer.Argument(help="The tagger's TOML file.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, inclusive.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which ticks there are, no more.")] = False,
) -> None:
    """Retrain as of each tick of the schedule from one day to another; twice is once.

    Example: `seqtag backfill deployments/taggers/sample.toml --from 2026-11-01 --to 2026-11-07 --dry-run`
    """
    days = ["--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}"]
    _run("flows.backfill", tagger, *days, *(["--dry-run"] if dry_run else []))


def _run(module: str, *arguments: str) -> None:
    sys.path.insert(0, "")  # flows are a package of the checkout, not of the wheel
    if importlib.util.find_spec(module.split(".")[0]) is None:
        raise ConfigError(f"{module}: a checkout of seqtag as working directory was required. Received: none")
    raise typer.Exit(subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode)
