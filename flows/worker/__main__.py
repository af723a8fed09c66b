"""Prefect process worker that coalesces late runs, recovers stuck ones and reports the next runs.

Run it with `python -m flows.worker`. Prefect's own worker would start every late run, oldest first.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.workers.process import ProcessWorker

from flows.services.process_manager import POOL, WORKER
from flows.worker.coalescing import coalesce
from flows.worker.next_runs import REPORT_INTERVAL, report_next_runs
from flows.worker.recovery import recover_stuck_runs
from seqtag.config import Settings
from seqtag.steps import Workspace


class Worker(ProcessWorker):
    """A process worker that coalesces late runs and recovers stuck ones before it polls for work.

    Once a minute it reports the next runs for the fleet page.
    """

    _reported = datetime.min.replace(tzinfo=UTC)

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "seqtag"  # key in Prefect's registry, where ProcessWorker keeps `process`

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Cancel late runs, recover stuck ones, then submit those that are due."""
        now = datetime.now(UTC)
        await coalesce(self.client, now=now)
        await recover_stuck_runs(self.client, now=now)
        submitted = await super().get_and_submit_flow_runs()
        if now - self._reported >= REPORT_INTERVAL:
            self._reported = now
            await report_next_runs(self.client, Workspace.of(Settings()), now=now)
        return submitted


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    with suppress(KeyboardInterrupt):  # `stack.down` sends SIGINT
        asyncio.run(Worker(POOL, name=WORKER).start())
