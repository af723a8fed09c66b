"""Tasks on the workers of a Dask cluster, which the extra `dask` installs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqtag.errors import ConfigError

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner


def dask_runner(scheduler: str) -> TaskRunner[Any]:
    """Return a task runner that submits tasks to a Dask scheduler.

    Its workers share the home folder, and have this checkout on PYTHONPATH and its environment.

    Args:
        scheduler: address, such as tcp://10.0.0.7:8786.

    Raises:
        ConfigError: the extra `dask` is not installed.
    """
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise ConfigError(
            "SEQTAG_DASK_SCHEDULER is set, but prefect-dask is not installed: expected the extra dask; "
            "install it with constraints.txt, or unset the variable"
        ) from error
    return DaskTaskRunner(address=scheduler)
