"""The task beside the retrainings: has what the tagger reads moved away from what it learnt?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from seqtag import steps
from seqtag.config import TaggerConfig
from seqtag.run_dir import MonitorReport, Snapshot
from tasks.artifacts import show_drift
from tasks.base import HOUR, step


@step(name="monitor {config.name} {snapshot.id}", timeout_seconds=HOUR)
def monitor(
    config: TaggerConfig,
    workspace: steps.Workspace,
    snapshot: Snapshot,
    *,
    as_of: date,
    tagged_logs: Path | None,
    last_run: date | None,
) -> MonitorReport:
    """Compare a snapshot and tagged logs with what the champion was trained beside."""
    report = steps.monitor(
        config, workspace, snapshot, as_of=as_of, tagged_logs=tagged_logs, last_run=last_run
    )
    show_drift(report)
    return report
