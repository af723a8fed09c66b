"""Confidence section of the report: a sentence, figures and a diagram for tokens and for spans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seqtag.evaluation import Interval, Metrics
from seqtag.evaluation.calibration import Reliability
from seqtag.formatting import (
    Range,
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
_Form = tuple[Callable[[float | None], str], Callable[[Range], str]]

_FIGURES: tuple[tuple[str, Callable[[Reliability], Interval], _Form], ...] = (
    ("mean confidence", lambda of: of.mean_confidence, (percent, percent_range)),
    ("accuracy", lambda of: of.accuracy, (percent, percent_range)),
    ("confidence minus accuracy", lambda of: of.gap, (points, points_range)),
    ("expected calibration error", lambda of: of.ece, (distance, distance_range)),
    ("Brier score", lambda of: of.brier, (decimal, decimal_range)),
)


@dataclass(frozen=True)
class Figure:
    """One row of the table; `champion` is None if the champion gives no confidence."""

    name: str
    challenger: Written
    champion: Written | None


@dataclass(frozen=True)
class Confidence:
    """Confidence in tokens or in predicted spans."""

    noun: str  # for what is counted
    sentence: str
    reliability: Reliability  # of the challenger
    champion_support: int | None
    figures: tuple[Figure, ...]
    picture: Picture


def confidences(metrics: Metrics) -> list[Confidence]:
    """Return the entries for the challenger's tokens and spans, if it gives confidence."""
    challenger = metrics.challenger.calibration
    champion = None if metrics.champion is None else metrics.champion.calibration
    if challenger is None:
        return []
    tokens, spans = (None, None) if champion is None else (champion.tokens, champion.spans)
    compared = (
        ("token", "tags", challenger.tokens, tokens),
        ("predicted span", "spans", challenger.spans, spans),
    )
    return [
        _confidence(own, champions, noun=noun, sure_of=sure_of)
        for noun, sure_of, own, champions in compared
        if own is not None and own.support
    ]


def _confidence(
    challenger: Reliability, champion: Reliability | None, *, noun: str, sure_of: str
) -> Confidence:
    return Confidence(
        noun=noun,
        sentence=_sentence(challenger, sure_of),
        reliability=challenger,
        champion_support=None if champion is None else champion.support,
        figures=tuple(
            Figure(
                name,
                _written(figure(challenger), form),
                None if champion is None else _written(figure(champion), form),
            )
            for name, figure, form in _FIGURES
        ),
        picture=reliability_diagram(challenger.bins, noun=noun),
    )


def _sentence(reliability: Reliability, noun: str) -> str:
    """Describe whether the model is over- or underconfident."""
    gap, right = reliability.gap, reliability.accuracy.value
    judged = f"neither clearly overconfident nor clearly underconfident in its {noun}"
    if gap.low is not None and gap.low > 0:
        judged = f"overconfident in its {noun}"
    if gap.high is not None and gap.high < 0:
        judged = f"underconfident in its {noun}"
    return (
        f"On the whole, the model is {judged}: it gives them a probability of "
        f"{percent(reliability.mean_confidence.value)} on average, and {percent(right)} are correct; the "
        f"expected calibration error is {distance(reliability.ece.value)}."
    )


def _written(interval: Interval, form: _Form) -> Written:
    value, both_ends = form
    return value(interval.value), both_ends(interval)
