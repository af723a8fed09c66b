"""Read the files in zip and tar archives."""

from __future__ import annotations

import errno
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from tarfile import EOFHeaderError, HeaderError, ReadError  # type: ignore[attr-defined]  # typeshed lacks one
from typing import IO, BinaryIO, Self, cast

from seqtag.corpus.folders import is_hidden
from seqtag.corpus.source_report import listed
from seqtag.errors import CorpusFormatError

_BUFFER_BYTES = 1 << 18


def tar_members(archive: BinaryIO, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the regular files of a tar archive with their names, streamed in archive order.

    Read each file before requesting the next. Folders, links and hidden files are skipped.

    Raises:
        CorpusFormatError: the archive has no files, two files of the same name, or data after its end.
        tarfile.TarError: the archive is damaged or truncated.
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
            tar.members = []  # type: ignore[attr-defined]  # otherwise it keeps every header
            parts = [part for part in header.name.split("/") if part not in ("", ".")]
            content = tar.extractfile(header) if header.isreg() else None
            if content is None or any(map(is_hidden, parts)):
                continue
            member = "/".join(parts)
            if member in seen:
                raise CorpusFormatError(
                    f"{name}: duplicate file '{member}' in this tar archive; pack each file once"
                )
            seen.add(member)
            yield member, cast("BinaryIO", content)
        rest = cast("BinaryIO", tar.fileobj)
        while block := rest.read(_BUFFER_BYTES):
            if block.strip(b"\0"):
                raise CorpusFormatError(
                    f"{name}: data after the end of this tar archive, as if two were concatenated; "
                    "list both, or pack their files into one"
                )
    if not seen:
        raise CorpusFormatError(f"{name}: no files in this tar archive, expected at least one")


@contextmanager
def only_member(archive: IO[bytes], name: str) -> Iterator[BinaryIO]:
    """Open the only file of a zip archive.

    Raises:
        CorpusFormatError: the archive does not hold exactly one file, or the file is encrypted or compressed
            by a method that Python does not support.
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
            raise CorpusFormatError(f"{name}: Excel workbooks cannot be read; save the sheet as CSV")
        if len(members) != 1:
            raise CorpusFormatError(
                f"{name}: {len(members)} files in this zip archive, expected one"
                + (f" ({listed(names)}); unpack it, or pack the files with tar" if members else "")
            )
        try:
            with _damage_as_bad_zip():
                member = opened.open(members[0])
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unsupported method
            raise CorpusFormatError(
                f"{name}: zip member {names[0]!r} cannot be read ({error}); unpack it"
            ) from error
        with member:
            yield cast("BinaryIO", member)


def _opened_zip(archive: IO[bytes]) -> zipfile.ZipFile:
    try:
        with _damage_as_bad_zip():
            return zipfile.ZipFile(archive)
    except NotImplementedError as error:  # a damaged version number
        raise zipfile.BadZipFile(str(error)) from error


@contextmanager
def _damage_as_bad_zip() -> Iterator[None]:
    """Raise BadZipFile for an impossible seek, which a damaged archive causes, but no other disk error."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise zipfile.BadZipFile("its central directory points outside the file") from error
        raise


def is_tar(head: bytes) -> bool:
    if len(head) >= 2 * tarfile.BLOCKSIZE and not head.strip(b"\0"):  # the end marker of an empty archive
        return True
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "backslashreplace")
    except tarfile.HeaderError:
        return False
    return True


class _StrictHeader(tarfile.TarInfo):
    """A tar header that raises if damaged or missing, which `tarfile` takes for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except HeaderError as error:
            raise ReadError(f"{error} at byte {tarfile.offset:,}") from error
