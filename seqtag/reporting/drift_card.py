"""Drift card: findings of monitoring as Markdown for the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.reporting.formatting import MISSING, count, percent, plural
from seqtag.reporting.markdown import inline, table

_TITLES = {"steady": "Steady", "warn": "Warning", "retrain": "Retrain", "stop": "Stop"}
_SIDES = ("reference", "current", "arrived")
_SIZES = ("data", "sequences", "broken sequences", "tokens", "unknown tokens", "unknown word types")
_HEADER = ("statistic", "reference", "current", "value", "threshold", "support", "verdict")


def drift_markdown(drift: Mapping[str, Any]) -> str:
    """Return the verdict, the statistics with their noise floors, and the sizes of both sides.

    Args:
        drift: `drift.json`.
    """
    statistics = drift["statistics"]
    parts = [
        f"# {_TITLES[drift['verdict']]}: {inline(drift['tagger'])} on {inline(drift['as_of'])}",
        inline(drift["sentence"]),
        "\n".join(f"- {inline(age['sentence'])}" for age in drift["ages"]),
        table(_HEADER, [_row(s) for s in statistics]) if statistics else "",
        _floor(drift) if statistics else "",
        table(_SIZES, _sides(drift)),
        "The share of unknown word types rises with the number of tokens, so it has no threshold.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(statistic: Mapping[str, Any]) -> list[str]:
    name = f"{statistic['name']} ({statistic['origin']}): {statistic['measure']}"
    where, threshold = statistic["where"], statistic["threshold"]
    supports = f"{count(statistic['reference_support'])} / {count(statistic['current_support'])}"
    return [
        name,
        f"{where} {percent(statistic['reference'])}",
        f"{where} {percent(statistic['current'])}",
        f"{statistic['value']:.4f}",
        MISSING if threshold is None else f"{threshold:.4f}",
        f"{supports} {statistic['unit']}",
        "ALARM" if statistic["alarms"] else "steady",
    ]


def _floor(drift: Mapping[str, Any]) -> str:
    floor = drift["noise_floor"]
    periods = " and ".join(
        f"{len(of['periods']) or 'random'} {'periods' if of['periods'] else of['unit'] + 's'} ({origin})"
        for origin, of in floor["drawn_from"].items()
    )
    is_dated = any(of["periods"] for of in floor["drawn_from"].values())
    further = ", or extrapolated to one more dated period if that is higher" if is_dated else ""
    return (
        f"Thresholds are quantiles of {plural(floor['resamples'], 'simulated period')} drawn from {periods} "
        f"of the reference{further}. Without drift, at most about {percent(1 - floor['quantile'])} of runs "
        f"raise any alarm, over all {plural(len(drift['statistics']), 'statistic')}."
    )


def _sides(drift: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            f"{origin}: {side}",
            count(profile["n_sequences"]),
            count(profile["n_broken"]),
            count(profile["n_tokens"]),
            percent(profile["unknown_tokens"]),
            f"{percent(profile['unknown_types'])} of {count(profile['n_types'])}",
        ]
        for origin, sides in drift["profiles"].items()
        for side, profile in ((side, sides[side]) for side in _SIDES if side in sides)
    ]
