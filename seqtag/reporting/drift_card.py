"""Drift card: findings of monitoring as Markdown for the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqtag.formatting import MISSING, count, percent, plural
from seqtag.reporting.markdown import inline, table

if TYPE_CHECKING:
    from seqtag.monitoring import DriftReport, NoiseFloor, ProfileSummary, Statistic

_TITLES = {"steady": "Steady", "warn": "Warning", "retrain": "Retrain", "stop": "Stop"}
_SIZES = ("data", "sequences", "broken sequences", "tokens", "unknown tokens", "unknown word types")
_HEADER = ("statistic", "reference", "current", "value", "threshold", "support", "verdict")


def drift_markdown(drift: DriftReport) -> str:
    """Return the verdict, the statistics with their noise floors, and the sizes of both sides."""
    floor = drift.noise_floor if drift.statistics else None
    parts = [
        f"# {_TITLES[drift.verdict]}: {inline(drift.tagger)} on {inline(drift.as_of)}",
        inline(drift.sentence),
        "\n".join(f"- {inline(age.sentence)}" for age in drift.ages),
        table(_HEADER, [_row(s) for s in drift.statistics]) if drift.statistics else "",
        "" if floor is None else _thresholds(floor, n_statistics=len(drift.statistics)),
        table(_SIZES, _sides(drift)),
        "The share of unknown word types rises with the number of tokens, so it has no threshold.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(s: Statistic) -> list[str]:
    supports = f"{count(s.reference_support)} / {count(s.current_support)}"
    return [
        f"{s.name} ({s.origin}): {s.measure}",
        f"{s.where} {percent(s.reference)}",
        f"{s.where} {percent(s.current)}",
        f"{s.value:.4f}",
        MISSING if s.threshold is None else f"{s.threshold:.4f}",
        f"{supports} {s.unit}",
        "ALARM" if s.alarms else "steady",
    ]


def _thresholds(floor: NoiseFloor, *, n_statistics: int) -> str:
    periods = " and ".join(
        f"{len(of.periods) or 'random'} {'periods' if of.periods else of.unit + 's'} ({origin})"
        for origin, of in floor.drawn_from.items()
    )
    is_dated = any(of.periods for of in floor.drawn_from.values())
    further = ", or extrapolated to one more dated period if that is higher" if is_dated else ""
    return (
        f"Thresholds are quantiles of {plural(floor.resamples, 'simulated period')} drawn from {periods} "
        f"of the reference{further}. Without drift, at most about {percent(1 - floor.quantile)} of runs "
        f"raise any alarm, over all {plural(n_statistics, 'statistic')}."
    )


def _sides(drift: DriftReport) -> list[list[str]]:
    return [
        _size(f"{origin}: {side}", profile)
        for origin, sides in drift.profiles.items()
        for side, profile in (
            ("reference", sides.reference),
            ("current", sides.current),
            ("arrived", sides.arrived),
        )
        if profile is not None
    ]


def _size(side: str, profile: ProfileSummary) -> list[str]:
    return [
        side,
        count(profile.n_sequences),
        count(profile.n_broken),
        count(profile.n_tokens),
        percent(profile.unknown_tokens),
        f"{percent(profile.unknown_types)} of {count(profile.n_types)}",
    ]
