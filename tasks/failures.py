"""What kind of failure an error is, as the dashboard names it, and which of them may pass by themselves."""

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

TRANSIENT: Final = "TransientError"  # may pass by itself: a file system, a database, the network
RESOURCE: Final = "ResourceError"  # memory or disk have run out
ACCESS: Final = "AccessError"  # a file that is not there, or not ours to read or write
CONFIGURATION: Final = "ConfigurationError"  # the TOML file, or an argument
DATA: Final = "DataError"  # the corpus, or what can be learnt from it
CONFLICT: Final = "ConflictError"  # somebody else moved the champion
DAMAGE: Final = "DamageError"  # a run directory or a registered model is not what was written
INTERNAL: Final = "InternalError"  # a fault of ours

_log: Final = logging.getLogger("prefect.task_runs")  # what it says goes to the run on the dashboard
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM)
_SHUT: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
_LASTING: Final = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_PASSING: Final = (OSError, OperationalError, InterfaceError, SubprocessKilledError, CorpusChangedError)
_OF_MEMORY: Final = (MemoryExhaustedError, MemoryError)
_BY_TYPE: Final = (
    (_OF_MEMORY, RESOURCE),
    (ConfigError, CONFIGURATION),
    (_LASTING, ACCESS),
    (PromotionConflictError, CONFLICT),
    ((CorpusError, TrainingError), DATA),
    ((RunDirError, RegistryError), DAMAGE),
)


def kind_of(error: BaseException) -> str:
    """Return the kind of an error; one of ours counts like the error of the world that it was raised from."""
    if is_transient(error):
        return TRANSIENT
    if any(isinstance(each, _OF_MEMORY) or getattr(each, "errno", None) in _FULL for each in _chain(error)):
        return RESOURCE
    if any(getattr(each, "errno", None) in _SHUT for each in _chain(error)):
        return ACCESS
    if any(map(_is_refused, _chain(error))):
        return INTERNAL
    return next((kind for types, kind in _BY_TYPE if isinstance(error, types)), INTERNAL)


def is_transient(error: BaseException) -> bool:
    """Tell whether an error may pass by itself: a file system, a database, the network, a killed process.

    Data, configuration, a damaged champion and a lost promotion race do not: they fail at once. An error of
    ours counts like the one that it was raised from.
    """
    lasting = (*_LASTING, PromotionConflictError, TaskRunTimeoutError)  # what took too long once would again
    if isinstance(error, lasting) or getattr(error, "errno", None) in (*_FULL, *_SHUT):
        return False
    if isinstance(error, _PASSING):
        return True
    if error.__cause__ is None:
        return False
    if isinstance(error, RegistryError) and not isinstance(error.__cause__, (OSError, *_OF_MEMORY)):
        return not any(map(_is_refused, _chain(error)))  # MLflow or its database, not what they answered
    return is_transient(error.__cause__)


def map_errors_to_states(function: Callable[P, T]) -> Callable[P, T | State[Any]]:
    """Make a function return a failed state, named by the kind of the error, in place of raising it."""

    @functools.wraps(function)
    def returning(*args: P.args, **kwargs: P.kwargs) -> T | State[Any]:
        try:
            return function(*args, **kwargs)
        except TaskRunTimeoutError:  # Prefect's own, which has a name
            raise
        except Exception as error:
            kind = kind_of(error)
            if kind == INTERNAL:
                _log.error("a fault of ours\n%s", hide_passwords(traceback.format_exc()))
            message = hide_passwords(f"{type(error).__name__}: {error}")  # others' words may hold addresses
            return Failed(name=kind, message=message, data=error)

    return returning


def _is_refused(error: BaseException) -> bool:
    """Tell whether MLflow or a database refused a value, such as a text that is too long for its column."""
    return isinstance(error, DataError) or getattr(error, "error_code", None) == "INVALID_PARAMETER_VALUE"


def _chain(error: BaseException | None) -> list[BaseException]:
    found = []
    while error is not None:
        found.append(error)
        error = error.__cause__
    return found
