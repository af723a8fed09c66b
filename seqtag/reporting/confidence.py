"""What the report says about confidence: for tokens and for spans a sentence, figures, and a picture."""

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

Written = tuple[str, str]  # a figure and its interval
_Form = tuple[Callable[[float | None], str], Callable[[Interval], str]]

# how the report names tokens and spans, and what a model is sure of in them
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
    """One line of the table; `champion` is None where the champion tells no confidence."""

    name: str
    challenger: Written
    champion: Written | None


@dataclass(frozen=True)
class Confidence:
    """All about the confidence in tokens, or in predicted spans; `reliability` is as metrics.json has it."""

    noun: str
    sentence: str
    reliability: Mapping[str, Any]
    champion_support: int | None
    figures: tuple[Figure, ...]
    picture: Picture


def confidences(metrics: Mapping[str, Any]) -> list[Confidence]:
    """Return what is known of the challenger's tokens and spans, nothing where it tells no confidence."""
    ours = metrics["challenger"].get("calibration") or {}
    theirs = (metrics["champion"] or {}).get("calibration") or {}
    return [
        _confidence(kind, ours[kind], theirs.get(kind))
        for kind in _NOUNS
        if ours.get(kind) and ours[kind]["support"]
    ]


def _confidence(kind: str, ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> Confidence:
    noun, sure_of = _NOUNS[kind]
    return Confidence(
        noun=noun,
        sentence=_sentence(ours, sure_of),
        reliability=ours,
        champion_support=None if theirs is None else theirs["support"],
        figures=tuple(
            Figure(name, _written(ours[key], form), None if theirs is None else _written(theirs[key], form))
            for key, (name, form) in _FIGURES.items()
        ),
        picture=reliability_diagram(ours["bins"], noun=noun),
    )


def _sentence(reliability: Mapping[str, Any], noun: str) -> str:
    """Say in plain words whether confidence can be taken at its word."""
    sure, right, error = (reliability[name]["value"] for name in ("mean_confidence", "accuracy", "ece"))
    low, high = reliability["gap"]["low"], reliability["gap"]["high"]
    judged = f"neither clearly too sure nor clearly too unsure of its {noun}"
    if low is not None and low > 0:
        judged = f"too sure of its {noun}"
    if high is not None and high < 0:
        judged = f"too unsure of its {noun}"
    return (
        f"On the whole the model is {judged}: it gives them a probability of {percent(sure)} on average, and "
        f"{percent(right)} are right; bin by bin the two lie {distance(error)} apart."
    )


def _written(interval: Interval, form: _Form) -> Written:
    value, both_ends = form
    return value(interval["value"]), both_ends(interval)
