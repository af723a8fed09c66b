"""Remove: delete what retrainings of a tagger wrote, but for the registry and the ledger.

`seqtag.steps.retention` selects what is outdated.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
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
    return [measured(folder) for each in folders for folder in (each, _removed(each)) if folder.is_dir()]


def remove(folders: Sequence[TaggerFolder]) -> None:
    """Delete folders of a tagger. An interrupted removal is completed by the next.

    Raises:
        ConfigError: a step that writes into one of them is running.
    """
    for folder in folders:
        running = held_lock(folder.path)
        if running is not None:
            raise ConfigError(f"a retraining is running: {running} is locked; nothing was removed")
    # leftovers of an interrupted removal first: they have the name that a folder gets next
    for folder in folders:
        if folder.path.name.endswith(_REMOVED):
            shutil.rmtree(folder.path)
    left = [folder.path for folder in folders if folder.path.exists()]
    hidden = [path.rename(_removed(path)) for path in left]  # from here on, commands do not see them
    for path in hidden:
        shutil.rmtree(path)


def unfinished_removals(folder: Path) -> list[Path]:
    """Return the folders in `folder` whose removal was interrupted."""
    return sorted(folder.glob(f".*{_REMOVED}"))


def freed_bytes(folders: Sequence[TaggerFolder]) -> int:
    """Return the bytes that removing folders frees: those of files that other folders share stay."""
    found: Counter[tuple[int, int]] = Counter()
    for folder in folders:
        found.update((each.st_dev, each.st_ino) for each in _stats(folder.path))
    once = {(each.st_dev, each.st_ino): each for folder in folders for each in _stats(folder.path)}
    return sum(each.st_size for key, each in once.items() if each.st_nlink <= found[key])


def measured(folder: Path) -> TaggerFolder:
    """Return a folder with the number and size of its files."""
    sizes = [each.st_size for each in _stats(folder)]
    return TaggerFolder(folder, len(sizes), sum(sizes))


def held_lock(folder: Path) -> Path | None:
    """Return a lock in a folder that a running step holds, None if there is none."""
    return next((lock for lock in folder.rglob(".*.lock") if is_held(lock)), None)


def is_held(lock: Path) -> bool:
    """Return whether a process holds a lock."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _stats(folder: Path) -> list[os.stat_result]:
    return [file.lstat() for file in folder.rglob("*") if file.is_file()]


def _removed(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}{_REMOVED}")
