"""The day that a flow run is for."""

from __future__ import annotations

import os
from datetime import date

from prefect import runtime


def begin_day(as_of: date | None = None) -> date:
    """Return the UTC day that this flow run was due, or that it is made good for, and let paths hold it.

    A run may start on a later day than it was due. `${SEQTAG_AS_OF}` in a source's path is 2026-01-31, say.
    """
    day: date = as_of or runtime.flow_run.scheduled_start_time.date()
    os.environ["SEQTAG_AS_OF"] = day.isoformat()
    return day
