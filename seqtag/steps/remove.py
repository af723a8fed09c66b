"""Remove: delete what retrainings of a tagger wrote, but for the registry and the ledger."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqtag.errors import ConfigError
from seqtag.steps.context import Workspace

_REMOVED = ".removed"  # end of the name of a folder whose removal has begun; no tagger's name has a dot


@dataclass(frozen=True)
class TaggerFolder:
    """A folder of a tagger."""

    path: Path
    n_files: int
    size: int  # bytes


def removable_folders(tagger: str, workspace: Workspace) -> list[TaggerFolder]:
    """Return the folders with runs, snapshots and drift reports of a tagger that exist.

    What it tagged in bulk is not among them.
    """
    home = workspace.home
    folders = (home.runs(tagger), home.corpus(tagger), home.monitoring(tagger), home.untagged(tagger))
    return [_measured(folder) for each in folders for folder in (each, _removed(each)) if folder.is_dir()]


def remove(folders: Sequence[TaggerFolder]) -> None:
    """Delete folders of a tagger. An interrupted removal is completed by the next.

    Raises:
        ConfigError: a step that writes into one of them is running.
    """
    for folder in folders:
        running = next((lock for lock in folder.path.rglob(".*.lock") if _is_held(lock)), None)
        if running is not None:
            raise ConfigError(f"a retraining is running: {running} is locked; nothing was removed")
    # leftovers of an interrupted removal first: they have the name that a folder gets next
    for folder in sorted(folders, key=lambda folder: not folder.path.name.endswith(_REMOVED)):
        path = folder.path
        if not path.name.endswith(_REMOVED):
            path = path.rename(_removed(path))  # from here on, commands do not see it
        shutil.rmtree(path)


def _measured(folder: Path) -> TaggerFolder:
    sizes = [file.lstat().st_size for file in folder.rglob("*") if file.is_file()]
    return TaggerFolder(folder, len(sizes), sum(sizes))


def _removed(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_REMOVED}")


def _is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
