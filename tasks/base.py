"""Defaults of all tasks: retries, time limits, and names of failed states."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from seqtag import steps
from tasks.failures import TRANSIENT, map_errors_to_states

P = ParamSpec("P")
T = TypeVar("T")

MINUTE: Final = 60  # seconds
HOUR: Final = 60 * MINUTE

_DELAYS: Final = (5.0, 30.0, 120.0)  # seconds before each retry
_JITTER: Final = 0.5  # fraction of each delay, added at random so that taggers do not all retry at once


class _StepTask(Task[P, Any]):
    """A task that names its failed state after the kind of the error, and raises the error to its caller."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = super().__call__(*args, **kwargs)
        if isinstance(result, State) and not kwargs.get("return_state"):
            return result.result()
        return result


def step_task(
    *, name: str, timeout_seconds: float, delays: tuple[float, ...] = _DELAYS
) -> Callable[[Callable[P, T]], Task[P, T]]:
    """Make a task of a step; it can be retried because a step's output is written whole or not at all.

    Prefect's cache is off because it hashes paths, not the contents of files. Steps reuse finished output
    themselves.

    Args:
        name: template of the task run's name, with arguments of the function in braces.
        timeout_seconds: limit of each attempt.
        delays: seconds before each retry after a transient error.
    """

    def decorate(function: Callable[P, T]) -> Task[P, T]:
        return _StepTask(
            fn=map_errors_to_states(function),
            description=inspect.getdoc(getattr(steps, function.__name__, function)),
            task_run_name=name,
            timeout_seconds=timeout_seconds,
            cache_policy=NO_CACHE,
            retries=len(delays),
            retry_delay_seconds=list(delays),
            retry_jitter_factor=_JITTER,
            retry_condition_fn=_is_transient,
        )

    return decorate


def _is_transient(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's
    return state.name == TRANSIENT
