"""The worker: Prefect's process worker, which lets go of what is not to be begun any more before it begins.

`python -m flows.worker` runs it until it is told to stop. Prefect alone would start every late run, oldest
first.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from prefect.client.schemas.objects import FlowRun
from prefect.workers.process import ProcessWorker

from flows.late import coalesce, give_up
from flows.services import WORKER

POOL: Final = "seqtag"  # as prefect.yaml names it


class Worker(ProcessWorker):
    """A process worker that coalesces late runs, and gives up hopeless ones, before it asks for work."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "seqtag"  # in Prefect's register, where ProcessWorker stays `process`

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Let go of what is late or crashes again and again, then submit what is due."""
        await coalesce(self.client, now=datetime.now(UTC))
        await give_up(self.client)
        return await super().get_and_submit_flow_runs()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(Worker(POOL, name=WORKER).start())
