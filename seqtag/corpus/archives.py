"""The files in zip and tar archives."""

from __future__ import annotations

import errno
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from tarfile import EOFHeaderError, HeaderError, ReadError  # type: ignore[attr-defined]  # typeshed lacks one
from typing import IO, BinaryIO, Self, cast

from seqtag.corpus.folders import is_hidden, listed
from seqtag.errors import CorpusFormatError

_BUFFER_BYTES = 1 << 18


def tar_members(archive: BinaryIO, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the regular files of a tar archive with their names, streamed in their order.

    Each must be read before the next is asked for. Folders, links and hidden files are left out.

    Raises:
        CorpusFormatError: there is no file in it, two files of one name, or something behind its end.
        tarfile.TarError: it is damaged or cut short.
    """
    seen: set[str] = set()
    with tarfile.open(
        fileobj=archive,
        mode="r|",
        bufsize=_BUFFER_BYTES,
        tarinfo=_StrictHeader,
        encoding="utf-8",
        errors="backslashreplace",
    ) as tar:
        while (header := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps all of them
            parts = [part for part in header.name.split("/") if part not in ("", ".")]
            content = tar.extractfile(header) if header.isreg() else None
            if content is None or any(map(is_hidden, parts)):
                continue
            member = "/".join(parts)
            if member in seen:
                raise CorpusFormatError(
                    f"{name}: '{member}' is in this tar archive twice; pack each file once"
                )
            seen.add(member)
            yield member, cast("BinaryIO", content)
        behind = cast("BinaryIO", tar.fileobj)
        while block := behind.read(_BUFFER_BYTES):
            if block.strip(b"\0"):
                raise CorpusFormatError(
                    f"{name}: data behind the end of this tar archive, as if two were joined; "
                    "name both, or pack their files as one"
                )
    if not seen:
        raise CorpusFormatError(f"{name}: no files in this tar archive, expected at least one")


@contextmanager
def only_member(archive: IO[bytes], name: str) -> Iterator[BinaryIO]:
    """Open the only file of a zip archive.

    Raises:
        CorpusFormatError: there are more or none, or it is encrypted or packed in a way that Python lacks.
        zipfile.BadZipFile: the archive is damaged.
    """
    with _opened_zip(archive) as opened:
        members = [
            member
            for member in opened.infolist()
            if not member.is_dir() and not any(map(is_hidden, member.filename.split("/")))
        ]
        names = [member.filename for member in members]
        if "xl/workbook.xml" in names:
            raise CorpusFormatError(f"{name}: an Excel workbook, which cannot be read; save its sheet as CSV")
        if len(members) != 1:
            raise CorpusFormatError(
                f"{name}: {len(members)} files in this zip archive, expected one"
                + (f" ({listed(names)}); unpack it, or pack the files with tar" if members else "")
            )
        try:
            with _damage_named():
                member = opened.open(members[0])
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in a way Python lacks
            raise CorpusFormatError(
                f"{name}: the zip member {names[0]!r} cannot be read ({error}); unpack it"
            ) from error
        with member:
            yield cast("BinaryIO", member)


def _opened_zip(archive: IO[bytes]) -> zipfile.ZipFile:
    try:
        with _damage_named():
            return zipfile.ZipFile(archive)
    except NotImplementedError as error:  # a damaged version number
        raise zipfile.BadZipFile(str(error)) from error


@contextmanager
def _damage_named() -> Iterator[None]:
    """Tell a place that no file has, which a damaged table of contents names, from an error of the disk."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise zipfile.BadZipFile("its table of contents points outside of it") from error
        raise


def is_tar(head: bytes) -> bool:
    if len(head) >= 2 * tarfile.BLOCKSIZE and not head.strip(
        b"\0"
    ):  # the end of an archive, and nothing before it
        return True
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "backslashreplace")
    except tarfile.HeaderError:
        return False
    return True


class _StrictHeader(tarfile.TarInfo):
    """The header of a tar member. Python takes a damaged one, or none, for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except HeaderError as error:
            raise ReadError(f"{error} at byte {tarfile.offset:,}") from error
