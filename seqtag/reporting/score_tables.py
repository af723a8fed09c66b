"""Tables of the report, extracted from the JSON files of a run and sorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from seqtag.reporting.formatting import (
    METRIC_NAMES,
    Interval,
    count,
    level,
    percent,
    percent_range,
    plural,
    with_range,
)
from seqtag.reporting.markdown import inline

REST = "all others"
UNKNOWN: Interval = {"value": None, "low": None, "high": None, "support": 0, "documents": 0}


@dataclass(frozen=True)
class NamedScores:
    """Precision, recall and F1 of one tag, type or average; `champion` is the champion's F1."""

    name: str
    scores: Mapping[str, Any]
    champion: Interval | None


@dataclass(frozen=True)
class MetricRow:
    """One metric of all models, such as token accuracy."""

    name: str
    challenger: Interval
    champion: Interval | None
    baseline: Interval | None


@dataclass(frozen=True)
class ConfusedPair:
    """Number of `gold` tokens tagged `predicted`, and their share of all `gold` tokens."""

    gold: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class ConfusionSquare:
    """A confusion matrix; `n_left_out` tags are grouped in its last row and column."""

    tags: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    n_left_out: int


@dataclass(frozen=True)
class SliceValue:
    """The sequences with one value of a slice, and their score."""

    value: str
    n_sequences: int
    n_tokens: int
    score: Interval

    @classmethod
    def of(cls, row: Mapping[str, Any], score: Interval) -> Self:
        return cls(row["value"], row["n_sequences"], row["n_tokens"], score)


@dataclass(frozen=True)
class Slice:
    """The test split divided by a value; `whole` is the score, named `measure`, on all of test."""

    name: str
    measure: str
    values: tuple[SliceValue, ...]
    whole: float | None


def metric_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Return the metrics of all models, the deciding one first."""
    paths: list[tuple[str, tuple[str, ...]]] = [("span F1", ("span_f1",)), ("token accuracy", ("accuracy",))]
    if metrics["metric"] == "accuracy":
        paths.reverse()
    for mode in ("strict", "conlleval"):
        for average in ("micro", "macro"):
            if (mode, average) != ("conlleval", "micro"):  # that one is "span F1"
                paths.append((f"span F1, {mode}, {average}", ("spans", mode, average, "f1")))
    found = []
    for name, path in paths:
        challenger = _at(metrics["challenger"], path)
        if challenger is not None:
            others = (_at(metrics.get(who), path) for who in ("champion", "baseline"))
            found.append(MetricRow(name, challenger, *others))
    return found


def named_scores(
    challenger: Mapping[str, Any], champion: Mapping[str, Any] | None, path: Sequence[str]
) -> list[NamedScores]:
    """Return the scores found under `path`, by name, in order of decreasing support."""
    found = _at(challenger, path) or {}
    before = _at(champion, path) or {}
    ordered = sorted(found.items(), key=lambda pair: (-pair[1]["support"], pair[0]))
    return [NamedScores(name, s, before[name]["f1"] if name in before else None) for name, s in ordered]


def score_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the deciding score on all of test, then the F1 of each type, or tag if there are no spans.

    Cells are Markdown.
    """
    challenger, champion = metrics["challenger"], metrics["champion"]
    spans, by_name = challenger["spans"], type_path(challenger)
    micro = spans["conlleval"]["micro"] if spans and metrics["metric"] == "span_f1" else {}
    whole = NamedScores(
        METRIC_NAMES[metrics["metric"]],
        {**micro, "f1": challenger["score"], "support": challenger["score"]["support"]},
        champion["score"] if champion else None,
    )
    unit = "span" if spans else "token"
    return [
        _score_row(whole, metrics, unit="span" if micro else "token"),
        *(
            _score_row(replace(named, name=f"F1 of {named.name}"), metrics, unit=unit)
            for named in named_scores(challenger, champion, by_name)
        ),
    ]


def type_path(scores: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the path of the scores by type, or by tag if there are no spans."""
    return ("spans", "conlleval", "types") if scores["spans"] else ("tags",)


def _score_row(named: NamedScores, metrics: Mapping[str, Any], *, unit: str) -> dict[str, str]:
    scores = named.scores
    return {
        "what": inline(named.name),
        "support": plural(scores["support"], f"gold {unit}"),
        "documents": count(scores["f1"]["documents"]),
        "score": percent(scores["f1"]["value"]),
        f"{level(metrics['confidence'])} interval": percent_range(scores["f1"]),
        "precision": with_range(scores.get("precision")),
        "recall": with_range(scores.get("recall")),
        "champion": with_range(named.champion),
    }


def confusions(confusion: Mapping[str, Any], *, most: int) -> list[ConfusedPair]:
    """Return the `most` frequent confusions, the most frequent first."""
    tags, counts = confusion["tags"], _counts(confusion)
    rows, columns = np.nonzero(counts * ~np.eye(len(tags), dtype=bool))
    order = np.lexsort((columns, rows, -counts[rows, columns]))[:most]
    support = counts.sum(axis=1)
    return [
        ConfusedPair(tags[r], tags[c], int(counts[r, c]), float(counts[r, c] / support[r]))
        for r, c in zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    ]


def square(confusion: Mapping[str, Any], *, most: int) -> ConfusionSquare:
    """Return the confusion matrix, grouping all but the most confused tags if there are more than `most`."""
    tags, counts = list(confusion["tags"]), _counts(confusion)
    if len(tags) <= most:
        return ConfusionSquare(tuple(tags), _tuples(counts), 0)
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    kept = np.sort(np.argsort(-errors, kind="stable")[: most - 1])
    belongs = np.zeros((len(tags), most), np.int64)
    belongs[:, -1] = 1
    belongs[kept] = np.eye(most, dtype=np.int64)[: most - 1]
    names = (*(tags[i] for i in kept), REST)
    return ConfusionSquare(names, _tuples(belongs.T @ counts @ belongs), len(tags) - len(kept))


def slices(scores: Mapping[str, Any], metric: str) -> list[Slice]:
    """Return the slices of test, scored by the deciding metric, or by recall for slices of gold spans."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in scores["slices"]:
        grouped.setdefault(row["slice"], []).append(row)
    return [_slice(name, rows, scores, metric) for name, rows in grouped.items()]


def _slice(name: str, rows: list[Mapping[str, Any]], scores: Mapping[str, Any], metric: str) -> Slice:
    if all(row[metric] is None and "span_recall" in row for row in rows):
        found = [(row, row["span_recall"]) for row in rows]
        whole = scores["spans"]["conlleval"]["micro"]["recall"]["value"]
        return Slice(name, "span recall", tuple(SliceValue.of(*pair) for pair in found), whole)
    found = [(row, row[metric] or UNKNOWN) for row in rows]
    return Slice(
        name, METRIC_NAMES[metric], tuple(SliceValue.of(*pair) for pair in found), scores["score"]["value"]
    )


def leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings with their dotted names."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _at(scores: Mapping[str, Any] | None, path: Sequence[str]) -> Any:
    found: Any = scores
    for key in path:
        if found is None:
            return None
        found = found[key]
    return found


def _counts(confusion: Mapping[str, Any]) -> np.ndarray:
    n = len(confusion["tags"])
    return np.asarray(confusion["counts"], np.int64).reshape(n, n)


def _tuples(counts: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(n) for n in row) for row in counts)
