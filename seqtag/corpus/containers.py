"""Detect compressed data and archives by their first bytes: gzip, Zstandard, bzip2, xz, zip and tar.

Text is not mistaken for them: the signatures contain bytes that do not occur in text.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import PurePosixPath
from tarfile import TarError
from typing import BinaryIO, cast
from zipfile import BadZipFile

import pyarrow as pa

from seqtag.corpus.archives import is_tar, only_member
from seqtag.corpus.remote import is_storage_error
from seqtag.errors import CorpusFormatError, EncodingError

HEAD_BYTES = 1024  # read to detect packing; two blocks of a tar archive
MOST_LAYERS = 4  # of nested compression, and of nested archives
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, BadZipFile, TarError)

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # bytes that do not occur in text
_SIGNATURES = (
    ("gzip", re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")),  # method and flags; the upper three are reserved
    ("bzip2", re.compile(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)")),  # block or end
    ("xz", re.compile(rb"\xfd7zXZ\x00")),
    ("zip", re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)")),
    ("7-Zip", re.compile(rb"7z\xbc\xaf\x27\x1c")),
    ("RAR", re.compile(rb"Rar!\x1a\x07")),
    ("LZ4", re.compile(rb"\x04\x22\x4d\x18")),
    ("Snappy", re.compile(rb"\xff\x06\x00\x00sNaPpY")),
    ("Unix compress", re.compile(rb"\x1f\x9d[\x80-\x9f]")),
)
_ZSTANDARD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or a skippable one before it
# The packing that a file name implies, by suffix, outermost layer first.
_SUFFIXES = {
    ".gz": ("gzip",),
    ".zst": ("Zstandard",),
    ".bz2": ("bzip2",),
    ".xz": ("xz",),
    ".zip": ("zip",),
    ".tar": ("tar",),
    ".tgz": ("gzip", "tar"),
    ".tbz2": ("bzip2", "tar"),
    ".txz": ("xz", "tar"),
}
_PARQUET = b"PAR1"
# Binary files: first bytes, description, and the setting to use.
_NOT_TEXT = (
    (rb"PAR1[\x00-\x08\x0e-\x1f]", "Parquet", 'format = "parquet", or "parquet-long" with one token a row'),
    (rb"SQLite format 3\x00", "a SQLite database", 'format = "sql" and url = "sqlite:///PATH"'),
)
_UTF_16 = (
    (rb"(?:[\t\n\r -~]\x00){2}", "utf-16-le"),
    (rb"(?:\x00[\t\n\r -~]){2}", "utf-16-be"),
)


def container_of(head: bytes) -> str | None:
    """Detect the packing of a file from its first `HEAD_BYTES`; None for plain content.

    >>> container_of(b"\\x1f\\x8b\\x08\\x00..."), container_of(b"BZh9 is a token"), container_of(b"")
    ('gzip', None, None)
    """
    for name, signature in _SIGNATURES:
        if signature.match(head):
            return name
    if _ZSTANDARD.match(head) and _CONTROL.search(head, 4):  # the signature alone is text in Latin-1
        return "Zstandard"
    return "tar" if is_tar(head) else None


def check_text(head: bytes, encoding: str, name: str) -> None:
    """Reject content whose first bytes cannot be text in an encoding.

    Raises:
        CorpusFormatError: the content is of another kind; the message names the setting that reads it.
    """
    if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        return
    for signature, what, fix in _NOT_TEXT:
        if re.match(signature, head):
            raise CorpusFormatError(f"{name}: file is {what}: expected text in {encoding}; set {fix}")
    for signature, found in _UTF_16:
        if re.match(signature, head):
            what = f"{name}: file is UTF-16 without a byte order mark: expected text in {encoding}"
            raise EncodingError(what, f'set encoding = "{found}"', [found])


@contextmanager
def unpacked(stored: BinaryIO, name: str) -> Iterator[tuple[BinaryIO, tuple[str, ...]]]:
    """Open the content of a stored file, and return it with the layers of packing, outermost first.

    A tar archive is not opened: the last layer is then "tar", and the content is the archive.

    Args:
        stored: positioned at its beginning.
        name: name of the file, for messages.

    Raises:
        CorpusFormatError: the file is a zip archive that does not hold exactly one file, or its packing is
            not supported. Also inside the `with`, if the packed data are damaged or truncated.
    """
    layers: list[str] = []
    with ExitStack() as stack:
        try:
            stream = _peeled(stored, name, layers, stack)
            yield stream, tuple(layers)
        except DAMAGE as error:
            if not layers or is_storage_error(error):
                raise
            raise CorpusFormatError(
                f"{name}: damaged or incomplete {packing(layers)} data ({error or type(error).__name__}); "
                "copy or export the file again"
            ) from error


def packing(layers: Sequence[str]) -> str:
    """Describe the packing of a file.

    >>> packing(["gzip", "tar"]), packing([])
    ('tar in gzip', 'none')
    """
    return " in ".join(reversed(layers)) or "none"


def implied_layers(name: str) -> list[str]:
    """Return the layers of packing that the name of a file implies.

    >>> implied_layers("train.TAR.gz"), implied_layers("train.conll")
    (['tar', 'gzip'], [])
    """
    suffixes = PurePosixPath(name.lower()).suffixes[-2:]
    return [layer for suffix in suffixes for layer in _SUFFIXES.get(suffix, ())]


def can_rewind(stored: BinaryIO) -> bool:
    """Rewind a seekable stream, and return whether it is seekable."""
    try:
        stored.seek(0, os.SEEK_END)
        stored.seek(0)
    except ValueError:  # also io.UnsupportedOperation; fsspec's HTTP streams claim to be seekable
        return False
    return True


def read_head(stream: BinaryIO) -> bytes:
    """Return the first `HEAD_BYTES` of a stream, even if each read returns fewer."""
    parts: list[bytes] = []
    while (missing := HEAD_BYTES - sum(map(len, parts))) and (part := stream.read(missing)):
        parts.append(part)
    return b"".join(parts)


class _Replayed:
    """A stream whose first bytes were read already and are returned again."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    @property
    def closed(self) -> bool:
        return self._rest.closed

    def close(self) -> None:
        """Do nothing: Arrow calls this when it is done, but the stream belongs to its opener."""

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)
        given, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
        if size < 0:
            return given + self._rest.read()
        return given + self._rest.read(size - len(given)) if len(given) < size else given


def _peeled(stored: BinaryIO, name: str, layers: list[str], stack: ExitStack) -> BinaryIO:
    """Return the content, appending each layer to `layers` as it is found."""
    stream = stored
    while True:
        head = read_head(stream)
        stream = cast("BinaryIO", _Replayed(head, stream))
        layer = container_of(head)
        if layer is None:
            _check_name(name, layers, head)
            return stream
        layers.append(layer)
        if layer == "tar":
            return stream
        if len(layers) > MOST_LAYERS:
            raise CorpusFormatError(f"{name}: packed in more than {MOST_LAYERS} layers; unpack it first")
        first = stored if len(layers) == 1 and layer == "zip" and can_rewind(stored) else None
        stream = stack.enter_context(_layer(layer, first or stream, name))


def _check_name(name: str, layers: Sequence[str], head: bytes) -> None:
    """Reject binary content that is not packed as its name implies."""
    missing = [layer for layer in implied_layers(name) if layer not in layers]
    if missing and _CONTROL.search(head) and not head.startswith(_PARQUET):
        raise CorpusFormatError(
            f"{name}: not {packing(missing)} data, although its name says so; copy or export the file again"
        )


@contextmanager
def _layer(layer: str, stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Unpack one layer of a stream."""
    match layer:
        case "gzip":
            yield cast("BinaryIO", gzip.GzipFile(fileobj=stream))
        case "bzip2":
            yield cast("BinaryIO", bz2.BZ2File(stream))
        case "xz":
            yield cast("BinaryIO", lzma.LZMAFile(stream))  # noqa: SIM115 - nothing to close
        case "Zstandard":
            yield cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd"))
        case "zip":
            with ExitStack() as stack:
                if isinstance(stream, _Replayed):  # its central directory is at the end
                    copy = stack.enter_context(tempfile.TemporaryFile())
                    shutil.copyfileobj(stream, copy)
                    stream = cast("BinaryIO", copy)
                yield stack.enter_context(only_member(stream, name))
        case _:
            raise CorpusFormatError(
                f"{name}: packing {layer} is not supported; unpack the file, or pack it with gzip, "
                "Zstandard, bzip2, xz, zip or tar"
            )
