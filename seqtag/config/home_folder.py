"""Home folder where SEQTAG_HOME is unset: the nearest one upwards, as git finds a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HOME_FOLDER: Final = ".seqtag"
_TAGGERS = Path("deployments", "taggers")  # marks a project, in which the home is created


def default_home(start: Path) -> Path:
    """Return the home folder of a working directory, whether it exists or not.

    It is in the nearest of the directory and its parents that has a home or is a project, else in the
    directory itself. Commands of make run in the project, and therefore have the same home.
    """
    *_, last = searched_folders(start)
    return (last if _ends_search(last) else start) / HOME_FOLDER


def searched_folders(start: Path) -> list[Path]:
    """Return the folders in which the home is looked for: a directory and its parents, to the first match."""
    folders = [start, *start.parents]
    found = next((n for n, folder in enumerate(folders) if _ends_search(folder)), len(folders))
    return folders[: found + 1]


def _ends_search(folder: Path) -> bool:
    return (folder / HOME_FOLDER).is_dir() or (folder / _TAGGERS).is_dir()
