"""What every command needs: exit codes, the place, the run directory that an argument names, log lines."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import typer

from seqtag.config import ScheduleConfig, Settings, TaggerConfig, load_tagger
from seqtag.errors import ConfigError
from seqtag.run_dir import RunDir, absolute
from seqtag.steps import Workspace, redirect_library_caches

DONE: Final = 0
REFUSED: Final = 1
WRONG_USE: Final = 2

TAGGER = typer.Argument(help="The tagger's TOML file.", metavar="TAGGER.toml", exists=True, dir_okay=False)
RUN = typer.Argument(
    help="A run directory, its run id, or a tagger's name for its newest run.", metavar="RUN"
)


def open_workspace() -> Workspace:
    """Return where things live, with log lines on standard error and libraries kept to the home folder."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("seqtag").setLevel(logging.INFO)
    here = Workspace.of(Settings())
    redirect_library_caches(here.home)
    return here


def open_tagger(file: Path) -> tuple[TaggerConfig, Workspace, date]:
    """Return the configuration in a tagger's file, where things live, and the day that the command is for.

    Every command that takes a tagger's file begins with this, so that `${SEQTAG_AS_OF}` is set in all.
    """
    config, where = load_tagger(file), open_workspace()
    return config, where, _begin_day(config.schedule)


def _begin_day(schedule: ScheduleConfig) -> date:
    """Return the day that a command is for, and set `SEQTAG_AS_OF` to it, which paths of sources may hold.

    It is the day that `SEQTAG_AS_OF` names already, else today in the time zone of the tagger's schedule.

    Raises:
        ConfigError: `SEQTAG_AS_OF` is no date.
    """
    named = os.environ.get("SEQTAG_AS_OF")
    try:
        day = date.fromisoformat(named) if named else schedule.day_of(_now())
    except ValueError as error:
        raise ConfigError(
            f"SEQTAG_AS_OF is no date: expected one like 2026-01-31, got {named!r}; correct or unset it"
        ) from error
    os.environ["SEQTAG_AS_OF"] = day.isoformat()
    return day


def _now() -> datetime:
    return datetime.now(UTC)


def find_run(name: str, where: Workspace) -> RunDir:
    """Return the run directory that a path, a run id or a tagger's name stands for.

    Raises:
        ConfigError: there is none.
    """
    runs = where.home.root / "runs"
    as_path = absolute(Path(name))
    if RunDir(as_path).config.exists():
        return RunDir(as_path)
    found = sorted(runs.glob(f"*/{name}/config.json")) if "/" not in name else []
    if not found:
        of_tagger = where.home.runs(name).glob("*/config.json") if "/" not in name else []
        found = sorted(of_tagger, key=lambda config: (config.stat().st_mtime, config.parent.name))
    if not found:
        raise ConfigError(
            f"a run directory, a run id or a tagger with runs below {runs} was required. Received: {name!r}"
        )
    return RunDir(found[-1].parent)
