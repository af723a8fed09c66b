"""Find and open the files of a source: variables, globs, URLs, compression.

What is in the files is left to `text.py` and to the formats.
"""

from __future__ import annotations

import bz2
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

from seqtag.errors import ConfigError, CorpusFormatError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_COMPRESSIONS = {".gz": "gzip", ".zst": "Zstandard", ".bz2": "bzip2"}


@dataclass(frozen=True)
class InputFile:
    """One file of a source."""

    name: (
        str  # what messages and sequence ids call it: the end of its path, as far as needed to tell it apart
    )
    path: str
    filesystem: AbstractFileSystem

    @property
    def compression(self) -> str | None:
        return next((c for suffix, c in _COMPRESSIONS.items() if self.path.endswith(suffix)), None)

    def open(self) -> BinaryIO:
        """Open the bytes as they are stored."""
        return cast("BinaryIO", self.filesystem.open(self.path, "rb"))


def expand(text: str) -> str:
    """Replace each `${VARIABLE}` by its value in the environment.

    Raises:
        ConfigError: a variable is unset or empty; the message names it.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if not os.environ.get(name):
            raise ConfigError(
                f"corpus.sources: environment variable {name} was required by a source. "
                "Received: nothing, it is not set"
            )
        return os.environ[name]

    return _VARIABLE.sub(value, text)


def find_files(paths: str | Sequence[str]) -> list[InputFile]:
    """Return the files behind paths, globs and fsspec URLs: lists in their order, globs sorted.

    Raises:
        ConfigError: a path or glob that stands for no file, an unset variable, an unknown kind of URL.
    """
    return [file for path in ([paths] if isinstance(paths, str) else paths) for file in _matches(path)]


def told_apart(files: Sequence[InputFile]) -> list[InputFile]:
    """Return the files with names so long that different paths have different names.

    `train/part-0.parquet` and `test/part-0.parquet` keep their folders; a lone `train.conll` does not.
    """
    depth = dict.fromkeys({file.path for file in files}, 1)
    while True:
        names = {path: "/".join(path.split("/")[-n:]) for path, n in depth.items()}
        shared = {name for name, count in Counter(names.values()).items() if count > 1}
        if not shared or all(n > path.count("/") + 1 for path, n in depth.items() if names[path] in shared):
            return [replace(file, name=names[file.path]) for file in files]
        depth = {path: n + (names[path] in shared) for path, n in depth.items()}


@contextmanager
def opened(file: InputFile) -> Iterator[BinaryIO]:
    """Open a file for reading its content, unpacked.

    Raises:
        CorpusFormatError: inside the `with`, when the compressed data are damaged or cut short.
    """
    with file.open() as stored:
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
            # Decompressors raise OSError without a number; one with a number comes from below them.
            if file.compression is None or getattr(error, "errno", None) is not None:
                raise
            raise CorpusFormatError(
                f"{file.name}: whole {file.compression} data were required. Received: {error}"
            ) from error


def _matches(text: str) -> list[InputFile]:
    try:
        filesystem, path = fsspec.url_to_fs(expand(text))
        if filesystem.isfile(path):  # first, so that a name with brackets is no glob
            found = [path]
        else:
            has_magic = any(character in path for character in "*?[")
            found = sorted(p for p in filesystem.glob(path) if filesystem.isfile(p)) if has_magic else []
    except (ValueError, ImportError) as error:
        raise ConfigError(f"corpus.sources: {text!r} cannot be opened: {_first_line(error)}") from error
    if not found:
        raise ConfigError(f"corpus.sources: {text!r} was required to name a file. Received: no such file")
    return [InputFile(p.rsplit("/", 1)[-1], p, filesystem) for p in found]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
