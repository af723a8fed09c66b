"""The tagger and the day that a flow run is for."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from prefect import runtime
from prefect.server.schemas.schedules import CronSchedule
from prefect.utilities.asyncutils import run_coro_as_sync

from seqtag.config import ScheduleConfig

_SHIFT = timedelta(hours=2)  # no clock is put forward by more in one go


def flow_run_name() -> str:
    """Return the name of a flow run of a tagger, on the dashboard and in what people are told."""
    asked = runtime.flow_run.parameters
    as_of = f" as of {asked['as_of']}" if asked.get("as_of") else ""
    return f"{runtime.flow_run.flow_name} {Path(asked['tagger']).stem}{as_of}"


def resolve_as_of(
    schedule: ScheduleConfig,
    as_of: date | None = None,
    *,
    due_by: Literal["cron", "watch", "monitor"] = "cron",
) -> date:
    """Return the day that this flow run is for, and set `SEQTAG_AS_OF` to it (2026-01-31, say).

    Without `as_of` it is the day on which the run was due, even if it starts later: in the time zone of the
    schedule, whoever or whatever began the run.

    Args:
        due_by: the key of `schedule` with the cron of this flow.
    """
    day = as_of or day_of_tick(runtime.flow_run.scheduled_start_time, schedule, due_by=due_by)
    os.environ["SEQTAG_AS_OF"] = day.isoformat()
    return day


def day_of_tick(
    instant: datetime, schedule: ScheduleConfig, *, due_by: Literal["cron", "watch", "monitor"] = "cron"
) -> date:
    """Return the day that a tick of a schedule is for: the date that its cron names, in its time zone.

    Where clocks are put forward at midnight (Cairo, Havana, Santiago), 00:30 of one day of the year does not
    exist, and Prefect 3.8.8 on Python 3.11 and 3.12 runs that tick at 23:30 of the day before. It is for the
    day that begins: otherwise that day would have no run, and the day before two.

    Args:
        instant: with any offset.
        due_by: the key of `schedule` with the cron.
    """
    zone, cron = ZoneInfo(schedule.timezone), getattr(schedule, due_by)
    due = instant.astimezone(zone)
    gap = _offset(instant + _SHIFT, zone) - _offset(instant, zone)
    skipped = due.replace(tzinfo=None) + gap
    is_pushed_back = gap and cron and skipped.date() != due.date() and not _exists(skipped, zone)
    if is_pushed_back and _names(cron, skipped) and not _names(cron, due.replace(tzinfo=None)):
        return skipped.date()
    return schedule.day_of(instant)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the clocks of a time zone ever show a date and time."""
    there_and_back = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) == wall


def _names(cron: str, wall: datetime) -> bool:
    """Tell whether a cron names a date and time, in whatever time zone."""
    there = wall.replace(tzinfo=UTC)
    schedule = CronSchedule(cron=cron, timezone="UTC")
    return bool(run_coro_as_sync(schedule.get_dates(1, start=there)) == [there])
