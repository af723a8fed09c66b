"""Drift verdict: do nothing, investigate, retrain, or stop trusting the tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seqtag.config import MonitorConfig
from seqtag.formatting import percent
from seqtag.monitoring.drift import ProfilePair, Statistic
from seqtag.monitoring.staleness import AgeAlarm

VerdictName = Literal["steady", "warn", "retrain", "stop"]


@dataclass(frozen=True)
class DriftVerdict:
    """The verdict, the rule that decided it, and a sentence with the numbers.

    steady    no statistic is above its noise floor, or there is too little data
    warn      a statistic that retraining on this data cannot fix is above its floor, or a model is stale
    retrain   statistics of words or labels are above their noise floor, and the new data is labelled
    stop      new data is broken, or too unlike the training data for its tags to be trusted
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
    """Apply the rules in order: broken, unknown, drift, drift without labels, age, support.

    The limit on broken sequences applies to any amount of data; the others need `config.min_tokens`.
    """
    for found in comparisons:
        stop = _stop(found, config)
        if stop is not None:
            return stop
    alarms = sorted((s for s in statistics if s.alarms), key=_excess, reverse=True)
    fixable = [s for s in alarms if s.fixable]
    if fixable:
        return DriftVerdict("retrain", "drift", _drifted(fixable, len(statistics)))
    if alarms:
        return DriftVerdict("warn", "drift_without_labels", _drifted(alarms, len(statistics)))
    if ages:
        return DriftVerdict("warn", ages[0].name, " ".join(age.sentence for age in ages))
    if not statistics:
        n_tokens = sum(c.current.n_tokens for c in comparisons)
        sentence = f"Too little new data: {n_tokens:,} tokens, at least {config.min_tokens:,} needed."
        return DriftVerdict("steady", "support", sentence)
    nearest = max(statistics, key=_excess)
    sentence = (
        f"None of {len(statistics)} statistics is above its noise floor; closest: {_described(nearest)}."
    )
    return DriftVerdict("steady", "drift", sentence)


def _stop(found: ProfilePair, config: MonitorConfig) -> DriftVerdict | None:
    current = found.current if found.arrived is None else found.arrived
    n = current.n_sequences + current.n_broken
    if current.broken > config.max_broken:
        sentence = (
            f"{current.n_broken:,} of {n:,} sequences of the {found.origin} are broken "
            f"({percent(current.broken)}); at most {percent(config.max_broken)} allowed."
        )
        return DriftVerdict("stop", "broken", sentence)
    if current.n_tokens >= config.min_tokens and current.unknown_tokens > config.max_unknown:
        sentence = (
            f"{percent(current.unknown_tokens)} of {current.n_tokens:,} tokens of the {found.origin} are "
            f"unknown to the model; at most {percent(config.max_unknown)} allowed "
            f"({percent(found.reference.unknown_tokens)} in the reference)."
        )
        return DriftVerdict("stop", "unknown", sentence)
    return None


def _drifted(alarms: Sequence[Statistic], n: int) -> str:
    are = "is" if len(alarms) == 1 else "are"
    return f"{len(alarms)} of {n} statistics {are} above the noise floor; highest: {_described(alarms[0])}."


def _described(s: Statistic) -> str:
    shares = f"{s.where}: {percent(s.reference)} before, {percent(s.current)} now"
    figures = f"{s.measure} {s.value:.4f}, floor {s.threshold or 0:.4f}"
    return f"{s.name} of the {s.origin} ({figures}; {shares}, {s.current_support:,} {s.unit})"


def _excess(s: Statistic) -> float:
    """Return the ratio of a value to its floor; infinite or 0 for a floor of 0."""
    if s.threshold is None:
        return 0.0
    if s.threshold <= 0:
        return math.inf if s.alarms else 0.0
    return s.value / s.threshold
