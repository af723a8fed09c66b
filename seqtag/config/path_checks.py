"""Checks of paths and URLs without file system access."""

from __future__ import annotations

import re

from seqtag.config.secrets import hide_passwords

_UNFINISHED = re.compile(r"\$\{(?![^{}]+\})")
_INVALID_NAME = re.compile(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})[^{}]*\}")


def checked_path(text: str) -> str:
    """Return a valid path, glob or URL unchanged.

    Raises:
        ValueError: it is blank, a variable has no closing brace or an invalid name, or `**` is only part of a
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
            f"variable in a path is incomplete: expected ${{NAME}}, got {hide_passwords(text)!r}"
        )
    if found := _INVALID_NAME.search(text):
        raise ValueError(
            f"variable in a path has an invalid name: expected letters, digits and _, got {found[0]!r}; "
            "the day is ${SEQTAG_AS_OF}, always in the form 2026-11-29"
        )
    if any("**" in folder and folder != "**" for folder in text.split("/")):
        raise ValueError(
            "** is part of a longer name: expected a whole path segment, as in data/**/*.conll, "
            f"got {hide_passwords(text)!r}"
        )
    return text
