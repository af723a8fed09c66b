"""Find and open the files of a source: variables, globs, folders, URLs, compression and archives.

What is in the files is left to `text.py` and to the formats.

The query of a URL may hold a signature that is renewed every day: no name, fingerprint or message holds it.
Where it says which object is meant (`?id=42`), two such files are numbered, and their bytes tell whether they
have changed.
"""

from __future__ import annotations

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

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_SNIFFED_BYTES = 1 << 18  # fetched at a time to see what a file is packed in
_QUERY_OF_URL = re.compile(r"[?#].*", re.DOTALL)
_QUERY_OF_KEY = re.compile(r"\?[\w.%~-]+=.*", re.DOTALL)  # a `#` or a bare `?` may belong to the name


@dataclass(frozen=True)
class InputFile:
    """One file of a source."""

    name: str  # in messages and sequence ids: the end of its location, as much as tells it from other files
    path: str  # in its file system; may hold secrets
    filesystem: AbstractFileSystem
    packed: tuple[str, ...] = ()  # what `contents` found around it, the outermost first: ("gzip", "tar")
    origin: str = ""  # of a file out of an archive: the archive's location, and the name in it
    moved: bool = False  # of a file out of an archive: it has another place there than by its name

    @property
    def location(self) -> str:
        """The path without query and fragment."""
        if self.origin:
            return self.origin
        return (_QUERY_OF_URL if "://" in self.path else _QUERY_OF_KEY).sub("", self.path)

    def open(self) -> BinaryIO:
        """Open the bytes as they are stored."""
        return cast("BinaryIO", self.filesystem.open(self.path, "rb"))


@dataclass(frozen=True)
class Listing:
    """The files that some paths name."""

    files: tuple[InputFile, ...]
    n_hidden: int  # files left out


def expand(text: str, *, key: str = "corpus.sources") -> str:
    """Replace each `${VARIABLE}` by its value in the environment.

    Args:
        key: of the configuration, which the message names.

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


def list_files(paths: str | Sequence[str]) -> Listing:
    """Return the files behind paths, globs, folders and fsspec URLs: lists in their order, others by name.

    A folder is read if its files are parts of one export: hive partitions, or `part-*`. Hidden files, and the
    markers of Spark and others (`_SUCCESS`), are left out of globs and folders.

    Raises:
        ConfigError: a path or glob that stands for no file, a folder of other files, an unset variable, an
            unknown kind of URL.
        OSError: the file system, the network or the server fails; trying again may help.
    """
    found = [_matches(path) for path in ([paths] if isinstance(paths, str) else paths)]
    return Listing(tuple(file for each in found for file in each.files), sum(each.n_hidden for each in found))


def with_distinct_names(files: Sequence[InputFile]) -> list[InputFile]:
    """Return the files with names so long that different paths have different names.

    `train/part-0.parquet` and `test/part-0.parquet` keep their folders; a lone `train.conll` does not. Files
    that differ in their queries alone are numbered in their order: `download`, `download~2`.
    """
    paths: dict[str, list[str]] = {}  # location, as it may be shown: the paths there
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
    """Open a file for reading its content, unpacked; its first bytes tell how it is packed.

    Raises:
        CorpusFormatError: inside the `with`, when the packed data are damaged or cut short, or the file is
            an archive.
        ConfigError, OSError: as `network_errors_classified`.
    """
    with (
        network_errors_classified(file.name),
        file.open() as stored,
        unpacked(stored, file.name) as (content, layers),
    ):
        if layers[-1:] == ("tar",):
            raise CorpusFormatError(f"{file.name}: a tar archive where one file was expected; unpack it")
        yield content


@contextmanager
def opened_seekable(file: InputFile) -> Iterator[BinaryIO]:
    """Open a file so that it can be read from its end; a packed one is unpacked into a temporary file."""
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
    """Yield what a stored file holds: itself, or each file of a tar archive, in natural order as in a folder.

    A file of an archive is unpacked to disk, from where the archive has it until the next is asked for. An
    archive is read twice, first for the names of its files.

    Raises:
        CorpusFormatError: the archive is damaged, is empty, changes while it is read, or holds archives
            in archives in archives.
        ConfigError, OSError: as `network_errors_classified`.
    """
    layers = _layers(file)
    if layers[-1:] != ("tar",):
        yield replace(file, packed=(*file.packed, *layers))
        return
    if depth > MOST_LAYERS:
        raise CorpusFormatError(
            f"{file.name}: archives in archives, more than {MOST_LAYERS} deep; unpack them"
        )
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
                f"{file.name}: the archive changed while it was read; read it again when it is complete"
            )


@contextmanager
def _members(archive: InputFile) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """Open a tar archive, packed or not, and give its files with their names, in its order."""
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


def _matches(text: str) -> Listing:
    shown = hide_passwords(text)
    try:
        with network_errors_classified(text):
            filesystem, path = fsspec.url_to_fs(expand(text))
            filesystem.invalidate_cache()  # else a process would see a bucket as it was when it first looked
            kind = kind_of(filesystem, path)
            if kind == "file":  # first, so that a name with brackets is no glob
                found, n_hidden = [path], 0
            elif kind == "directory":
                found, n_hidden = in_folder(filesystem, path, shown)
            elif any(character in path for character in "*?["):
                found, n_hidden = globbed(filesystem, path, shown)
            else:
                found, n_hidden = [], 0
    except (ValueError, ImportError) as error:
        # What it says may hold parts of the URL, and so of a variable.
        why = hide_passwords(_first_line(error)) if expand(text) == text else type(error).__name__
        raise ConfigError(f"corpus.sources: {shown!r} cannot be opened: {why}") from None
    if not found:
        raise ConfigError(
            f"corpus.sources: {shown!r} names no file: expected a file, a folder or a glob that matches "
            "some, got no such file; correct the path"
        )
    files = [InputFile("", path, filesystem) for path in found]
    named = tuple(replace(file, name=_shown(file).rsplit("/", 1)[-1]) for file in files)
    return Listing(named, n_hidden)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
