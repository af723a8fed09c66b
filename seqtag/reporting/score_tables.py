"""Tables of the report, extracted from the records of a run and sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqtag.config import Metric
from seqtag.corpus import BestPossible
from seqtag.evaluation import Interval, Metrics, Scores
from seqtag.evaluation.prf import Prf
from seqtag.evaluation.slices import SliceScores
from seqtag.formatting import (
    METRIC_NAMES,
    count,
    level,
    percent,
    percent_range,
    plural,
    points,
    points_range,
    with_range,
)
from seqtag.gate import Decision
from seqtag.reporting.sentences import baseline_label, champion_label
from seqtag.tagging.spans import SPAN_MODES

UNKNOWN = Interval(value=None, low=None, high=None, support=0, documents=0)


@dataclass(frozen=True)
class NamedScores:
    """Precision, recall and F1 of one tag, type or average; `champion` is the champion's F1."""

    name: str
    scores: Prf
    champion: Interval | None


@dataclass(frozen=True)
class MetricRow:
    """One metric of all models, such as token accuracy."""

    name: str
    challenger: Interval
    champion: Interval | None
    baseline: Interval | None


@dataclass(frozen=True)
class SliceValue:
    """The sequences with one value of a slice, and their score."""

    value: str
    n_sequences: int
    n_tokens: int
    score: Interval


@dataclass(frozen=True)
class Slice:
    """The test split divided by a value; `whole` is the score, named `measure`, on all of test."""

    name: str
    measure: str
    values: tuple[SliceValue, ...]
    whole: float | None


@dataclass(frozen=True)
class Bound:
    """The accuracy on test of this model or of a best possible one; `expected` is as in `BestPossible`."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    expected: float | None


def metric_rows(metrics: Metrics) -> list[MetricRow]:
    """Return the metrics of all models, the deciding one first."""
    challenger, champion, baseline = (
        {} if scores is None else _measures(scores, metrics.metric)
        for scores in (metrics.challenger, metrics.champion, metrics.baseline)
    )
    return [
        MetricRow(name, interval, champion.get(name), baseline.get(name))
        for name, interval in challenger.items()
        if interval is not None
    ]


def _measures(scores: Scores, metric: Metric) -> dict[str, Interval | None]:
    """Return name -> score of one model, the deciding one first."""
    both: list[tuple[str, Interval | None]] = [
        ("span F1", scores.span_f1),
        ("token accuracy", scores.accuracy),
    ]
    found = dict(reversed(both) if metric == "accuracy" else both)
    if scores.spans is None:
        return found
    conlleval, strict = scores.spans["conlleval"], scores.spans["strict"]
    return {
        **found,
        "span F1, strict, micro": strict.micro.f1,
        "span F1, strict, macro": strict.macro.f1,
        "span F1, conlleval, macro": conlleval.macro.f1,  # the micro average is "span F1"
    }


def scores_by_name(challenger: Scores, champion: Scores | None) -> list[NamedScores]:
    """Return the scores of each type, or tag if there are no spans, in order of decreasing support."""
    if challenger.spans is None:
        return scores_by_tag(challenger, champion)
    before = None if champion is None else champion.spans
    return _named(challenger.spans["conlleval"].types, {} if before is None else before["conlleval"].types)


def scores_by_tag(challenger: Scores, champion: Scores | None) -> list[NamedScores]:
    """Return the scores of each tag, in order of decreasing support."""
    return _named(challenger.tags, {} if champion is None else champion.tags)


def average_scores(challenger: Scores, champion: Scores | None) -> list[NamedScores]:
    """Return micro and macro averages over span types; empty without spans."""
    if challenger.spans is None:
        return []
    before = None if champion is None else champion.spans
    averages = []
    for mode in SPAN_MODES:
        own, champions = challenger.spans[mode], None if before is None else before[mode]
        averages += [
            NamedScores(f"micro, {mode}", own.micro, None if champions is None else champions.micro.f1),
            NamedScores(f"macro, {mode}", own.macro, None if champions is None else champions.macro.f1),
        ]
    return averages


def _named(scores: Mapping[str, Prf], champion: Mapping[str, Prf]) -> list[NamedScores]:
    ordered = sorted(scores.items(), key=lambda pair: (-pair[1].support, pair[0]))
    return [NamedScores(name, prf, champion[name].f1 if name in champion else None) for name, prf in ordered]


def evidence_rows(metrics: Metrics, decision: Decision) -> list[tuple[str, str, str, str]]:
    """Return the evidence for a verdict: name, score or difference, interval, and support."""
    unit = "gold span" if metrics.metric == "span_f1" else "token"
    champion = champion_label(decision.champion_version, is_champion_retrained=decision.is_champion_retrained)
    models = (
        ("this model", metrics.challenger),
        (champion, metrics.champion),
        (baseline_label(metrics.baseline_name), metrics.baseline),
    )
    rows = [
        (name, percent(scores.score.value), percent_range(scores.score), _support(scores.score, unit))
        for name, scores in models
        if scores is not None
    ]
    difference = decision.difference
    if difference is not None:
        support = _support(difference, "sequence")
        found = [("difference", points(difference.value), points_range(difference), support)]
        if decision.bound is not None:
            margin = f"margin {points(decision.margin)}"
            found.append(("difference, at least", points(decision.bound), margin, support))
        rows[2:2] = found
    return rows


def _support(of: Interval, unit: str) -> str:
    return f"{plural(of.support, unit)} in {plural(of.documents, 'document')}"


def score_rows(metrics: Metrics) -> list[dict[str, str]]:
    """Return the deciding score on all of test, then the F1 of each type, or tag if there are no spans."""
    challenger, champion = metrics.challenger, metrics.champion
    spans = challenger.spans
    micro = spans["conlleval"].micro if spans and metrics.metric == "span_f1" else None
    unit = "span" if spans else "token"
    return [
        _score_row(
            METRIC_NAMES[metrics.metric],
            challenger.score,
            support=plural(challenger.score.support, "gold span" if micro else "gold token"),
            precision=None if micro is None else micro.precision,
            recall=None if micro is None else micro.recall,
            champion=None if champion is None else champion.score,
            confidence=metrics.confidence,
        ),
        *(
            _score_row(
                f"F1 of {named.name}",
                named.scores.f1,
                support=plural(named.scores.support, f"gold {unit}"),
                precision=named.scores.precision,
                recall=named.scores.recall,
                champion=named.champion,
                confidence=metrics.confidence,
            )
            for named in scores_by_name(challenger, champion)
        ),
    ]


def _score_row(
    name: str,
    score: Interval,
    *,
    support: str,
    precision: Interval | None,
    recall: Interval | None,
    champion: Interval | None,
    confidence: float,
) -> dict[str, str]:
    return {
        "what": name,
        "support": support,
        "documents": count(score.documents),
        "score": percent(score.value),
        f"{level(confidence)} interval": percent_range(score),
        "precision": with_range(precision),
        "recall": with_range(recall),
        "champion": with_range(champion),
    }


def bounds(optimum: BestPossible, score: Interval) -> list[Bound]:
    """Return a model's accuracy between the best from the past alone and that from the whole sequence."""
    past, whole = optimum.past_only_realised, optimum.optimum_realised
    return [
        Bound("best from the past alone", past, None, None, optimum.past_only_expected),
        Bound("this model", score.value, score.low, score.high, None),
        Bound("best from the whole sequence", whole, None, None, optimum.optimum_expected),
    ]


def slices(scores: Scores, metric: Metric) -> list[Slice]:
    """Return the slices of test, scored by the deciding metric, or by recall for slices of gold spans."""
    grouped: dict[str, list[SliceScores]] = {}
    for row in scores.slices:
        grouped.setdefault(row.slice, []).append(row)
    return [_slice(name, rows, scores, metric) for name, rows in grouped.items()]


def _slice(name: str, rows: Sequence[SliceScores], scores: Scores, metric: Metric) -> Slice:
    found = [row.accuracy if metric == "accuracy" else row.span_f1 for row in rows]
    recalls = [row.span_recall for row in rows]
    if scores.spans is not None and not any(found) and all(recalls):
        whole = scores.spans["conlleval"].micro.recall.value
        return Slice(name, "span recall", _slice_values(rows, recalls), whole)
    return Slice(name, METRIC_NAMES[metric], _slice_values(rows, found), scores.score.value)


def _slice_values(rows: Sequence[SliceScores], scores: Sequence[Interval | None]) -> tuple[SliceValue, ...]:
    return tuple(
        SliceValue(row.value, row.n_sequences, row.n_tokens, score or UNKNOWN)
        for row, score in zip(rows, scores, strict=True)
    )
