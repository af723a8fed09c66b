"""Confidence section of the report: a sentence, figures and a diagram for tokens and for spans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seqtag.reporting.formatting import (
    Interval,
    decimal,
    decimal_range,
    distance,
    distance_range,
    percent,
    percent_range,
    points,
    points_range,
)
from seqtag.reporting.plots import Picture, reliability_diagram

Written = tuple[str, str]  # figure, interval
_Form = tuple[Callable[[float | None], str], Callable[[Interval], str]]

# kind -> noun for what is counted, noun for what the model is confident in
_NOUNS = {"tokens": ("token", "tags"), "spans": ("predicted span", "spans")}
_FIGURES: Mapping[str, tuple[str, _Form]] = {
    "mean_confidence": ("mean confidence", (percent, percent_range)),
    "accuracy": ("accuracy", (percent, percent_range)),
    "gap": ("confidence minus accuracy", (points, points_range)),
    "ece": ("expected calibration error", (distance, distance_range)),
    "brier": ("Brier score", (decimal, decimal_range)),
}


@dataclass(frozen=True)
class Figure:
    """One row of the table; `champion` is None if the champion gives no confidence."""

    name: str
    challenger: Written
    champion: Written | None


@dataclass(frozen=True)
class Confidence:
    """Confidence in tokens or in predicted spans; `reliability` comes from metrics.json."""

    noun: str
    sentence: str
    reliability: Mapping[str, Any]
    champion_support: int | None
    figures: tuple[Figure, ...]
    picture: Picture


def confidences(metrics: Mapping[str, Any]) -> list[Confidence]:
    """Return the entries for the challenger's tokens and spans, if it gives confidence."""
    challenger = metrics["challenger"].get("calibration") or {}
    champion = (metrics["champion"] or {}).get("calibration") or {}
    return [
        _confidence(kind, challenger[kind], champion.get(kind))
        for kind in _NOUNS
        if challenger.get(kind) and challenger[kind]["support"]
    ]


def _confidence(kind: str, challenger: Mapping[str, Any], champion: Mapping[str, Any] | None) -> Confidence:
    noun, sure_of = _NOUNS[kind]
    return Confidence(
        noun=noun,
        sentence=_sentence(challenger, sure_of),
        reliability=challenger,
        champion_support=None if champion is None else champion["support"],
        figures=tuple(
            Figure(
                name,
                _written(challenger[key], form),
                None if champion is None else _written(champion[key], form),
            )
            for key, (name, form) in _FIGURES.items()
        ),
        picture=reliability_diagram(challenger["bins"], noun=noun),
    )


def _sentence(reliability: Mapping[str, Any], noun: str) -> str:
    """Describe whether the model is over- or underconfident."""
    sure, right, error = (reliability[name]["value"] for name in ("mean_confidence", "accuracy", "ece"))
    low, high = reliability["gap"]["low"], reliability["gap"]["high"]
    judged = f"neither clearly overconfident nor clearly underconfident in its {noun}"
    if low is not None and low > 0:
        judged = f"overconfident in its {noun}"
    if high is not None and high < 0:
        judged = f"underconfident in its {noun}"
    return (
        f"On the whole, the model is {judged}: it gives them a probability of {percent(sure)} on average, "
        f"and {percent(right)} are correct; the expected calibration error is {distance(error)}."
    )


def _written(interval: Interval, form: _Form) -> Written:
    value, both_ends = form
    return value(interval["value"]), both_ends(interval)
