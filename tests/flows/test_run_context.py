"""The as_of date of a tick in the time zone of its schedule; times are given in UTC."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from flows.backfill import ticks
from flows.run_context import day_of_tick
from seqtag.config import ScheduleConfig
from seqtag.errors import ConfigError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timezone", "cron", "instant", "day"),
    [
        ("UTC", "0 2 * * *", "2026-02-01 02:00", "2026-02-01"),
        ("Asia/Tokyo", "0 2 * * *", "2026-01-31 17:00", "2026-02-01"),
        ("Pacific/Auckland", "0 2 * * *", "2026-01-31 13:00", "2026-02-01"),  # summer there, 13 hours ahead
        ("Pacific/Auckland", "0 2 * * *", "2026-07-31 14:00", "2026-08-01"),
        ("America/Los_Angeles", "0 22 * * *", "2026-02-02 06:00", "2026-02-01"),
        ("America/Los_Angeles", "0 22 * * *", "2026-08-02 05:00", "2026-08-01"),
        ("Europe/Berlin", "15 0 * * *", "2026-03-28 23:15", "2026-03-29"),  # clocks go forward at 02:00
        ("Europe/Berlin", "15 0 * * *", "2026-03-29 22:15", "2026-03-30"),
        ("Europe/Berlin", "15 0 * * *", "2026-10-24 22:15", "2026-10-25"),  # they go back at 03:00
        ("Europe/Berlin", "15 0 * * *", "2026-10-25 23:15", "2026-10-26"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-29 00:30", "2026-03-29"),  # 02:30 does not exist
        ("Europe/Berlin", "30 2 * * *", "2026-03-29 01:30", "2026-03-29"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25 00:30", "2026-10-25"),  # 02:30 exists twice
        ("Europe/Berlin", "30 2 * * *", "2026-10-25 01:30", "2026-10-25"),
        ("America/New_York", "30 2 * * *", "2026-03-08 06:30", "2026-03-08"),  # 02:30 does not exist
        ("America/New_York", "30 1 * * *", "2026-11-01 05:30", "2026-11-01"),  # 01:30 exists twice
        ("America/New_York", "30 1 * * *", "2026-11-01 06:30", "2026-11-01"),
        ("America/New_York", "45 23 * * *", "2026-03-08 04:45", "2026-03-07"),
        # clocks go from 23:59 to 01:00: 00:30 does not exist, and comes at 23:30
        ("America/Santiago", "30 0 * * *", "2026-09-06 03:30", "2026-09-06"),
        ("America/Santiago", "0 0 * * *", "2026-09-06 03:00", "2026-09-06"),
        ("America/Santiago", "30 23 * * *", "2026-09-06 03:30", "2026-09-05"),
        ("America/Santiago", "*/30 * * * *", "2026-09-06 03:30", "2026-09-05"),
        ("America/Santiago", "30 0 * * *", "2026-09-06 03:31", "2026-09-05"),  # no tick: started by a person
    ],
)
def test_the_day_of_a_tick_is_the_day_that_its_schedule_names(
    timezone: str, cron: str, instant: str, day: str
) -> None:
    schedule = ScheduleConfig(cron=cron, timezone=timezone)
    assert day_of_tick(at(instant), schedule) == date.fromisoformat(day)


def test_a_flow_with_its_own_cron_uses_it() -> None:
    schedule = ScheduleConfig(cron="30 23 * * *", monitor="30 0 * * *", timezone="America/Santiago")
    instant = at("2026-09-06 03:30")
    assert day_of_tick(instant, schedule) == date(2026, 9, 5)
    assert day_of_tick(instant, schedule, due_by="monitor") == date(2026, 9, 6)
    assert day_of_tick(instant, schedule, due_by="watch") == date(2026, 9, 5)  # it has no cron


def enumerated(timezone: str, cron: str, first: str, last: str) -> list[tuple[str, str]]:
    """Return the day and the UTC time of each tick that a backfill would run."""
    schedule = ScheduleConfig(cron=cron, timezone=timezone)
    due = asyncio.run(ticks(schedule, date.fromisoformat(first), date.fromisoformat(last)))
    return [(str(tick.day), f"{tick.at.astimezone(UTC):%m-%d %H:%M}") for tick in due]


@pytest.mark.parametrize(
    ("timezone", "cron", "due"),
    [
        ("Asia/Tokyo", "0 2 * * *", [("2026-11-01", "10-31 17:00"), ("2026-11-02", "11-01 17:00")]),
        ("Pacific/Auckland", "0 2 * * *", [("2026-04-05", "04-04 13:00"), ("2026-04-06", "04-05 14:00")]),
        ("America/Los_Angeles", "0 22 * * *", [("2026-11-01", "11-02 06:00"), ("2026-11-02", "11-03 06:00")]),
        ("Europe/Berlin", "15 0 * * *", [("2026-03-29", "03-28 23:15"), ("2026-03-30", "03-29 22:15")]),
        ("Europe/Berlin", "15 0 * * *", [("2026-10-25", "10-24 22:15"), ("2026-10-26", "10-25 23:15")]),
        ("Europe/Berlin", "0 0 * * *", [("2026-10-25", "10-24 22:00"), ("2026-10-26", "10-25 23:00")]),
    ],
)
def test_a_backfill_takes_the_ticks_of_days_in_the_time_zone_of_the_schedule(
    timezone: str, cron: str, due: list[tuple[str, str]]
) -> None:
    (first, _), (last, _) = due
    assert enumerated(timezone, cron, first, last) == due


@pytest.mark.parametrize(
    ("timezone", "cron", "days"),
    [
        ("Europe/Berlin", "30 2 * * *", ["2026-03-28", "2026-03-29", "2026-03-30"]),
        ("Europe/Berlin", "30 2 * * *", ["2026-10-24", "2026-10-25", "2026-10-26"]),
        ("America/New_York", "30 2 * * *", ["2026-03-07", "2026-03-08", "2026-03-09"]),
        ("America/Santiago", "0 0 * * *", ["2026-09-05", "2026-09-06", "2026-09-07"]),
    ],
)
def test_a_day_on_which_clocks_change_has_one_tick_whatever_the_range(
    timezone: str, cron: str, days: list[str]
) -> None:
    together = enumerated(timezone, cron, days[0], days[-1])
    assert [day for day, _ in together] == days
    assert [day for each in days for day, _ in enumerated(timezone, cron, each, each)] == days


def test_a_tick_is_shown_in_local_time() -> None:
    schedule = ScheduleConfig(cron="0 2 * * *", timezone="Asia/Tokyo")
    (tick,) = asyncio.run(ticks(schedule, date(2026, 11, 1), date(2026, 11, 1)))
    assert str(tick) == "2026-11-01 02:00 Asia/Tokyo"
    assert tick.key("small") == "backfill small 2026-11-01 2026-10-31T17:00"


def test_a_backfill_range_that_is_too_long_or_reversed_is_refused() -> None:
    schedule = ScheduleConfig(cron="* * * * *")
    with pytest.raises(ConfigError, match="too many ticks, more than 1000 from 2026-11-01 to 2026-11-01"):
        asyncio.run(ticks(schedule, date(2026, 11, 1), date(2026, 11, 1)))
    with pytest.raises(ConfigError, match="the first day is after the last, 2026-11-02 after 2026-11-01"):
        asyncio.run(ticks(schedule, date(2026, 11, 2), date(2026, 11, 1)))
