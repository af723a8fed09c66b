"""The worker: Prefect's process worker, which puts in order what is to be run before it begins.

`python -m flows.worker` runs it until it is told to stop. Prefect alone would start every late run, oldest
first.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.workers.process import ProcessWorker

from flows.worker.coalescing import coalesce
from flows.worker.recovery import recover_stuck_runs


class Worker(ProcessWorker):
    """A process worker that coalesces late runs, and takes up stuck ones, before it asks for work."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "seqtag"  # in Prefect's register, where ProcessWorker stays `process`

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Let go of what is late, move on what is stuck, then submit what is due."""
        now = datetime.now(UTC)
        await coalesce(self.client, now=now)
        await recover_stuck_runs(self.client, now=now)
        return await super().get_and_submit_flow_runs()
