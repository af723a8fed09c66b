"""What every task has in common: when it is tried again, for how long it may run, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.failures import TRANSIENT, map_errors_to_states

P = ParamSpec("P")
T = TypeVar("T")

MINUTE: Final = 60  # seconds
HOUR: Final = 60 * MINUTE

_DELAYS: Final = (5.0, 30.0, 120.0)  # seconds before each new try
_JITTER: Final = 0.5  # up to half the delay more, so that taggers do not come back all at once


class _Step(Task[P, Any]):
    """A task whose failed state has the name of the failure's kind, and which raises what it failed of."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = super().__call__(*args, **kwargs)
        if isinstance(result, State) and not kwargs.get("return_state"):
            return result.result()
        return result


def step(
    *, name: str, timeout_seconds: float, delays: tuple[float, ...] = _DELAYS
) -> Callable[[Callable[P, T]], Task[P, T]]:
    """Make a task of a function that writes one folder, whole or not at all, and so may be tried again.

    Prefect's caching is off: it knows a path's text and not what the files hold; the steps themselves find
    finished work.

    Args:
        name: of the task run, with the function's arguments in braces.
        timeout_seconds: how long one try may take.
        delays: seconds before each new try after what may pass by itself.
    """

    def made(function: Callable[P, T]) -> Task[P, T]:
        return _Step(
            fn=map_errors_to_states(function),
            task_run_name=name,
            timeout_seconds=timeout_seconds,
            cache_policy=NO_CACHE,
            retries=len(delays),
            retry_delay_seconds=list(delays),
            retry_jitter_factor=_JITTER,
            retry_condition_fn=_may_pass,
        )

    return made


def _may_pass(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001 - Prefect's
    return state.name == TRANSIENT
