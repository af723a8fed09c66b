"""What every task has in common: when it is tried again, and for how long it may run."""

from __future__ import annotations

import errno
from typing import Any, Final, TypedDict

from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.task_engine import TaskRunTimeoutError
from sqlalchemy.exc import InterfaceError, OperationalError

from seqtag.errors import PromotionConflictError, RegistryError

MINUTE: Final = 60  # seconds
HOUR: Final = 60 * MINUTE

_LASTING = (
    PromotionConflictError,
    TaskRunTimeoutError,  # what took too long once would again
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
_FULL_OR_SHUT = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_PASSING = (OSError, OperationalError, InterfaceError)


class Policy(TypedDict):
    """Arguments of `@task` for a step that may be tried again."""

    cache_policy: CachePolicy
    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any


def _may_pass(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's
    try:
        state.result()
    except Exception as error:
        return is_transient(error)
    return False


def is_transient(error: BaseException) -> bool:
    """Tell whether an error may pass by itself: a file system, a database, the network.

    Data, configuration, a damaged champion and a lost promotion race do not: they fail at once. An error of
    ours counts like the one that it was raised from.
    """
    if isinstance(error, _LASTING) or getattr(error, "errno", None) in _FULL_OR_SHUT:
        return False
    if isinstance(error, _PASSING):
        return True
    if isinstance(error, RegistryError):
        return error.__cause__ is not None  # MLflow or its database, not what they answered
    return error.__cause__ is not None and is_transient(error.__cause__)


# Steps write one folder, whole or not at all, so that each may simply be tried again. Prefect's caching is
# off: it knows a path's text and not what the files hold; the steps themselves find finished work.
RETRIED: Final = Policy(
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[5, 30, 120],
    retry_jitter_factor=0.5,  # up to half the delay more, so that taggers do not come back all at once
    retry_condition_fn=_may_pass,
)
