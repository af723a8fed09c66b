"""Faults of remote stores and servers: which may pass by themselves, and what may be said about them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seqtag.config.secrets import hide_passwords
from seqtag.errors import ConfigError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ABSENT = (404, 410)  # answers of HTTP: there is no such file
_LATER = (408, 425, 429)  # try again
_SERVER_ERROR = 500  # and above


@contextmanager
def network_errors_classified(name: str) -> Iterator[None]:
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


def is_storage_error(error: BaseException) -> bool:
    """Tell an error of a disk, a store or the network from one of a decompressor, which has no number."""
    return getattr(error, "errno", None) is not None or _is_of_network(error) or _is_of_store(error)


def kind_of(filesystem: AbstractFileSystem, path: str) -> str | None:
    """Return "file", "directory" or another kind; None where there is nothing.

    Unlike fsspec, tells what is not there from what is out of reach.

    Raises:
        OSError, aiohttp.ClientError: the network, the server or a missing right stands between.
    """
    try:
        return str(filesystem.info(path)["type"])
    except (FileNotFoundError, NotADirectoryError) as error:
        reason = error.__cause__  # over HTTP every failure is called a missing file, and the cause says which
        if reason is not None and _is_of_network(reason) and getattr(reason, "status", None) not in _ABSENT:
            raise reason from None
        return None


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
