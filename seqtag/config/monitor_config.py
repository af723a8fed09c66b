"""`[monitor]`: limits of drift between the champion's snapshot and new data. It does not affect training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from seqtag.config.path_checks import checked_path
from seqtag.config.toml_table import Table

Compare = Literal["auto", "new", "all"]
Length = Literal["day", "month", "year"]


class MonitorConfig(Table):
    """Limits of drift and of age. Shares are fractions in [0, 1]."""

    tagged_logs: str | None = Field(
        default=None, description="file or folder of the champion's output; may hold `${SEQTAG_AS_OF}`"
    )
    quantile: float = Field(
        default=0.99,
        ge=0.5,
        lt=1,
        description="of the statistics without drift; 0.99: at most 1 false alarm in 100 runs",
    )
    resamples: int = Field(
        default=2000,
        ge=200,
        description="of the bootstrap; more are drawn if many statistics share an alarm rate",
    )
    compare: Compare = Field(default="auto", description="auto: only new data, if it can be recognised")
    period_column: str | None = Field(
        default=None, description="column of ISO dates; default: periods are random documents"
    )
    period: Length = Field(
        default="month",
        description="length of a period; long ones show more of the variation between periods",
    )
    min_periods: int = Field(default=8, ge=3, description="periods; with fewer, as without period_column")
    min_tokens: int = Field(
        default=500, ge=1, description="tokens of new data; fewer would show only coarse drift"
    )
    min_support: int = Field(
        default=50, ge=1, description="spans of a type, on either side, as for the gate's guards"
    )
    max_broken: float = Field(
        default=0.1, ge=0, le=1, description="share of sequences; ten times quarantine_budget"
    )
    max_unknown: float = Field(
        default=0.5, ge=0, le=1, description="share of tokens that are not in the vocabulary"
    )
    max_model_age_days: int = Field(default=90, ge=1, description="days; an older champion is a warning")
    max_silence_days: int = Field(
        default=2,
        ge=1,
        description="days without a retraining before a warning; a daily schedule may miss one run",
    )

    @field_validator("tagged_logs")
    @classmethod
    def _logs_path_is_valid(cls, path: str | None) -> str | None:
        return None if path is None else checked_path(path)
