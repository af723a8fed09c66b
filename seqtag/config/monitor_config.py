"""`[monitor]`: limits of drift between the champion's snapshot and new data. It changes no result."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from seqtag.config.path_checks import checked_path
from seqtag.config.source_config import Table

Compare = Literal["auto", "new", "all"]
Length = Literal["day", "month", "year"]


class MonitorConfig(Table):
    """Limits of drift and of age. Shares are fractions in [0, 1]."""

    tagged_logs: str | None = None  # file or folder of what the champion tagged; may hold ${SEQTAG_AS_OF}
    quantile: float = Field(default=0.99, ge=0.5, lt=1)  # of 100 runs without drift at most one alarms
    resamples: int = Field(default=2000, ge=200)  # more are drawn where many statistics share an alarm rate
    compare: Compare = "auto"  # auto: only new data, where it is recognisable; see `EarlierSequences.are_in`
    period_column: str | None = None  # of ISO dates; None: periods are random documents
    period: Length = "month"  # few long periods say more of what changes between them than many short ones
    min_periods: int = Field(default=8, ge=3)  # fewer say too little of how periods differ; then as without
    min_tokens: int = Field(default=500, ge=1)  # of new data; in fewer only coarse drift would show
    min_support: int = Field(default=50, ge=1)  # spans of a type, on either side, as the gate's guards want
    max_broken: float = Field(default=0.1, ge=0, le=1)  # share of sequences; ten times quarantine's budget
    max_unknown: float = Field(default=0.5, ge=0, le=1)  # share of tokens; most are then guessed by spelling
    max_model_age_days: int = Field(default=90, ge=1)  # a quarter: nobody remembers what has changed since
    max_silence_days: int = Field(default=2, ge=1)  # a nightly schedule that missed one night may catch up

    @field_validator("tagged_logs")
    @classmethod
    def _logs_lie_somewhere(cls, path: str | None) -> str | None:
        return None if path is None else checked_path(path)
