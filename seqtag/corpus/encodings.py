"""Errors of text that is not in its encoding, with a probable one."""

from __future__ import annotations

import codecs

from seqtag.corpus.files import InputFile
from seqtag.errors import CorpusFormatError

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def encoding_error(
    file: InputFile, encoding: str, mark: bytes, line: int, n_bytes: int, error: UnicodeError
) -> CorpusFormatError:
    """Say where the text stops being `encoding`, and what it may be.

    Args:
        mark: the first bytes of the file.
        n_bytes: read up to the end of what was decoded.
    """
    if not isinstance(error, UnicodeDecodeError):
        return CorpusFormatError(f"{file.name}:{line}: text is not {encoding}: {error}")
    good = error.object[: error.start]
    line += good.count(b"\n")
    byte = n_bytes - len(error.object) + error.start + 1
    return CorpusFormatError(
        f"{file.name}:{line}: text is not {encoding}: 0x{error.object[error.start]:02x} at byte {byte} of "
        f"the file ({error.reason}); {_probable_encoding(mark, encoding)}"
    )


def misread_mark(start: bytes, encoding: str) -> bool:
    """Tell whether text begins with the byte order mark of UTF-8 and `encoding` makes letters of it.

    >>> misread_mark(codecs.BOM_UTF8 + b"a", "cp1252"), misread_mark(codecs.BOM_UTF8 + b"a", "utf-8")
    (True, False)
    """
    if not start.startswith(codecs.BOM_UTF8):
        return False
    return not codecs.lookup(encoding).name.startswith("utf-")


def _probable_encoding(mark: bytes, encoding: str) -> str:
    if mark.startswith(_UTF_32_MARKS):
        return 'the file begins with the mark of UTF-32: set encoding = "utf-32"'
    if mark.startswith(_UTF_16_MARKS):
        return 'the file begins with the mark of UTF-16: set encoding = "utf-16"'
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii"):
        return 'if it is from Windows or old, set encoding = "cp1252" or "latin-1"'
    return 'encoding = "utf-8" is the default'
