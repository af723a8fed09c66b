"""Folders of files: tell data from markers, and find folders that are one data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from seqtag.corpus.partitions import is_partition
from seqtag.corpus.remote import kind_of
from seqtag.corpus.source_report import listed
from seqtag.errors import ConfigError
from seqtag.formatting import plural

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VERSIONED_TABLES = {
    "_delta_log/": "a Delta table",
    r"\.hoodie/": "a Hudi table",
    r"metadata/[^/]*\.metadata\.json": "an Iceberg table",
}
_LITTER = ("Thumbs.db", "desktop.ini")
_NOTES = ("README", "LICENSE", "CHANGELOG", "NOTICE", "CITATION")
_PACKINGS = (".gz", ".zst", ".bz2", ".xz", ".zip", ".tar")


def globbed(filesystem: AbstractFileSystem, pattern: str, shown: str) -> tuple[list[str], int]:
    """Return the files that a glob matches, in natural order, and the number of hidden ones left out.

    Raises:
        ConfigError: only hidden files match, or only folders.
    """
    root = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
    kinds = {path: kind_of(filesystem, path) for path in filesystem.glob(pattern)}
    files = sorted((path for path, kind in kinds.items() if kind == "file"), key=natural_order)
    below = len(root) + 1 if root else 0
    found = [path for path in files if not is_hidden_below(path[below:], pattern[below:])]
    if files and not found:
        names = listed([path[below:] for path in files])
        raise ConfigError(f"corpus.sources: {shown!r} matches only hidden files and markers: {names}")
    if kinds and not files:
        raise ConfigError(
            f"corpus.sources: {shown!r} matches only folders, expected files; write '{shown.rstrip('/')}/*'"
        )
    return found, len(files) - len(found)


def in_folder(filesystem: AbstractFileSystem, folder: str, shown: str) -> tuple[list[str], int]:
    """Return the files of a folder that is one data set, in natural order, and its number of hidden files.

    Raises:
        ConfigError: the files are not one data set, and the message suggests a path; or the folder is a table
            in a lakehouse format, which keeps the files of older versions.
    """
    base = folder.rstrip("/") + "/"
    files = {path.removeprefix(base).lstrip("/"): path for path in filesystem.find(folder)}
    kind = _versioned_table(files)
    if kind is not None:
        raise ConfigError(
            f"corpus.sources: {shown!r} is {kind}, whose folder also holds rows that were replaced or "
            "deleted: expected files of one version; export the current version as Parquet or CSV, or use "
            "a glob if nothing was ever replaced"
        )
    found = sorted((below for below in files if not is_hidden_below(below)), key=natural_order)
    if not found:
        holds = f"It has only hidden files and markers: {listed(sorted(files))}" if files else "It is empty"
        raise ConfigError(f"corpus.sources: {shown!r} is a folder without data, expected files. {holds}")
    name = base.rstrip("/").rsplit("/", 1)[-1]
    if not is_one_data_set(name, found, is_complete="_SUCCESS" in files):
        raise ConfigError(
            f"corpus.sources: {shown!r} is a folder, expected a file or a glob. "
            f"It holds {suggested_path(shown, found)}"
        )
    return [files[below] for below in found], len(files) - len(found)


def data_pattern(filesystem: AbstractFileSystem, folder: str, *, shown: str) -> str:
    """Return a glob for the data files below a folder that is not one data set: those of the usual ending.

    Raises:
        ConfigError: there are none.
    """
    base = folder.rstrip("/") + "/"
    below = (path.removeprefix(base).lstrip("/") for path in filesystem.find(folder))
    found = [path for path in below if not is_hidden_below(path) and not _is_prose(path)]
    if not found:
        raise ConfigError(
            f"corpus.sources: {shown!r} is a folder without data, expected files with tokens and tags"
        )
    return _pattern(found, _data_ending(found))


def natural_order(path: str) -> tuple[list[str | tuple[int, str]], str]:
    """Return a sort key that compares runs of digits in a path as numbers.

    >>> sorted(["part-10", "part-9", "part-010", "a/2", "a/1"], key=natural_order)
    ['a/1', 'a/2', 'part-9', 'part-010', 'part-10']
    """
    key: list[str | tuple[int, str]] = []
    for n, run in enumerate(re.split("([0-9]+)", path)):  # texts and numbers alternate
        digits = run.lstrip("0")
        key.append((len(digits), digits) if n % 2 else run)
    return key, path


def _versioned_table(files: Iterable[str]) -> str | None:
    """Return the lakehouse format of a folder, judged by the paths below it; None if it has none."""
    for mark, kind in _VERSIONED_TABLES.items():
        if any(re.match(mark, file) for file in files):
            return kind
    return None


def is_hidden(name: str) -> bool:
    """Return whether a file or folder holds no data: hidden, or a marker of Spark, Hadoop or a desktop.

    >>> [is_hidden(name) for name in (".part-0.crc", "_SUCCESS", "_metadata", "x.crc", "__MACOSX")]
    [True, True, True, True, True]
    >>> is_hidden("train.csv~")  # an editor's backup
    True
    >>> [is_hidden(name) for name in ("part-0.parquet", "_train.conll", "_date=2026-11-01")]
    [False, False, False]
    """
    is_marker = name.startswith("_") and not {".", "="} & set(name)
    return name.startswith(".") or is_marker or name.endswith((".crc", "._COPYING_", "~")) or name in _LITTER


def is_hidden_below(path: str, pattern: str = "") -> bool:
    """Return whether a file is hidden or in a hidden folder, unless a glob names the hidden part.

    >>> is_hidden_below("data/.old/a.conll"), is_hidden_below("_a", "_*"), is_hidden_below("b/_a", "**/_*")
    (True, False, False)
    """
    named = {part[0] for part in pattern.split("/") if part[:1] in ("_", ".")}
    return any(is_hidden(part) and part[0] not in named for part in path.split("/") if part)


def is_one_data_set(folder: str, files: Sequence[str], *, is_complete: bool) -> bool:
    """Return whether the files of a folder belong together, as parts of one export or as partitions.

    Args:
        folder: name of the folder.
        files: paths below it, without hidden files.
        is_complete: whether a job marked the folder as complete (`_SUCCESS`).

    >>> is_one_data_set("data", ["split=dev/0.parquet", "split=train/0.parquet"], is_complete=False)
    True
    >>> is_one_data_set("data", ["part-0.csv", "part-1.csv"], is_complete=False)
    True
    >>> is_one_data_set("data", ["dev.conll", "train.conll"], is_complete=False)
    False
    """
    paths = [PurePosixPath(file) for file in files]
    if len({path.suffix for path in paths}) != 1:
        return False
    folders = [(*(f for f in [folder] if is_partition(f)), *path.parts[:-1]) for path in paths]
    if any(folders):
        keys = {tuple(f.partition("=")[0] for f in parts) for parts in folders}
        return len(keys) == 1 and all(is_partition(f) for parts in folders for f in parts)
    return is_complete or all(path.name.startswith("part-") for path in paths)


def suggested_path(folder: str, files: Sequence[str]) -> str:
    """Describe the files of a folder that is not one data set, and suggest a path.

    >>> suggested_path("data", ["train.conll"])
    'one file: write path = "data/train.conll"'
    >>> suggested_path("data", ["a/train.conll.gz", "b/train.conll.gz", "README.md"])
    '2 .conll.gz files, 1 .md file: write path = "data/**/*.conll.gz"'
    """
    base = folder.rstrip("/")
    if len(files) == 1:
        return f'one file: write path = "{base}/{files[0]}"'
    counts = Counter(map(_ending, files)).most_common()
    texts = [plural(n, f"{ending or 'nameless'} file") for ending, n in counts]
    return f'{listed(texts)}: write path = "{base}/{_pattern(files, _data_ending(files))}"'


def _data_ending(files: Sequence[str]) -> str:
    """Return the usual ending of files; of brat that of the texts, which as many annotations accompany."""
    counts = Counter(map(_ending, files))
    return ".txt" if {".txt", ".ann"} <= set(counts) else counts.most_common(1)[0][0]


def _pattern(files: Sequence[str], ending: str) -> str:
    """Return a glob for the files with an ending, given by their paths below a folder."""
    between = "**/" if any("/" in file for file in files if _ending(file) == ending) else ""
    return f"{between}*{ending}"


def _is_prose(file: str) -> bool:
    """Return whether a file describes data or code rather than being data."""
    path = PurePosixPath(file)
    return path.suffix in (".md", ".rst", ".toml", ".py", ".pdf", ".html") or path.stem in _NOTES


def _ending(file: str) -> str:
    suffixes = PurePosixPath(file).suffixes
    return "".join(suffixes[-2:] if suffixes[-1:] and suffixes[-1] in _PACKINGS else suffixes[-1:])
