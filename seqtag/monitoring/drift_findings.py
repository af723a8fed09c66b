"""All that was found of new data, as it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from seqtag.config import MonitorConfig
from seqtag.monitoring.drift import ProfilePair, compare
from seqtag.monitoring.drift_verdict import judge_drift
from seqtag.monitoring.staleness import AgeAlarm
from seqtag.monitoring.thresholds import resamples_for


def drift_findings(
    comparisons: Sequence[ProfilePair], ages: Sequence[AgeAlarm], *, config: MonitorConfig, seed: int
) -> dict[str, Any]:
    """Compare, judge, and return what `drift.json` says of it.

    verdict, rule, sentence   see `DriftVerdict`
    statistics                see `Statistic`, each with `alarms`
    noise_floor               the quantile that all statistics share, of how many simulated periods, and what
                              these were drawn from
    profiles                  origin -> reference, current and, where repeats are left out of it, arrived:
                              see `PeriodProfile.summary`
    """
    statistics = compare(comparisons, config=config, seed=seed)
    n_resamples = resamples_for(config.quantile, n_statistics=len(statistics), at_least=config.resamples)
    return {
        **asdict(judge_drift(comparisons, statistics, ages, config=config)),
        "ages": [asdict(age) for age in ages],
        "statistics": [{**asdict(s), "alarms": s.alarms} for s in statistics],
        "noise_floor": {
            "quantile": config.quantile,
            "resamples": n_resamples,
            "drawn_from": {
                c.origin: {
                    "unit": c.reference.blocks.unit,
                    "periods": [name for name in c.reference.blocks.periods if name],
                }
                for c in comparisons
            },
        },
        "profiles": {
            c.origin: {
                "reference": c.reference.summary(),
                "current": c.current.summary(),
                **({} if c.arrived is None else {"arrived": c.arrived.summary()}),
            }
            for c in comparisons
        },
    }


def without_champion() -> dict[str, Any]:
    """Return the same where no model serves, so that there is nothing to compare with."""
    return {
        "verdict": "retrain",
        "rule": "no_champion",
        "sentence": "No model serves: there is nothing to compare with, and a retraining gives the first.",
        "ages": [],
        "statistics": [],
        "noise_floor": None,
        "profiles": {},
    }
