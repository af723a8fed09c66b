"""Commands implemented by the flows in the checkout; the seqtag package does not depend on Prefect."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import datetime
from typing import Annotated

import typer

from seqtag.cli.names import TAGGER
from seqtag.errors import ConfigError


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("backfill")(backfill)


def backfill(
    tagger: Annotated[str, TAGGER],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, inclusive.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the ticks and exit.")] = False,
) -> None:
    """Retrain for each tick of the schedule in a range of days, except ticks that were backfilled before.

    Example: `seqtag backfill sample --from 2026-11-01 --to 2026-11-07 --dry-run`
    """
    from seqtag.steps.lookup import tagger_file

    days = ["--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}"]
    _run("flows.backfill", str(tagger_file(tagger)), *days, *(["--dry-run"] if dry_run else []))


def _run(module: str, *arguments: str) -> None:
    sys.path.insert(0, "")  # flows are in the checkout, not in the wheel
    if importlib.util.find_spec(module.split(".")[0]) is None:
        raise ConfigError(f"{module} is not in the working directory; run this from a checkout of seqtag")
    raise typer.Exit(subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode)
