"""The project of a working directory: its home folder and its taggers' files.

The home folder is found where SEQTAG_HOME is unset, as git finds a repository.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

HOME_FOLDER: Final = ".seqtag"
_TAGGERS = Path("deployments", "taggers")  # marks a project, in which the home is created


def default_home(start: Path) -> Path:
    """Return the home folder of a working directory, whether it exists or not.

    It is in the nearest of the directory and its parents that has a home or is a project, else in the
    directory itself. Commands of make run in the project, and therefore have the same home.
    """
    return _project(start) / HOME_FOLDER


def tagger_files(start: Path) -> dict[str, Path]:
    """Return the taggers' files of a project by name; the first of equal names counts."""
    found: dict[str, Path] = {}
    for folder in tagger_folders(start):
        for file in sorted(folder.glob("*.toml")):
            name = name_in(file)
            if name is not None:
                found.setdefault(name, file)
    return found


def name_in(file: Path) -> str | None:
    """Return the name in a tagger's file, None if it is another kind of TOML file."""
    try:
        tables = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):  # loading it says why
        return file.stem
    name = tables.get("name")
    return name if isinstance(name, str) and "corpus" in tables else None


def tagger_folders(start: Path) -> list[Path]:
    """Return the existing folders in which a tagger's file is looked for by name.

    They are the working directory, `deployments/taggers` of its project, and the project itself.
    """
    project = _project(start)
    folders = dict.fromkeys((start, project / _TAGGERS, project))
    return [folder for folder in folders if folder.is_dir()]


def new_tagger_folder(start: Path) -> Path:
    """Return the folder of a new tagger's file: that of the project if it has one, else the directory."""
    taggers = _project(start) / _TAGGERS
    return taggers if taggers.is_dir() else start


def searched_folders(start: Path) -> list[Path]:
    """Return the folders in which the home is looked for: a directory and its parents, to the first match."""
    folders = [start, *start.parents]
    found = next((n for n, folder in enumerate(folders) if _ends_search(folder)), len(folders))
    return folders[: found + 1]


def _project(start: Path) -> Path:
    *_, last = searched_folders(start)
    return last if _ends_search(last) else start


def _ends_search(folder: Path) -> bool:
    return (folder / HOME_FOLDER).is_dir() or (folder / _TAGGERS).is_dir()
