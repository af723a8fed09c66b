"""Prefect worker that coalesces late runs, recovers stuck ones and reports the next runs.

Run it with `python -m flows.worker`. Prefect's own workers would start every late run, oldest first.
"""

import asyncio
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker

from flows.deploy.automations import SILENCE
from flows.services.process_manager import POOL, WORKER
from flows.worker.coalescing import coalesce
from flows.worker.next_runs import REPORT_INTERVAL, report_next_runs
from flows.worker.recovery import recover_stuck_runs
from seqtag.config import Settings
from seqtag.errors import ConfigError
from seqtag.steps import Workspace

_IMAGE_PULL: Final = timedelta(minutes=15)  # a container starts once its image is there

WorkerClass = type[BaseWorker[Any, Any, Any]]


def recovering(base: WorkerClass) -> WorkerClass:
    """Return such a worker that coalesces late runs and recovers stuck ones before it polls for work.

    Once a minute it reports the next runs for the fleet page.
    """
    starts_within = timedelta(seconds=SILENCE) if base is ProcessWorker else _IMAGE_PULL

    class Worker(base):  # type: ignore[valid-type,misc]  # the class is known at run time only
        _reported = datetime.min.replace(tzinfo=UTC)

        @classmethod
        def __dispatch_key__(cls) -> str:
            return "seqtag"  # key in Prefect's registry, where the base class keeps its own

        async def get_and_submit_flow_runs(self) -> list[FlowRun]:
            """Cancel late runs, recover stuck ones, then submit those that are due."""
            now = datetime.now(UTC)
            await coalesce(self.client, now=now)
            await recover_stuck_runs(self.client, now=now, starts_within=starts_within)
            submitted: list[FlowRun] = await super().get_and_submit_flow_runs()
            if now - self._reported >= REPORT_INTERVAL:
                self._reported = now
                await report_next_runs(self.client, Workspace.of(Settings()), now=now)
            return submitted

    return Worker


async def worker_class(pool: str) -> WorkerClass:
    """Return the class of worker that the type of a work pool needs.

    Raises:
        ConfigError: the package with this class is not installed.
    """
    async with get_client() as client:
        try:
            kind = (await client.read_work_pool(pool)).type
        except ObjectNotFound:  # the worker creates it
            return recovering(ProcessWorker)
    base = BaseWorker.get_worker_class_from_type(kind)
    if base is None:
        raise ConfigError(
            f"work pool {pool} has type {kind}, whose worker is not installed; install prefect-{kind}, for "
            f"example with pip install 'seqtag[{kind}]'"
        )
    return recovering(base)


async def _work() -> None:
    worker = await worker_class(POOL)
    await worker(POOL, name=WORKER).start()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    try:
        with suppress(KeyboardInterrupt):  # `stack.down` sends SIGINT
            asyncio.run(_work())
    except ConfigError as error:
        sys.exit(f"Error: {error}")
