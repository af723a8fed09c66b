"""What has become too old: the model that serves, and the last retraining."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class AgeAlarm:
    """Something older than it may be, in days."""

    name: str
    days: int
    limit: int
    sentence: str


def model_age(begun: date, *, as_of: date, max_days: int) -> AgeAlarm | None:
    """Return an alarm where the champion's retraining began more than `max_days` days ago.

    >>> model_age(date(2026, 1, 1), as_of=date(2026, 1, 31), max_days=30) is None
    True
    >>> model_age(date(2026, 1, 1), as_of=date(2026, 2, 1), max_days=30).sentence
    'The model that serves is of 2026-01-01: 31 days old, where 30 are allowed.'
    """
    days = (as_of - begun).days
    if days <= max_days:
        return None
    sentence = f"The model that serves is of {begun}: {days} days old, where {max_days} are allowed."
    return AgeAlarm("model_age", days, max_days, sentence)


def retraining_gap(last_run: date | None, *, as_of: date, max_days: int) -> AgeAlarm | None:
    """Return an alarm where no retraining ran for more than `max_days` days.

    Args:
        last_run: the day on which one last came to its end, also one that found nothing new. None: not known,
            which alarms nobody.

    >>> silence(date(2026, 1, 1), as_of=date(2026, 1, 4), max_days=2).sentence
    'No retraining ran since 2026-01-01: 3 days, where 2 are allowed.'
    """
    if last_run is None or (as_of - last_run).days <= max_days:
        return None
    days = (as_of - last_run).days
    sentence = f"No retraining ran since {last_run}: {days} days, where {max_days} are allowed."
    return AgeAlarm("silence", days, max_days, sentence)
