"""Find and open the files of a source: variables, globs, folders, URLs, compression and archives.

The content of the files is left to `text_blocks.py` and the formats.

The query of a URL may hold a signature that changes daily, so no name, fingerprint or message contains it.
Files that differ only in their queries (`?id=42`) are numbered, and changes are detected from their bytes.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from seqtag.config.secrets import hide_passwords
from seqtag.corpus.archives import tar_members
from seqtag.corpus.containers import MOST_LAYERS, can_rewind, container_of, read_head, unpacked
from seqtag.corpus.folders import globbed, in_folder, natural_order
from seqtag.corpus.remote import kind_of, network_errors_classified
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.formatting import first_line

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_SNIFFED_BYTES = 1 << 18  # fetched at a time to detect how a file is packed
_QUERY_OF_URL = re.compile(r"[?#].*", re.DOTALL)
_QUERY_OF_KEY = re.compile(r"\?[\w.%~-]+=.*", re.DOTALL)  # a `#` or a bare `?` may be part of the name


@dataclass(frozen=True)
class InputFile:
    """One file of a source."""

    name: str  # in messages and sequence ids: the shortest end of its location that is unique
    path: str  # in its file system; may hold secrets
    filesystem: AbstractFileSystem
    packed: tuple[str, ...] = ()  # layers that `contents` found, outermost first: ("gzip", "tar")
    origin: str = ""  # of an archive member: the archive's location, and the name in it
    moved: bool = False  # of an archive member: its position there is not that in natural order

    @property
    def location(self) -> str:
        """The path without query and fragment."""
        if self.origin:
            return self.origin
        return (_QUERY_OF_URL if "://" in self.path else _QUERY_OF_KEY).sub("", self.path)

    def open(self) -> BinaryIO:
        """Open the bytes as stored."""
        return cast("BinaryIO", self.filesystem.open(self.path, "rb"))


@dataclass(frozen=True)
class Listing:
    """The files that match some paths."""

    files: tuple[InputFile, ...]
    n_hidden: int  # hidden files and markers, which are skipped


def expand(text: str, *, key: str = "corpus.sources") -> str:
    """Replace each `${VARIABLE}` with its value in the environment.

    Args:
        key: configuration key that the message names.

    Raises:
        ConfigError: a variable is unset or empty; the message names it.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not os.environ.get(name):
            raise ConfigError(
                f"{key}: environment variable {name} is not set: expected a value for ${{{name}}}, got none; "
                "export it"
            )
        return os.environ[name]

    return _VARIABLE.sub(value, text)


def find_files(paths: str | Sequence[str]) -> list[InputFile]:
    """Return the files of `list_files`."""
    return list(list_files(paths).files)


def list_files(paths: str | Sequence[str], *, folder: Path | None = None) -> Listing:
    """Find the files of paths, globs, folders and fsspec URLs: a list in its order, others sorted by name.

    A folder is read if its files are parts of one export: Hive partitions, or `part-*`. Hidden files, and the
    markers of Spark and others (`_SUCCESS`), are left out of globs and folders.

    Args:
        folder: where relative paths are looked for before the working directory.

    Raises:
        ConfigError: a path or glob matches no file, a folder is not one export, a variable is unset, or the
            kind of URL is unknown.
        OSError: the file system, the network or the server fails; a retry may help.
    """
    found = [_matches(path, folder) for path in ([paths] if isinstance(paths, str) else paths)]
    return Listing(tuple(file for each in found for file in each.files), sum(each.n_hidden for each in found))


def with_distinct_names(files: Sequence[InputFile]) -> list[InputFile]:
    """Return the files with names just long enough to distinguish their paths.

    `train/part-0.parquet` and `test/part-0.parquet` keep their folders; a lone `train.conll` does not. Files
    that differ only in their queries are numbered in order: `download`, `download~2`.
    """
    paths: dict[str, list[str]] = {}  # by location without secrets
    for path, file in {file.path: file for file in files}.items():
        paths.setdefault(_shown(file), []).append(path)
    depth = dict.fromkeys(paths, 1)
    while True:
        names = {location: "/".join(location.split("/")[-n:]) for location, n in depth.items()}
        shared = {name for name, count in Counter(names.values()).items() if count > 1}
        if not shared or all(
            n > place.count("/") + 1 for place, n in depth.items() if names[place] in shared
        ):
            break
        depth = {location: n + (names[location] in shared) for location, n in depth.items()}
    numbered = {
        path: names[location] + (f"~{number}" if number > 1 else "")
        for location, there in paths.items()
        for number, path in enumerate(there, start=1)
    }
    return [replace(file, name=numbered[file.path]) for file in files]


@contextmanager
def opened(file: InputFile) -> Iterator[BinaryIO]:
    """Open the unpacked content of a file; its first bytes show how it is packed.

    Raises:
        CorpusFormatError: inside the `with`, if the packed data are damaged or truncated, or the file is a
            tar archive.
        ConfigError, OSError: as for `network_errors_classified`.
    """
    with (
        network_errors_classified(file.name),
        file.open() as stored,
        unpacked(stored, file.name) as (content, layers),
    ):
        if layers[-1:] == ("tar",):
            raise CorpusFormatError(f"{file.name}: file is a tar archive: expected a single file; unpack it")
        yield content


@contextmanager
def opened_seekable(file: InputFile) -> Iterator[BinaryIO]:
    """Open a file for random access; a packed one is unpacked into a temporary file."""
    with network_errors_classified(file.name), file.open() as stored:
        if container_of(read_head(stored)) is None and can_rewind(stored):
            yield stored
            return
    with tempfile.TemporaryFile() as unpacked_:
        with opened(file) as content:
            shutil.copyfileobj(content, unpacked_)
        unpacked_.seek(0)
        yield cast("BinaryIO", unpacked_)


def contents(file: InputFile, *, depth: int = 1) -> Iterator[InputFile]:
    """Yield a stored file, or each file of a tar archive, in natural order as in a folder.

    A file of an archive is unpacked to disk when the archive yields it, and deleted when the next one is
    requested. An archive is read twice, first for the names of its files.

    Raises:
        CorpusFormatError: the archive is damaged or empty, changes while it is read, or nests too deeply.
        ConfigError, OSError: as for `network_errors_classified`.
    """
    layers = _layers(file)
    if layers[-1:] != ("tar",):
        yield replace(file, packed=(*file.packed, *layers))
        return
    if depth > MOST_LAYERS:
        raise CorpusFormatError(f"{file.name}: archives nested more than {MOST_LAYERS} deep; unpack them")
    with _members(file) as members:
        names = [name for name, _ in members]
    in_order = sorted(names, key=natural_order)
    moved = {name for name, other in zip(names, in_order, strict=True) if name != other}
    with tempfile.TemporaryDirectory(prefix="seqtag-") as folder, _members(file) as members:
        waiting: dict[str, Path] = {}
        n_read = 0
        for number, (name, member) in enumerate(members):
            waiting[name] = Path(folder, str(number))
            with waiting[name].open("wb") as copy:
                shutil.copyfileobj(member, copy)
            while n_read < len(in_order) and in_order[n_read] in waiting:
                name, n_read = in_order[n_read], n_read + 1
                path = waiting.pop(name)
                found = InputFile(
                    f"{file.name}/{name}",
                    str(path),
                    LocalFileSystem(),
                    packed=(*file.packed, *layers),
                    origin=f"{file.location}/{name}",
                    moved=name in moved,
                )
                yield from contents(found, depth=depth + 1)
                path.unlink()
        if waiting or n_read < len(in_order):
            raise CorpusFormatError(
                f"{file.name}: archive changed while it was read; try again when it is complete"
            )


@contextmanager
def _members(archive: InputFile) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """Open a tar archive, packed or not, and return its files with their names, in archive order."""
    with (
        network_errors_classified(archive.name),
        archive.open() as stored,
        unpacked(stored, archive.name) as (content, _),
    ):
        yield tar_members(content, archive.name)


def _layers(file: InputFile) -> tuple[str, ...]:
    with (
        network_errors_classified(file.name),
        cast("BinaryIO", file.filesystem.open(file.path, "rb", block_size=_SNIFFED_BYTES)) as stored,
        unpacked(stored, file.name) as (_, layers),
    ):
        return layers


def _shown(file: InputFile) -> str:
    return hide_passwords(file.location.rstrip("/"))


def _matches(text: str, folder: Path | None) -> Listing:
    shown = hide_passwords(text)
    found: list[str] = []
    n_hidden = 0
    try:
        with network_errors_classified(text):
            for place in _places(expand(text), folder):
                filesystem, path = fsspec.url_to_fs(place)
                filesystem.invalidate_cache()  # otherwise a process would see the first listing of a bucket
                found, n_hidden = _found(filesystem, path, shown)
                if found:
                    break
    except (ValueError, ImportError) as error:
        # The message may quote the URL, and with it the value of a variable.
        why = hide_passwords(first_line(error)) if expand(text) == text else type(error).__name__
        raise ConfigError(f"corpus.sources: {shown!r} cannot be opened: {why}") from None
    if not found:
        also = (
            ""
            if folder is None or not _is_relative(expand(text))
            else f", in {folder} or the working directory"
        )
        raise ConfigError(
            f"corpus.sources: {shown!r} matches no file: expected an existing file or folder, or a glob that "
            f"matches files{also}; correct the path"
        )
    files = [InputFile("", path, filesystem) for path in found]
    named = tuple(replace(file, name=_shown(file).rsplit("/", 1)[-1]) for file in files)
    return Listing(named, n_hidden)


def _places(text: str, folder: Path | None) -> list[str]:
    """Return the paths that a path or URL may mean, in the order in which they are tried."""
    if folder is None or not _is_relative(text):
        return [text]
    literal = str(folder / text)
    return [*dict.fromkeys((literal, f"{glob.escape(str(folder))}/{text}")), text]


def _is_relative(text: str) -> bool:
    return "://" not in text and "::" not in text and not text.startswith(("/", "~"))


def _found(filesystem: AbstractFileSystem, path: str, shown: str) -> tuple[list[str], int]:
    """Return the files at a path and the number of hidden ones left out; none if nothing is there."""
    kind = kind_of(filesystem, path)
    if kind == "file":  # first, so that a name with brackets is not taken for a glob
        return [path], 0
    if kind == "directory":
        return in_folder(filesystem, path, shown)
    if any(character in path for character in "*?["):
        return globbed(filesystem, path, shown)
    return [], 0
