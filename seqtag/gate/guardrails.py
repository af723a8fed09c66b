"""Guardrails: types and slices on which a challenger must not be clearly worse than the champion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.evaluation.bootstrap import percentile_interval, resampled_totals
from seqtag.evaluation.counts import CORRECT, GOLD, PREDICTED, ClassCounts, TagPairs, span_counts, tag_counts
from seqtag.evaluation.metric import metric_counts
from seqtag.evaluation.predictions import Predictions
from seqtag.evaluation.prf import Sums, f1, ratio, t_reach
from seqtag.evaluation.slices import Slices, by_column, by_length, by_repetition, sequence_counts


@dataclass(frozen=True)
class Guardrail:
    """The challenger's score minus the champion's on one type, tag or slice.

    The interval is wider than that of the decision, because there are many guardrails (Bonferroni, which
    allows for overlapping types and slices) and because retraining noise is larger in a part than on the
    whole. If both models are equally good everywhere, the probability that any interval lies below the
    default margin is at most (1 - confidence) / 2: measured in benchmarks/promotions, because the noise of a
    part is not known.
    """

    what: str  # such as `type PER` or `genre = email`
    difference: float
    low: float
    high: float
    support: int  # gold spans or tokens of a type, sequences of a slice
    documents: int  # resampling units that contain them


@dataclass(frozen=True, eq=False)
class _Part:
    """Counts of the metric by slice: `Counts` of `[slice, 2]` per sequence."""

    member: npt.NDArray[np.int32]
    counts: npt.NDArray[np.float32]  # [n_sequences, 2]
    n_slices: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.n_slices, 2

    def rows(self, sequences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        table = np.zeros((len(sequences), *self.shape), np.float32)
        table[np.arange(len(sequences)), self.member[sequences]] = self.counts[sequences]
        return table


@dataclass(frozen=True, eq=False)
class _Compared:
    """A part of the test split and the difference between the models on it.

    difference: <float64>[1 + resamples]
    score: mean of both models
    share: of the tokens or spans of the whole split, in [0, 1]
    """

    what: str
    difference: Sums
    score: float
    support: int
    documents: int
    share: float


def guardrails(
    challenger: Predictions,
    champion: Predictions,
    *,
    scheme: SchemeName,
    metric: Metric,
    gate: GateConfig,
    evaluate: EvaluateConfig,
    noise: float,
    seed: int,
) -> list[Guardrail]:
    """Compare two models on every type (or tag) and slice with a support of at least `gate.min_support`.

    Types are compared by F1, tags by recall, slices by the metric of the decision.

    Args:
        noise: standard deviation of the score between equally good retrainings.
    """
    classes = [_class_counts(each.pairs, scheme) for each in (challenger, champion)]
    slices = _slices(challenger, evaluate)
    counts = [metric_counts(each.pairs, metric=metric, scheme=scheme) for each in (challenger, champion)]
    parts = [_Part(part.member, of_model, len(part.values)) for part in slices for of_model in counts]
    totals = resampled_totals([*classes, *parts], units=challenger.units, resamples=gate.resamples, seed=seed)
    figure = f1 if scheme != "none" else _recall
    word = "type" if scheme != "none" else "tag"
    n_gold = max(1.0, float(totals[0].sums[0, GOLD].sum()))
    found: list[_Compared] = []
    for name, in_challenger, in_champion in _common(classes[0].names, classes[1].names):
        sums = [of.sums[:, :, [i]] for of, i in zip(totals[:2], (in_challenger, in_champion), strict=True)]
        one, other = (figure(of_model)[:, 0] for of_model in sums)
        support = int(sums[0][0, GOLD, 0])
        documents = int(totals[0].n_units[[GOLD, PREDICTED], in_challenger].max())
        score, share = float(one[0] + other[0]) / 2, support / n_gold
        found.append(_Compared(f"{word} {name}", one - other, score, support, documents, share))
    for number, part in enumerate(slices):
        of_challenger, of_champion = totals[2 + 2 * number], totals[3 + 2 * number]
        sizes = np.bincount(part.member, minlength=len(part.values))
        whole = max(1.0, float(of_challenger.sums[0, :, 1].sum()))
        for i, value in enumerate(part.values):
            one, other = (ratio(*of_model.sums[:, i].T) for of_model in (of_challenger, of_champion))
            score, size = float(one[0] + other[0]) / 2, int(sizes[i])
            share = float(of_challenger.sums[0, i, 1]) / whole
            documents = int(of_challenger.n_units[i, 1])
            found.append(_Compared(f"{part.name} = {value}", one - other, score, size, documents, share))
    kept = [each for each in found if each.support >= gate.min_support and not np.isnan(each.difference[0])]
    confidence = 1 - (1 - gate.confidence) / max(1, len(kept))
    right, found_in = (
        float(sum(of_model[:, i].sum(dtype=np.float64) for of_model in counts)) for i in (0, 1)
    )
    noise_of_one = noise / _deviation(right / found_in) if 0 < right < found_in else 0.0
    return [_guardrail(each, confidence=confidence, noise_of_one=noise_of_one) for each in kept]


def _class_counts(pairs: TagPairs, scheme: SchemeName) -> ClassCounts:
    if scheme == "none":
        return tag_counts(pairs)
    return span_counts(*pairs.spans(scheme, "conlleval"), pairs.offsets)


def _slices(predictions: Predictions, evaluate: EvaluateConfig) -> list[Slices]:
    counts = sequence_counts(predictions.pairs, "none")
    slices = [by_length(counts, predictions.pairs.offsets, evaluate.length_buckets)]
    if predictions.seen is not None and predictions.seen.any():
        slices.append(by_repetition(counts, predictions.seen))
    return [*slices, *(by_column(counts, name, column) for name, column in predictions.columns.items())]


def _common(challenger: Sequence[str], champion: Sequence[str]) -> list[tuple[str, int, int]]:
    number = {name: i for i, name in enumerate(champion)}
    return [(name, i, number[name]) for i, name in enumerate(challenger) if name in number]


def _recall(sums: Sums) -> Sums:
    return ratio(sums[..., CORRECT, :], sums[..., GOLD, :])


def _deviation(share: float) -> float:
    """Return the standard deviation of a single token or span that is right with this probability."""
    return (share * (1 - share)) ** 0.5


def _guardrail(part: _Compared, *, confidence: float, noise_of_one: float) -> Guardrail:
    """Return the interval of a part, from the uncertainty of the test split and retraining noise.

    Each end of the interval is the wider of the percentile and the t interval, because with many guardrails
    the percentiles lie where there are few resamples. Retraining noise in a part is modelled as independent
    errors of its tokens: the smaller the part and the harder its tokens, the larger it is.

    Args:
        noise_of_one: retraining noise divided by the standard deviation of one token.
    """
    value = float(part.difference[0])
    low, high = percentile_interval(part.difference[1:, None], confidence)
    tail = (1 + confidence) / 2
    reach = t_reach(tail, part.documents, deviation=float(np.nanstd(part.difference[1:], ddof=1)))
    noise = noise_of_one * _deviation(part.score) / part.share**0.5 if part.share else math.inf
    of_training = t_reach(tail, part.documents, deviation=2**0.5 * noise)
    return Guardrail(
        what=part.what,
        difference=value,
        low=max(value - math.hypot(max(value - float(low[0]), reach), of_training), -1.0),
        high=min(value + math.hypot(max(float(high[0]) - value, reach), of_training), 1.0),
        support=part.support,
        documents=part.documents,
    )
