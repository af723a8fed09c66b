"""What is to be done about drift: nothing, look, retrain, or stop trusting the tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seqtag.config import MonitorConfig
from seqtag.monitoring.drift import ProfilePair, Statistic
from seqtag.monitoring.staleness import AgeAlarm

VerdictName = Literal["steady", "warn", "retrain", "stop"]


@dataclass(frozen=True)
class DriftVerdict:
    """The verdict, the rule that decided it, and a sentence with the numbers.

    steady    nothing is above its noise floor, or there is too little to tell
    warn      something is that retraining on this data cannot mend, or something is too old
    retrain   words or labels are above their noise floor, and the new data has labels to learn from
    stop      new data is broken, or so unlike training that its tags are not to be trusted
    """

    verdict: VerdictName
    rule: str
    sentence: str


def judge_drift(
    comparisons: Sequence[ProfilePair],
    statistics: Sequence[Statistic],
    ages: Sequence[AgeAlarm],
    *,
    config: MonitorConfig,
) -> DriftVerdict:
    """Apply the rules in their order: broken, unknown, drift, drift without labels, age, support.

    The limits of `stop` are asked of as few sequences as there are, where drift wants `config.min_tokens`.
    """
    for found in comparisons:
        stop = _stop(found, config)
        if stop is not None:
            return stop
    alarms = sorted((s for s in statistics if s.alarms), key=_excess, reverse=True)
    mendable = [s for s in alarms if s.mendable]
    if mendable:
        return DriftVerdict("retrain", "drift", _drifted(mendable, len(statistics)))
    if alarms:
        return DriftVerdict("warn", "drift_without_labels", _drifted(alarms, len(statistics)))
    if ages:
        return DriftVerdict("warn", ages[0].name, " ".join(age.sentence for age in ages))
    if not statistics:
        n_tokens = sum(c.current.n_tokens for c in comparisons)
        sentence = f"There is too little to tell: {n_tokens:,} new tokens of at least {config.min_tokens:,}."
        return DriftVerdict("steady", "support", sentence)
    nearest = max(statistics, key=_excess)
    sentence = f"None of {len(statistics)} statistics is above its noise floor; nearest is {_told(nearest)}."
    return DriftVerdict("steady", "drift", sentence)


def _stop(found: ProfilePair, config: MonitorConfig) -> DriftVerdict | None:
    current = found.current if found.arrived is None else found.arrived
    n = current.n_sequences + current.n_broken
    if current.broken > config.max_broken:
        sentence = (
            f"{current.n_broken:,} of {n:,} sequences of the {found.origin} are broken "
            f"({_percent(current.broken)}), where {_percent(config.max_broken)} are allowed."
        )
        return DriftVerdict("stop", "broken", sentence)
    if current.n_tokens >= config.min_tokens and current.unknown_tokens > config.max_unknown:
        sentence = (
            f"{_percent(current.unknown_tokens)} of {current.n_tokens:,} tokens of the {found.origin} are "
            f"unknown to the model, where {_percent(config.max_unknown)} are allowed "
            f"({_percent(found.reference.unknown_tokens)} of those it was trained beside)."
        )
        return DriftVerdict("stop", "unknown", sentence)
    return None


def _drifted(alarms: Sequence[Statistic], n: int) -> str:
    verb = "is" if len(alarms) == 1 else "are"
    return f"{len(alarms)} of {n} statistics {verb} above the noise floor; farthest is {_told(alarms[0])}."


def _told(s: Statistic) -> str:
    shares = f"{s.where}: {_percent(s.reference)} before, {_percent(s.current)} now"
    figures = f"{s.measure} {s.value:.4f}, floor {s.threshold or 0:.4f}"
    return f"{s.name} of the {s.origin} ({figures}; {shares}, {s.current_support:,} {s.unit})"


def _excess(s: Statistic) -> float:
    """Return how far a value is above its floor, as a ratio where the floor is above 0."""
    if s.threshold is None:
        return 0.0
    if s.threshold <= 0:
        return math.inf if s.alarms else 0.0
    return s.value / s.threshold


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
