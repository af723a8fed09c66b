"""Prefect process worker that coalesces late runs and recovers stuck ones before polling.

`python -m flows.worker` runs it until it is stopped. Prefect's own worker would start every late run, oldest
first.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.workers.process import ProcessWorker

from flows.worker.coalescing import coalesce
from flows.worker.recovery import recover_stuck_runs


class Worker(ProcessWorker):
    """A process worker that coalesces late runs and recovers stuck ones before it polls for work."""

    @classmethod
    def __dispatch_key__(cls) -> str:
        return "seqtag"  # key in Prefect's registry, where ProcessWorker keeps `process`

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Cancel late runs, recover stuck ones, then submit those that are due."""
        now = datetime.now(UTC)
        await coalesce(self.client, now=now)
        await recover_stuck_runs(self.client, now=now)
        return await super().get_and_submit_flow_runs()
