"""Find and open the files of a source: variables, globs, URLs, compression.

What is in the files is left to `text.py` and to the formats.

The query of a URL may hold a signature that is renewed every day: no name, fingerprint or message holds it.
Where it says which object is meant (`?id=42`), two such files are numbered, and their bytes tell whether they
have changed.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, cast

import fsspec
import pyarrow as pa

from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError, CorpusFormatError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ABSENT = (404, 410)  # answers of HTTP: there is no such file
_LATER = (408, 425, 429)  # try again
_SERVER_ERROR = 500  # and above
_COMPRESSIONS = {".gz": "gzip", ".zst": "Zstandard", ".bz2": "bzip2"}
_QUERY_OF_URL = re.compile(r"[?#].*", re.DOTALL)
_QUERY_OF_KEY = re.compile(r"\?[\w.%~-]+=.*", re.DOTALL)  # a `#` or a bare `?` may belong to the name


@dataclass(frozen=True)
class InputFile:
    """One file of a source."""

    name: str  # in messages and sequence ids: the end of its location, as much as tells it from other files
    path: str  # in its file system; may hold secrets
    filesystem: AbstractFileSystem

    @property
    def location(self) -> str:
        """The path without query and fragment."""
        return (_QUERY_OF_URL if "://" in self.path else _QUERY_OF_KEY).sub("", self.path)

    @property
    def compression(self) -> str | None:
        return next((c for suffix, c in _COMPRESSIONS.items() if self.location.endswith(suffix)), None)

    def open(self) -> BinaryIO:
        """Open the bytes as they are stored."""
        return cast("BinaryIO", self.filesystem.open(self.path, "rb"))


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
                f"{key}: environment variable {name} was required. Received: nothing, it is not set"
            )
        return os.environ[name]

    return _VARIABLE.sub(value, text)


def find_files(paths: str | Sequence[str]) -> list[InputFile]:
    """Return the files behind paths, globs and fsspec URLs: lists in their order, globs sorted.

    Raises:
        ConfigError: a path or glob that stands for no file, an unset variable, an unknown kind of URL.
        OSError: the file system, the network or the server fails; trying again may help.
    """
    return [file for path in ([paths] if isinstance(paths, str) else paths) for file in _matches(path)]


def told_apart(files: Sequence[InputFile]) -> list[InputFile]:
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


def _shown(file: InputFile) -> str:
    return hide_passwords(file.location.rstrip("/"))


@contextmanager
def opened(file: InputFile) -> Iterator[BinaryIO]:
    """Open a file for reading its content, unpacked.

    Raises:
        CorpusFormatError: inside the `with`, when the compressed data are damaged or cut short.
        ConfigError, OSError: as `over_the_network`.
    """
    with over_the_network(file.name), file.open() as stored:
        try:
            match file.compression:
                case "gzip":
                    yield cast("BinaryIO", gzip.GzipFile(fileobj=stored))
                case "bzip2":
                    yield cast("BinaryIO", bz2.BZ2File(stored))
                case "Zstandard":
                    yield cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd"))
                case _:
                    yield stored
        except (EOFError, zlib.error, OSError) as error:
            if file.compression is None or comes_from_below(error):
                raise
            raise CorpusFormatError(
                f"{file.name}: whole {file.compression} data were required. Received: {error}"
            ) from error


@contextmanager
def over_the_network(name: str) -> Iterator[None]:
    """Tell what may pass by itself from what does not, where a remote store or a server fails.

    Args:
        name: of what is read, for the message.

    Raises:
        ConfigError: inside the `with`, when a server refuses it, or there are no credentials.
        ConnectionError: inside the `with`, when it cannot be reached.
        FileNotFoundError, PermissionError: inside the `with`, when a store says so of a file.
    """
    # What the errors of stores say holds the URL, with the values of variables.
    try:
        yield
    except Exception as error:
        if _is_of_network(error):
            raise _refused(hide_passwords(name), error) from None
        if _is_of_store(error):
            number = errno.ENOENT if isinstance(error, FileNotFoundError) else errno.EACCES
            raise OSError(number, os.strerror(number), hide_passwords(name)) from None
        raise


def comes_from_below(error: BaseException) -> bool:
    """Tell an error of a disk, a store or the network from one of a decompressor, which has no number."""
    return getattr(error, "errno", None) is not None or _is_of_network(error) or _is_of_store(error)


def _matches(text: str) -> list[InputFile]:
    shown = hide_passwords(text)
    try:
        with over_the_network(text):
            filesystem, path = fsspec.url_to_fs(expand(text))
            filesystem.invalidate_cache()  # else a process would see a bucket as it was when it first looked
            if _is_file(filesystem, path):  # first, so that a name with brackets is no glob
                found = [path]
            else:
                is_glob = any(character in path for character in "*?[")
                found = sorted(p for p in filesystem.glob(path) if _is_file(filesystem, p)) if is_glob else []
    except (ValueError, ImportError) as error:
        # What it says may hold parts of the URL, and so of a variable.
        why = hide_passwords(_first_line(error)) if expand(text) == text else type(error).__name__
        raise ConfigError(f"corpus.sources: {shown!r} cannot be opened: {why}") from None
    if not found:
        raise ConfigError(f"corpus.sources: {shown!r} was required to name a file. Received: no such file")
    files = [InputFile("", path, filesystem) for path in found]
    return [replace(file, name=_shown(file).rsplit("/", 1)[-1]) for file in files]


def _is_file(filesystem: AbstractFileSystem, path: str) -> bool:
    """Return whether there is such a file; unlike fsspec, tell one that is not there from one out of reach.

    Raises:
        OSError, aiohttp.ClientError: the network, the server or a missing right stands between.
    """
    try:
        return bool(filesystem.info(path)["type"] == "file")
    except (FileNotFoundError, NotADirectoryError) as error:
        reason = error.__cause__  # over HTTP every failure is called a missing file, and the cause says which
        if reason is not None and _is_of_network(reason) and getattr(reason, "status", None) not in _ABSENT:
            raise reason from None
        return False


def _is_of_network(error: BaseException) -> bool:
    return type(error).__module__.startswith(("aiohttp", "botocore")) or isinstance(error, TimeoutError)


def _is_of_store(error: BaseException) -> bool:
    return isinstance(error, FileNotFoundError | PermissionError) and error.errno is None


def _refused(text: str, error: Exception) -> Exception:
    """Return what to raise where a server does not give a file: may trying again help?"""
    status = getattr(error, "status", None)
    if status is None:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "BotoCoreError" in kinds and "HTTPClientError" not in kinds and "ConnectionError" not in kinds:
            return ConfigError(f"corpus.sources: {text!r} cannot be opened: {type(error).__name__}")
        return ConnectionError(f"corpus.sources: {text!r} cannot be reached: {type(error).__name__}")
    kind = ConnectionError if status >= _SERVER_ERROR or status in _LATER else ConfigError
    return kind(f"corpus.sources: {text!r} cannot be opened: the server answers {status}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
