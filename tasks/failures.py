"""Kinds of failures, as the dashboard names them, and the transient ones among them."""

from __future__ import annotations

import errno
import functools
import logging
import traceback
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Failed
from prefect.task_engine import TaskRunTimeoutError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError

from seqtag.config.secrets import hide_passwords
from seqtag.errors import (
    ConfigError,
    CorpusChangedError,
    CorpusError,
    MemoryExhaustedError,
    PromotionConflictError,
    RegistryError,
    RunDirError,
    SubprocessKilledError,
    TrainingError,
)

P = ParamSpec("P")
T = TypeVar("T")

TRANSIENT: Final = "TransientError"  # may succeed on retry: file system, database, network
RESOURCE: Final = "ResourceError"  # out of memory or disk space
ACCESS: Final = "AccessError"  # a file is missing, or permission is denied
CONFIGURATION: Final = "ConfigurationError"  # the TOML file or an argument
DATA: Final = "DataError"  # the corpus, or training on it
CONFLICT: Final = "ConflictError"  # another promotion changed the champion first
DAMAGE: Final = "DamageError"  # a run directory or a registered model is damaged
INTERNAL: Final = "InternalError"  # a bug in seqtag

_log: Final = logging.getLogger("prefect.task_runs")  # shown with the run on the dashboard
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)
_DENIED: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
_LASTING: Final = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_PASSING: Final = (OSError, OperationalError, InterfaceError, SubprocessKilledError, CorpusChangedError)
_MEMORY_ERRORS: Final = (MemoryExhaustedError, MemoryError)
_BY_TYPE: Final = (
    (_MEMORY_ERRORS, RESOURCE),
    (ConfigError, CONFIGURATION),
    (_LASTING, ACCESS),
    (PromotionConflictError, CONFLICT),
    ((CorpusError, TrainingError), DATA),
    ((RunDirError, RegistryError), DAMAGE),
)


def kind_of(error: BaseException) -> str:
    """Return the kind of an error; an error of seqtag counts like the external error that caused it."""
    if is_transient(error):
        return TRANSIENT
    if any(
        isinstance(each, _MEMORY_ERRORS) or getattr(each, "errno", None) in _FULL for each in _chain(error)
    ):
        return RESOURCE
    if any(getattr(each, "errno", None) in _DENIED for each in _chain(error)):
        return ACCESS
    if any(map(_is_refused, _chain(error))):
        return INTERNAL
    return next((kind for types, kind in _BY_TYPE if isinstance(error, types)), INTERNAL)


def is_transient(error: BaseException) -> bool:
    """Tell whether an error may succeed on retry: file system, database, network, killed process.

    Errors of data or configuration, a damaged champion and a lost promotion race fail at once. An error of
    seqtag counts like the error that caused it.
    """
    lasting = (*_LASTING, PromotionConflictError, TaskRunTimeoutError)  # a timeout would only repeat
    if isinstance(error, lasting) or getattr(error, "errno", None) in (*_FULL, *_DENIED):
        return False
    if isinstance(error, _PASSING):
        return True
    if error.__cause__ is None:
        return False
    if isinstance(error, RegistryError) and not isinstance(error.__cause__, (OSError, *_MEMORY_ERRORS)):
        return not any(map(_is_refused, _chain(error)))  # a refused value would be refused again
    return is_transient(error.__cause__)


def map_errors_to_states(function: Callable[P, T]) -> Callable[P, T | State[Any]]:
    """Make a function return a failed state named after the kind of the error, instead of raising it."""

    @functools.wraps(function)
    def returning(*args: P.args, **kwargs: P.kwargs) -> T | State[Any]:
        try:
            return function(*args, **kwargs)
        except TaskRunTimeoutError:  # Prefect already names this state
            raise
        except Exception as error:
            kind = kind_of(error)
            if kind == INTERNAL:
                _log.error("internal error\n%s", hide_passwords(traceback.format_exc()))
            message = hide_passwords(f"{type(error).__name__}: {error}")  # may quote a library's URL
            return Failed(name=kind, message=message, data=error)

    return returning


def _is_refused(error: BaseException) -> bool:
    """Tell whether MLflow or a database refused a value, such as a text too long for its column."""
    return isinstance(error, DataError) or getattr(error, "error_code", None) == "INVALID_PARAMETER_VALUE"


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__
    return found
