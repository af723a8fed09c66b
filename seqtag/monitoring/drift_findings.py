"""Content of `drift.json`: verdict, statistics and profiles."""

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
    """Compare new data with the reference, judge the drift, and return the content of `drift.json`.

    verdict, rule, sentence   see `DriftVerdict`
    statistics                see `Statistic`, each with `alarms`
    noise_floor               the quantile shared by all statistics, the number of simulated periods, and the
                              units and periods they were drawn from
    profiles                  origin -> reference, current and, if current omits repeats, arrived;
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
    """Return the content of `drift.json` if there is no champion to compare with."""
    return {
        "verdict": "retrain",
        "rule": "no_champion",
        "sentence": "There is no champion to compare with; a retraining will produce the first one.",
        "ages": [],
        "statistics": [],
        "noise_floor": None,
        "profiles": {},
    }
