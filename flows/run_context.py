"""Name and as_of date of a flow run."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from prefect import runtime
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_UI_URL
from prefect.utilities.asyncutils import run_coro_as_sync

from seqtag.config import ScheduleConfig

_MAX_SHIFT = timedelta(hours=2)  # no time zone puts its clocks forward by more at once


def flow_run_name() -> str:
    """Return the name of a tagger's flow run, as the dashboard and notifications show it."""
    parameters = runtime.flow_run.parameters
    as_of = f" as of {parameters['as_of']}" if parameters.get("as_of") else ""
    return f"{runtime.flow_run.flow_name} {Path(parameters['tagger']).stem}{as_of}"


def flow_run_url(flow_run_id: str) -> str | None:
    """Return the page of a flow run on the dashboard, None if its address is unknown."""
    dashboard = PREFECT_UI_URL.value()
    return f"{dashboard}/runs/flow-run/{flow_run_id}" if dashboard else None


def resolve_as_of(
    schedule: ScheduleConfig,
    as_of: date | None = None,
    *,
    due_by: Literal["cron", "watch", "monitor", "tagging"] = "cron",
) -> date:
    """Return the as_of date of this flow run, and set `SEQTAG_AS_OF` to it, for example to 2026-01-31.

    Default: the day on which the flow run was due, in the time zone of the schedule, even if it starts later
    or was started by a person or an event.

    Args:
        due_by: key of `schedule` that holds the cron of this flow.
    """
    day = as_of or day_of_tick(runtime.flow_run.scheduled_start_time, schedule, due_by=due_by)
    os.environ["SEQTAG_AS_OF"] = day.isoformat()
    return day


def day_of_tick(
    instant: datetime,
    schedule: ScheduleConfig,
    *,
    due_by: Literal["cron", "watch", "monitor", "tagging"] = "cron",
) -> date:
    """Return the as_of date of a tick: the date that the cron names, in the time zone of the schedule.

    Where clocks go forward at midnight (Cairo, Havana, Santiago), 00:30 does not exist on one day of the
    year, and Prefect 3.8.8 on Python 3.11 and 3.12 runs that tick at 23:30 of the day before. The tick
    belongs to the day that is about to begin: otherwise that day would have no run, and the day before two.

    Args:
        instant: time of the tick, with any UTC offset.
        due_by: key of `schedule` that holds the cron.
    """
    zone, cron = ZoneInfo(schedule.timezone), getattr(schedule, due_by)
    due = instant.astimezone(zone)
    gap = _offset(instant + _MAX_SHIFT, zone) - _offset(instant, zone)
    skipped = due.replace(tzinfo=None) + gap
    is_pushed_back = gap and cron and skipped.date() != due.date() and not _exists(skipped, zone)
    if is_pushed_back and _matches(cron, skipped) and not _matches(cron, due.replace(tzinfo=None)):
        return skipped.date()
    return schedule.day_of(instant)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a local date and time exists in a time zone."""
    there_and_back = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) == wall


def _matches(cron: str, wall: datetime) -> bool:
    """Tell whether a cron matches a local date and time, in any time zone."""
    there = wall.replace(tzinfo=UTC)
    schedule = CronSchedule(cron=cron, timezone="UTC")
    return bool(run_coro_as_sync(schedule.get_dates(1, start=there)) == [there])
