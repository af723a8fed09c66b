"""Staleness alarms: age of the champion and time since the last retraining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class AgeAlarm:
    """Alarm about an age in days that exceeds its limit."""

    name: str
    days: int
    limit: int
    sentence: str


def model_age(begun: date, *, as_of: date, max_days: int) -> AgeAlarm | None:
    """Return an alarm if the champion's retraining began more than `max_days` days ago, else None.

    >>> model_age(date(2026, 1, 1), as_of=date(2026, 1, 31), max_days=30) is None
    True
    >>> model_age(date(2026, 1, 1), as_of=date(2026, 2, 1), max_days=30).sentence
    'The champion is from 2026-01-01: 31 days old, at most 30 allowed.'
    """
    days = (as_of - begun).days
    if days <= max_days:
        return None
    sentence = f"The champion is from {begun}: {days} days old, at most {max_days} allowed."
    return AgeAlarm("model_age", days, max_days, sentence)


def retraining_gap(last_run: date | None, *, as_of: date, max_days: int) -> AgeAlarm | None:
    """Return an alarm if no retraining finished in the last `max_days` days, else None.

    Args:
        last_run: day on which a retraining last finished, even if it found nothing new. None: unknown, which
            raises no alarm.

    >>> retraining_gap(date(2026, 1, 1), as_of=date(2026, 1, 4), max_days=2).sentence
    'No retraining has finished since 2026-01-01: 3 days ago, at most 2 allowed.'
    """
    if last_run is None or (as_of - last_run).days <= max_days:
        return None
    days = (as_of - last_run).days
    sentence = f"No retraining has finished since {last_run}: {days} days ago, at most {max_days} allowed."
    return AgeAlarm("silence", days, max_days, sentence)
