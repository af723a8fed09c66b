"""Common parts of the commands: exit codes, the workspace, the day and logging.

The modules of the commands import the library in the functions that use it, so that help and completion, for
which all of them are imported, are fast.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from seqtag.errors import ConfigError
from seqtag.project import HOME_FOLDER, searched_folders

if TYPE_CHECKING:
    from seqtag.config import ScheduleConfig, TaggerConfig
    from seqtag.steps import Workspace

DONE: Final = 0
REFUSED: Final = 1
WRONG_USE: Final = 2


def open_workspace() -> Workspace:
    """Open the workspace of a command that creates no home folder.

    Raises:
        ConfigError: there is no home folder.
    """
    workspace = open_or_create_workspace()
    if not workspace.home.root.is_dir():
        raise ConfigError(_no_home(workspace.home.root))
    return workspace


def open_or_create_workspace() -> Workspace:
    """Open the workspace, log to standard error, and keep the caches of libraries in the home folder.

    The home folder is created by whatever is written to it first.
    """
    from seqtag.config import Settings, redirect_library_caches
    from seqtag.steps import Workspace

    log_to_standard_error()
    workspace = Workspace.of(Settings())
    redirect_library_caches(workspace.home.caches)
    return workspace


def open_writable_workspace() -> Workspace:
    """Open the workspace of a command that creates the home folder.

    Raises:
        ConfigError: the home folder cannot be written.
    """
    workspace = open_or_create_workspace()
    workspace.require_writable()
    return workspace


def echo_json(values: Any) -> None:
    """Print values as JSON; paths become strings."""
    typer.echo(json.dumps(values, indent=2, ensure_ascii=False, default=str))


def log_to_standard_error(level: int = logging.INFO) -> None:
    """Show the log of seqtag from `level` on, and warnings of libraries."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("seqtag").setLevel(level)


@contextmanager
def continued_by(command: str) -> Iterator[None]:
    """Say what an interruption leaves, and the command that continues."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            "Interrupted: finished steps are kept, and training resumes from its last checkpoint; continue "
            f"with: seqtag {command}",
            err=True,
        )
        raise


def _no_home(root: Path) -> str:
    create = "`seqtag retrain TAGGER` creates it"
    if os.environ.get("SEQTAG_HOME"):
        return (
            f"home folder does not exist: expected the folder that SEQTAG_HOME names, got {root}; correct or "
            f"unset SEQTAG_HOME, or {create}"
        )
    searched = ", ".join(map(str, searched_folders(Path.cwd())))
    return (
        f"home folder not found: expected {HOME_FOLDER} in the working directory or a parent, looked in "
        f"{searched}; change to the project or set SEQTAG_HOME; {create} as {root}"
    )


def open_tagger(name: str) -> tuple[TaggerConfig, date]:
    """Load the file of a tagger, given by its name or path; return its configuration and the day.

    Every command that needs a tagger's file calls this first, so that `${SEQTAG_AS_OF}` is always set.
    """
    from seqtag.config import load_tagger
    from seqtag.steps.lookup import tagger_file

    config = load_tagger(tagger_file(name))
    return config, _set_day(config.schedule)


def _set_day(schedule: ScheduleConfig) -> date:
    """Return the day of the command and set `SEQTAG_AS_OF` to it, for paths of sources that contain it.

    The day is that of `SEQTAG_AS_OF` if it is set, else today in the time zone of the tagger's schedule.

    Raises:
        ConfigError: `SEQTAG_AS_OF` is not a date.
    """
    named = os.environ.get("SEQTAG_AS_OF")
    try:
        day = date.fromisoformat(named) if named else schedule.day_of(_now())
    except ValueError as error:
        raise ConfigError(
            f"SEQTAG_AS_OF is not a date: expected one like 2026-01-31, got {named!r}; correct or unset it"
        ) from error
    os.environ["SEQTAG_AS_OF"] = day.isoformat()
    return day


def _now() -> datetime:
    return datetime.now(UTC)
