"""Classify errors of remote stores and servers as transient or permanent, and keep secrets out of them."""

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

_ABSENT = (404, 410)  # HTTP statuses: there is no such file
_LATER = (408, 425, 429)  # HTTP statuses: try again later
_SERVER_ERROR = 500  # and above


@contextmanager
def network_errors_classified(name: str) -> Iterator[None]:
    """Raise transient failures of a remote store or server as ConnectionError, permanent ones as others.

    Args:
        name: name of the file, folder or source, for messages.

    Raises:
        ConfigError: inside the `with`, if a server refuses access, or there are no credentials.
        ConnectionError: inside the `with`, if the server cannot be reached, or fails.
        FileNotFoundError, PermissionError: inside the `with`, if a store reports this of a file.
    """
    # Errors of stores quote the URL, with the values of variables.
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
    """Return whether an error is of a disk, a store or the network; those of decompressors have no number."""
    return getattr(error, "errno", None) is not None or _is_of_network(error) or _is_of_store(error)


def kind_of(filesystem: AbstractFileSystem, path: str) -> str | None:
    """Return "file", "directory" or another kind; None if nothing is there.

    Unlike fsspec, distinguish a missing file from one that cannot be reached.

    Raises:
        OSError, aiohttp.ClientError: the network or the server fails, or access is denied.
    """
    try:
        return str(filesystem.info(path)["type"])
    except (FileNotFoundError, NotADirectoryError) as error:
        reason = error.__cause__  # fsspec reports every HTTP failure as a missing file
        if reason is not None and _is_of_network(reason) and getattr(reason, "status", None) not in _ABSENT:
            raise reason from None
        return None


def _is_of_network(error: BaseException) -> bool:
    return type(error).__module__.startswith(("aiohttp", "botocore")) or isinstance(error, TimeoutError)


def _is_of_store(error: BaseException) -> bool:
    return isinstance(error, FileNotFoundError | PermissionError) and error.errno is None


def _refused(text: str, error: Exception) -> Exception:
    """Return the error for a file that a server does not deliver: ConnectionError if a retry may help."""
    status = getattr(error, "status", None)
    if status is None:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "BotoCoreError" in kinds and "HTTPClientError" not in kinds and "ConnectionError" not in kinds:
            return ConfigError(f"corpus.sources: {text!r} cannot be opened: {type(error).__name__}")
        return ConnectionError(f"corpus.sources: {text!r} cannot be reached: {type(error).__name__}")
    kind = ConnectionError if status >= _SERVER_ERROR or status in _LATER else ConfigError
    return kind(f"corpus.sources: {text!r} cannot be opened: the server answered {status}")
