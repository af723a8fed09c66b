"""`[schedule]` and `[approval]`: when and how a tagger runs. They affect no model and no run id."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PositiveFloat, field_validator, model_validator

from seqtag.config.cron import checked_cron
from seqtag.config.secrets import has_password, is_secret
from seqtag.config.suggestions import did_you_mean
from seqtag.config.toml_table import Table


class ScheduleConfig(Table):
    """Times of retraining, monitoring and tagging, and the handling of overlapping and missed runs."""

    cron: str = Field(
        default="0 2 * * *", description="minute, hour, day of the month, month, day of the week"
    )
    timezone: str = Field(
        default="UTC",
        description="name in the IANA database, such as Europe/Berlin; days begin and end in it",
    )
    watch: str | None = Field(
        default=None, description="cron for checking the sources; a change starts a retraining"
    )
    monitor: str | None = Field(
        default=None, description="cron for monitoring the corpus and the tagged logs"
    )
    tagging: str | None = Field(
        default=None, description="cron for tagging the sources of [tagging] with the champion"
    )
    active: bool = Field(default=True, description="false: deployed, but started only by hand or by an event")
    overlap: Literal["cancel-new", "enqueue"] = Field(
        default="cancel-new",
        description="of scheduled runs with a running one; runs started by people and events always wait",
    )
    missed: Literal["latest", "all", "none"] = Field(
        default="latest", description="runs to catch up on after no worker was running"
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description="variables of the process, added to the worker's"
    )

    @field_validator("cron", "watch", "monitor", "tagging")
    @classmethod
    def _cron_is_readable(cls, text: str | None) -> str | None:
        return None if text is None else checked_cron(text)

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, name: str) -> str:
        if name not in (known := available_timezones()):
            raise ValueError(
                "time zone is unknown: expected a name in the IANA database, such as Europe/Berlin, "
                f"got {name!r}{did_you_mean(name, known)}"
            )
        return name

    @model_validator(mode="after")
    def _missed_runs_can_wait(self) -> Self:
        if self.missed == "all" and self.overlap != "enqueue":
            raise ValueError(
                'missed = "all" requires overlap = "enqueue", since one run would cancel the others: '
                f'got overlap = "{self.overlap}"'
            )
        return self

    @field_validator("environment")
    @classmethod
    def _variables_are_valid(cls, environment: dict[str, str]) -> dict[str, str]:
        wrong = [n for n, value in environment.items() if not n or "=" in n or "\0" in n + value]
        if wrong:
            raise ValueError(
                "environment variables are invalid: expected names without '=' and text without NUL, "
                f"got {wrong}"
            )
        return environment

    @model_validator(mode="after")
    def _environment_has_no_secrets(self) -> Self:
        named = [name for name, value in self.environment.items() if is_secret(name) or has_password(value)]
        if named:
            raise ValueError(
                f"environment must not hold secrets, since the dashboard shows it: got {', '.join(named)}; "
                "set them in the worker's environment"
            )
        return self

    def day_of(self, instant: datetime) -> date:
        """Return the calendar day of an instant, with any UTC offset, in the schedule's time zone.

        >>> ScheduleConfig(timezone="Asia/Tokyo").day_of(datetime.fromisoformat("2026-01-31T17:00Z"))
        datetime.date(2026, 2, 1)
        """
        return instant.astimezone(ZoneInfo(self.timezone)).date()


class ApprovalConfig(Table):
    """Manual approval of models that pass the gate."""

    required: bool = Field(default=False, description="true: a person must approve a promotion")
    within_hours: PositiveFloat = Field(
        default=12, le=30 * 24, description="hours; after that, the model is held"
    )
