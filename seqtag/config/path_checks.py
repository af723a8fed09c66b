"""Checks of paths and URLs that need no file system."""

from __future__ import annotations

import re

from seqtag.config.secrets import hide_passwords

_UNFINISHED = re.compile(r"\$\{(?![^{}]+\})")
_NO_NAME = re.compile(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})[^{}]*\}")


def checked_path(text: str) -> str:
    """Return a path, glob or URL as it is.

    Raises:
        ValueError: it is blank, a variable has no name, no end or an impossible name, or `**` is part of a
            folder's name.

    >>> checked_path("data/**/*.conll")
    'data/**/*.conll'
    >>> checked_path(" ")
    Traceback (most recent call last):
    ...
    ValueError: path is blank: expected a file, a glob or a URL, got ' '
    """
    if not text.strip():
        raise ValueError(f"path is blank: expected a file, a glob or a URL, got {text!r}")
    if "\0" in text:
        raise ValueError(f"path holds a NUL: expected a file, a glob or a URL, got {hide_passwords(text)!r}")
    if _UNFINISHED.search(text):
        raise ValueError(
            f"variable in a path is unfinished: expected ${{NAME}}, got {hide_passwords(text)!r}"
        )
    if found := _NO_NAME.search(text):
        raise ValueError(
            f"variable in a path has an impossible name: expected letters, digits and _, got {found[0]!r}; "
            "the day is ${SEQTAG_AS_OF}, always as 2026-11-29"
        )
    if any("**" in folder and folder != "**" for folder in text.split("/")):
        raise ValueError(
            "** is part of a longer name: expected it to be a whole folder, as in data/**/*.conll, "
            f"got {hide_passwords(text)!r}"
        )
    return text
