"""Prefect tasks outside a retraining: monitoring for drift, polling for changed sources."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from seqtag import steps
from seqtag.config import TaggerConfig
from seqtag.run_dir import MonitorReport, Snapshot
from tasks.artifacts import show_drift
from tasks.base import HOUR, step_task


@step_task(name="monitor {config.name} {snapshot.id}", timeout_seconds=HOUR)
def monitor(
    config: TaggerConfig,
    workspace: steps.Workspace,
    snapshot: Snapshot,
    *,
    as_of: date,
    tagged_logs: Path | None,
    last_run: date | None,
) -> MonitorReport:
    report = steps.monitor(
        config, workspace, snapshot, as_of=as_of, tagged_logs=tagged_logs, last_run=last_run
    )
    show_drift(report)
    return report


@step_task(name="poll sources {config.name}", timeout_seconds=HOUR)
def poll_sources(
    config: TaggerConfig, workspace: steps.Workspace
) -> Literal["changed", "unchanged", "unknown"]:
    return steps.poll_sources(config, workspace)
