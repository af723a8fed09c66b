"""How a tagger is run, and not what is computed: no model and no run directory depends on it."""

from __future__ import annotations

from datetime import date, datetime
from difflib import get_close_matches
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PositiveFloat, field_validator, model_validator

from seqtag.config.cron import checked_cron
from seqtag.config.secrets import has_password, is_secret
from seqtag.config.source_config import Table


class ScheduleConfig(Table):
    """When a tagger is retrained, and what becomes of retrainings that are due while none can begin."""

    cron: str = "0 2 * * *"  # minute, hour, day of the month, month, day of the week
    timezone: str = "UTC"  # of the IANA database, for example Europe/Berlin; days begin and end in it
    watch: str | None = None  # cron of a look at the sources; where they changed, a retraining begins
    monitor: str | None = None  # cron of a look at what the corpus and the tagged logs hold
    active: bool = True  # false: deployed, and begun by hand or by an event alone
    # what falls due while a retraining runs; what people and events begin waits for its end in any case
    overlap: Literal["cancel-new", "enqueue"] = "cancel-new"
    missed: Literal["latest", "all", "none"] = "latest"  # which of those that were due while no worker ran
    environment: dict[str, str] = Field(default_factory=dict)  # of the process, besides the worker's own

    @field_validator("cron", "watch", "monitor")
    @classmethod
    def _cron_is_readable(cls, text: str | None) -> str | None:
        return None if text is None else checked_cron(text)

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, name: str) -> str:
        known = {zone.lower(): zone for zone in available_timezones()}
        if name not in known.values():
            near = get_close_matches(name.lower(), known, n=1)
            meant = f"; did you mean {known[near[0]]}?" if near else ""
            raise ValueError(
                "time zone is unknown: expected a name of the IANA database, for example Europe/Berlin, "
                f"got {name!r}{meant}"
            )
        return name

    @model_validator(mode="after")
    def _all_that_was_missed_can_wait(self) -> Self:
        if self.missed == "all" and self.overlap != "enqueue":
            raise ValueError(
                'missed = "all" requires overlap = "enqueue", for one run would cancel the others. '
                f'Received: overlap = "{self.overlap}"'
            )
        return self

    @field_validator("environment")
    @classmethod
    def _variables_can_be_set(cls, environment: dict[str, str]) -> dict[str, str]:
        wrong = [n for n, value in environment.items() if not n or "=" in n or "\0" in n + value]
        if wrong:
            raise ValueError(
                f"variables cannot be set: expected names without '=' and text without NUL, got {wrong}"
            )
        return environment

    @model_validator(mode="after")
    def _secrets_stand_elsewhere(self) -> Self:
        named = [name for name, value in self.environment.items() if is_secret(name) or has_password(value)]
        if named:
            raise ValueError(
                "environment must not hold secrets, which the dashboard would show: the worker's environment "
                f"is their place. Received: {', '.join(named)}"
            )
        return self

    def day_of(self, instant: datetime) -> date:
        """Return the calendar day of an instant, given with any offset, in the schedule's time zone.

        >>> ScheduleConfig(timezone="Asia/Tokyo").day_of(datetime.fromisoformat("2026-01-31T17:00Z"))
        datetime.date(2026, 2, 1)
        """
        return instant.astimezone(ZoneInfo(self.timezone)).date()


class ApprovalConfig(Table):
    """Whether a person has to approve before a model serves that the gate would promote."""

    required: bool = False
    within_hours: PositiveFloat = Field(default=12, le=30 * 24)  # without an answer it is held
