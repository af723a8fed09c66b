"""Diagnose text in an encoding other than declared, and byte order marks of concatenated files."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from seqtag.corpus.files import InputFile
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import EncodingError

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_MARK = codecs.BOM_UTF8
# Marks at the start of a line. One between a line end and a separator is a whole cell, and stays.
_STRAY_MARKS = re.compile(rb"(?<=[\r\n])(?:\xef\xbb\xbf)+(?![\t ,;|])")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Utf8Check:
    """Detect UTF-8 in a file that is read in another encoding.

    Text in a one-byte encoding is hardly ever valid UTF-8 unless it is ASCII.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder = None if _is_unicode(encoding) else codecs.getincrementaldecoder("utf-8")()
        self._line = 1
        self._first = ""  # non-ASCII character

    def add(self, stored: bytes, *, final: bool) -> None:
        """Check the next bytes of the file."""
        if self._decoder is None:
            return
        try:
            text = self._decoder.decode(stored, final)
        except UnicodeDecodeError:
            self._decoder = None
            return
        if not self._first:
            found = None if text.isascii() else _NOT_ASCII.search(text)
            self._line += text.count("\n", 0, found.start() if found else len(text))
            self._first = found[0] if found else ""

    def warn(self, report: SourceReport, name: str) -> None:
        """Warn if the bytes are valid UTF-8 and not all ASCII."""
        if self._decoder is None or not self._first:
            return
        read = self._first.encode().decode(self._encoding, "replace")
        report.warn(
            "utf-8 in another encoding",
            f"text is valid UTF-8 but was read as {self._encoding}: expected {self._first!r}, got {read!r}; "
            'set encoding = "utf-8"',
            place=f"{name}:{self._line}",
        )


class StrayMarks:
    """Remove byte order marks at line starts, which concatenating files leaves behind."""

    def __init__(self) -> None:
        self._last = b"\n"  # byte before the next block
        self._held = b""  # marks at the end of a block, whose meaning depends on the next one
        self._n_removed = 0
        self._first_line = 0

    def removed(self, text: bytes, *, line: int, final: bool) -> bytes:
        """Return the next block of UTF-8, which begins in line `line`, without such marks."""
        text, self._held = self._held + text, b""
        if _MARK[:1] in text and _MARK in text:  # searching for one byte is much faster
            end = len(text)
            while not final and text.endswith(_MARK, 0, end):
                end -= len(_MARK)
            text, self._held = self._without(text[:end], line), text[end:]
        self._last = text[-1:] or self._last
        return text

    def _without(self, text: bytes, line: int) -> bytes:
        before = self._last + text
        found = _STRAY_MARKS.search(before)
        if found is None:
            return text
        if not self._n_removed:
            self._first_line = line + before.count(b"\n", 1, found.start())
        after = _STRAY_MARKS.sub(b"", before)[1:]
        self._n_removed += (len(text) - len(after)) // len(_MARK)
        return after

    def warn(self, report: SourceReport, name: str) -> None:
        """Count the removed marks, and warn of them at the place of the first."""
        report.change("byte order marks within a file removed", self._n_removed)
        report.warn(
            "byte order marks",
            "removed a byte order mark within the file: files seem to be concatenated here; check that a "
            "sequence ends above this line and that no header is repeated",
            place=f"{name}:{self._first_line}",
            count=self._n_removed,
        )


def encoding_error(
    file: InputFile, encoding: str, mark: bytes, line: int, n_bytes: int, error: UnicodeError
) -> EncodingError:
    """Return the error for text that is not `encoding`, with the place and the probable encodings.

    Args:
        mark: first bytes of the file.
        n_bytes: number of bytes read so far, including those that `error` is about.
    """
    if not isinstance(error, UnicodeDecodeError):
        return EncodingError(f"{file.name}:{line}: text is not {encoding}: {error}")
    good = error.object[: error.start]
    line += good.count(b"\n")
    byte = n_bytes - len(error.object) + error.start + 1
    return EncodingError(
        f"{file.name}:{line}: text is not {encoding}: 0x{error.object[error.start]:02x} at byte {byte} of "
        f"the file ({error.reason})",
        *_probable_encodings(mark, encoding),
    )


def misread_mark(start: bytes, encoding: str) -> bool:
    """Return whether text begins with the byte order mark of UTF-8, which `encoding` decodes as letters.

    >>> misread_mark(codecs.BOM_UTF8 + b"a", "cp1252"), misread_mark(codecs.BOM_UTF8 + b"a", "utf-8")
    (True, False)
    """
    return start.startswith(_MARK) and not _is_unicode(encoding)


def _probable_encodings(mark: bytes, encoding: str) -> tuple[str, Sequence[str]]:
    """Return advice for a tagger's file, and the encodings that a text declared as UTF-8 is probably in."""
    if mark.startswith(_UTF_32_MARKS):
        return 'the file begins with the byte order mark of UTF-32: set encoding = "utf-32"', ["utf-32"]
    if mark.startswith(_UTF_16_MARKS):
        return 'the file begins with the byte order mark of UTF-16: set encoding = "utf-16"', ["utf-16"]
    if codecs.lookup(encoding).name == "ascii":
        return 'set encoding = "utf-8", or "cp1252" or "latin-1" for an old file or one from Windows', []
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        old = 'for an old file or one from Windows, set encoding = "cp1252" or "latin-1"'
        return old, ["cp1252", "latin-1"]
    return 'encoding = "utf-8" is the default', []


def _is_unicode(encoding: str) -> bool:
    return codecs.lookup(encoding).name.startswith("utf-")
