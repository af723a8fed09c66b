"""Backfill retrainings that never ran or whose data arrived late: one for each tick of the schedule.

`seqtag backfill` calls `python -m flows.backfill TAGGER.toml --from 2026-11-01 --to 2026-11-07`.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.server.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed

from flows import stack
from flows.child_runs import combine_outcomes, run_and_wait
from flows.run_context import day_of_tick, flow_run_name
from seqtag.config import ScheduleConfig, Settings, load_tagger
from seqtag.errors import ConfigError, SeqtagError
from seqtag.steps import Workspace

_MAX_TICKS = 1000  # of one backfill


@flow(name="backfill", flow_run_name=flow_run_name)
async def backfill(tagger: str, first: date, last: date, dry_run: bool = False) -> State[None]:
    """Retrain a tagger as of each tick of its schedule in a range of days, oldest first.

    A tick that was backfilled before is skipped.

    Args:
        tagger: Path of the tagger's TOML file, for example `deployments/taggers/sample.toml`.
        first: The first day, in the schedule's time zone.
        last: The last day, inclusive.
        dry_run: List the ticks without retraining.
    """
    config = load_tagger(tagger)
    due = await ticks(config.schedule, first, last)
    if dry_run:
        listed = "\n".join(map(str, due))
        return Completed(name="DryRun", message=f"{len(due)} retrainings would run.\n{listed}")
    name = Path(tagger).stem
    outcomes = [
        await run_and_wait(
            f"retrain/{name}", {"tagger": tagger, "as_of": tick.day}, name=str(tick), key=tick.key(name)
        )
        for tick in due
    ]
    return combine_outcomes(outcomes)


@dataclass(frozen=True)
class Tick:
    """A time at which a schedule was due."""

    at: datetime  # in the schedule's time zone
    day: date  # of the retraining: its as_of date

    def __str__(self) -> str:
        """Return the local time, for example `2026-11-01 02:00 Asia/Tokyo`."""
        day = "" if self.day == self.at.date() else f" (for {self.day})"
        return f"{self.at:%Y-%m-%d %H:%M} {self.at.tzinfo}{day}"

    def key(self, tagger: str) -> str:
        """Return the idempotency key of this tick's retraining."""
        return f"backfill {tagger} {self.day} {self.at.astimezone(UTC):%Y-%m-%dT%H:%M}"


async def ticks(schedule: ScheduleConfig, first: date, last: date) -> list[Tick]:
    """Return the ticks of a schedule for the days from first to last, in order.

    Raises:
        ConfigError: the range is empty or holds more than 1,000 ticks.
    """
    if last < first:
        raise ConfigError(f"backfill: the first day is after the last, {first} after {last}; swap them")
    zone = ZoneInfo(schedule.timezone)
    start = min(_midnights(first, zone))
    end = max(_midnights(last + timedelta(days=1), zone))
    cron = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    found = [at.astimezone(zone) for at in await cron.get_dates(_MAX_TICKS + 1, start=start, end=end)]
    if len(found) > _MAX_TICKS:
        raise ConfigError(
            f"backfill: too many ticks, more than {_MAX_TICKS} from {first} to {last}; ask for fewer days"
        )
    due = (Tick(at, day_of_tick(at, schedule)) for at in found)
    return [tick for tick in due if first <= tick.day <= last]


def _midnights(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the start of a day in UTC, before and after a clock change at midnight."""
    before, after = (datetime.combine(day, time(fold=fold), zone) for fold in (0, 1))
    return before.astimezone(UTC), after.astimezone(UTC)


def main(arguments: list[str]) -> int:
    """Backfill on this machine's server and worker, starting them if they are not running."""
    parser = argparse.ArgumentParser(prog="seqtag backfill")
    parser.add_argument("tagger", help="the tagger's TOML file")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    parser.add_argument("--dry-run", action="store_true", help="list the ticks without retraining")
    options = parser.parse_args(arguments)
    try:
        schedule = load_tagger(options.tagger).schedule
        due = asyncio.run(ticks(schedule, options.first, options.last))
        if options.dry_run:
            stack.say("\n".join([*map(str, due), f"{len(due)} would run"]))
            return 0
        url, _ = stack.up(Workspace.of(Settings()), checkout=stack.CHECKOUT)
    except (SeqtagError, OSError) as error:
        return stack.say_error(error)
    with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        state = asyncio.run(_run(options.tagger, options.first, options.last))
    stack.say(f"{state.message}\nDashboard   {url}")
    return 0 if state.is_completed() else 1


async def _run(tagger: str, first: date, last: date) -> State[None]:
    return cast("State[None]", await backfill(tagger, first, last, return_state=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
