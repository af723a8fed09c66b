"""What a flow run is for: a tagger, and a day."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from prefect import runtime


def flow_run_name() -> str:
    """Return the name of a flow run of a tagger, on the dashboard and in what people are told."""
    asked = runtime.flow_run.parameters
    as_of = f" as of {asked['as_of']}" if asked.get("as_of") else ""
    return f"{runtime.flow_run.flow_name} {Path(asked['tagger']).stem}{as_of}"


def begin_day(as_of: date | None = None) -> date:
    """Return the UTC day that this flow run was due, or that it is made good for, and let paths hold it.

    A run may start on a later day than it was due. `${SEQTAG_AS_OF}` in a source's path is 2026-01-31, say.
    """
    day: date = as_of or runtime.flow_run.scheduled_start_time.date()
    os.environ["SEQTAG_AS_OF"] = day.isoformat()
    return day
