"""Passwords: told apart from `${VARIABLE}`, and kept out of files that are shown and of messages."""

from __future__ import annotations

import re

_USER_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):(\S*)@")  # to the last @, which a password may hold too
_NAMED_PASSWORD = re.compile(r"(password|passwd|pwd)(=|%3D)([^&;\s'\"]*)", re.IGNORECASE)
_SECRET = re.compile(r"(password|passwd|pwd|passphrase|secret|token|credentials?|key)$", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{\w+\}")


def has_password(url: str) -> bool:
    """Tell whether a password stands in an address itself, not as a variable.

    >>> has_password("postgresql://me:secret@host/db"), has_password("postgresql://me:${PASSWORD}@host/db")
    (True, False)
    """
    bare = _VARIABLE.sub("", url)
    return any(
        found and found.groups()[-1] for found in (_USER_PASSWORD.search(bare), _NAMED_PASSWORD.search(bare))
    )


def is_secret(name: str) -> bool:
    """Tell whether a variable of this name is likely to hold a secret.

    >>> is_secret("AWS_SECRET_ACCESS_KEY"), is_secret("TOKENIZERS_PARALLELISM")
    (True, False)
    """
    return _SECRET.search(name) is not None


def hide_passwords(text: str) -> str:
    """Return a text in which the passwords of addresses are stars.

    >>> hide_passwords("postgresql://me:secret@host/db?sslpassword=hush")
    'postgresql://me:***@host/db?sslpassword=***'
    """
    return _NAMED_PASSWORD.sub(r"\1\2***", _USER_PASSWORD.sub(r"\1:***@", text))
