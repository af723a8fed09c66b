"""What every task has in common: when it is tried again, and for how long it may run."""

from __future__ import annotations

from typing import Any, Final, TypedDict

from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from sqlalchemy.exc import InterfaceError, OperationalError

from seqtag.errors import PromotionConflictError, RegistryError

MINUTE: Final = 60  # seconds
HOUR: Final = 60 * MINUTE

_LASTING = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
_PASSING = (OSError, RegistryError, OperationalError, InterfaceError)


class Policy(TypedDict):
    """Arguments of `@task` for a step that may be tried again."""

    cache_policy: CachePolicy
    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Any


async def _may_pass(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001
    return is_transient(await state.result(raise_on_failure=False))  # type: ignore[misc]


def is_transient(error: object) -> bool:
    """Tell whether an error may pass by itself: a file system, a database, the network.

    Data, configuration and a lost promotion race do not: they fail at once. An error that was raised from
    such a one counts like its cause.
    """
    if isinstance(error, (PromotionConflictError, *_LASTING)):
        return False
    if isinstance(error, _PASSING):
        return True
    return isinstance(error, Exception) and error.__cause__ is not None and is_transient(error.__cause__)


# Steps write one folder, whole or not at all, so that each may simply be tried again. Prefect's caching is
# off: it knows a path's text and not what the files hold; the steps themselves find finished work.
RETRIED: Final = Policy(
    cache_policy=NO_CACHE,
    retries=3,
    retry_delay_seconds=[5, 30, 120],
    retry_jitter_factor=0.5,  # up to half the delay more, so that taggers do not come back all at once
    retry_condition_fn=_may_pass,
)
