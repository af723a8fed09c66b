"""Guardrails: types and slices on which a challenger must not be clearly worse than the champion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.evaluation.bootstrap import percentile_interval, resampled_totals
from seqtag.evaluation.counts import CORRECT, GOLD, PREDICTED, ClassCounts, TagPairs, span_counts, tag_counts
from seqtag.evaluation.metric import metric_counts
from seqtag.evaluation.predictions import Predictions
from seqtag.evaluation.prf import Sums, f1, ratio, t_reach
from seqtag.evaluation.slices import Slices, by_column, by_length, by_repetition, sequence_counts


class Guardrail(TypedDict):
    """A type, tag or slice: the challenger's score minus the champion's.

    The interval is wider than the decision's, since there are many of them (Bonferroni, which holds however
    types and slices overlap), and since retrainings differ more in a part than on the whole. Where both are
    equally good everywhere, at most (1 - confidence) / 2 have an interval below the default margin: measured
    in benchmarks/promotions, since how unevenly retrainings vary is not known beforehand.
    """

    what: str  # such as `type PER` or `genre = email`
    difference: float
    low: float
    high: float
    support: int  # gold spans or tokens of a type, sequences of a slice
    documents: int  # resampling units that these are in


@dataclass(frozen=True, eq=False)
class _Part:
    """The metric's counts of the sequences of each slice: `[sequence, slice, 2]`."""

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
    """A part of the test split, with the difference on it in each resample.

    difference: <float64>[1 + resamples]
    score: of both models in the mean
    share: of the whole split's tokens or spans, in [0, 1]
    """

    what: str
    difference: Sums
    score: float
    support: int
    documents: int
    share: float


def guardrails(
    ours: Predictions,
    theirs: Predictions,
    *,
    scheme: SchemeName,
    metric: Metric,
    gate: GateConfig,
    evaluate: EvaluateConfig,
    noise: float,
    seed: int,
) -> list[Guardrail]:
    """Compare two models on every type (or tag) and slice of at least `gate.min_support`.

    A type is compared by F1, a tag by the share of it that is found, a slice by the metric that decides.

    Args:
        noise: standard deviation of the score between equally good retrainings.
    """
    classes = [_class_counts(each.pairs, scheme) for each in (ours, theirs)]
    slices = _slices(ours, evaluate)
    counts = [metric_counts(each.pairs, metric=metric, scheme=scheme) for each in (ours, theirs)]
    parts = [_Part(part.member, of_model, len(part.values)) for part in slices for of_model in counts]
    totals = resampled_totals([*classes, *parts], units=ours.units, resamples=gate.resamples, seed=seed)
    figure = f1 if scheme != "none" else _share_found
    word = "type" if scheme != "none" else "tag"
    n_gold = max(1.0, float(totals[0].sums[0, GOLD].sum()))
    found: list[_Compared] = []
    for name, ours_of, theirs_of in _common(classes[0].names, classes[1].names):
        sums = [of.sums[:, :, [i]] for of, i in zip(totals[:2], (ours_of, theirs_of), strict=True)]
        one, other = (figure(of_model)[:, 0] for of_model in sums)
        support = int(sums[0][0, GOLD, 0])
        documents = int(totals[0].n_units[[GOLD, PREDICTED], ours_of].max())
        score, share = float(one[0] + other[0]) / 2, support / n_gold
        found.append(_Compared(f"{word} {name}", one - other, score, support, documents, share))
    for number, part in enumerate(slices):
        of_ours, of_theirs = totals[2 + 2 * number], totals[3 + 2 * number]
        sizes = np.bincount(part.member, minlength=len(part.values))
        whole = max(1.0, float(of_ours.sums[0, :, 1].sum()))
        for i, value in enumerate(part.values):
            one, other = (ratio(*of_model.sums[:, i].T) for of_model in (of_ours, of_theirs))
            score, size = float(one[0] + other[0]) / 2, int(sizes[i])
            share = float(of_ours.sums[0, i, 1]) / whole
            documents = int(of_ours.n_units[i, 1])
            found.append(_Compared(f"{part.name} = {value}", one - other, score, size, documents, share))
    kept = [of for of in found if of.support >= gate.min_support and not np.isnan(of.difference[0])]
    confidence = 1 - (1 - gate.confidence) / max(1, len(kept))
    right, found_in = (
        float(sum(of_model[:, i].sum(dtype=np.float64) for of_model in counts)) for i in (0, 1)
    )
    noise_of_one = noise / _deviation(right / found_in) if 0 < right < found_in else 0.0
    return [_guardrail(of, confidence=confidence, noise_of_one=noise_of_one) for of in kept]


def _class_counts(pairs: TagPairs, scheme: SchemeName) -> ClassCounts:
    if scheme == "none":
        return tag_counts(pairs)
    return span_counts(*pairs.spans(scheme, "conlleval"), pairs.offsets)


def _slices(predictions: Predictions, evaluate: EvaluateConfig) -> list[Slices]:
    counts = sequence_counts(predictions.pairs, "none")
    slices = [by_length(counts, predictions.pairs.offsets, evaluate.length_buckets)]
    if predictions.seen is not None and predictions.seen.any():
        slices.append(by_repetition(counts, predictions.seen))
    return [*slices, *(by_column(counts, name, predictions.columns[name]) for name in evaluate.slices)]


def _common(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[str, int, int]]:
    number = {name: i for i, name in enumerate(theirs)}
    return [(name, i, number[name]) for i, name in enumerate(ours) if name in number]


def _share_found(sums: Sums) -> Sums:
    return ratio(sums[..., CORRECT, :], sums[..., GOLD, :])


def _deviation(share: float) -> float:
    """Return the standard deviation of one token or span that is right in this share of cases."""
    return (share * (1 - share)) ** 0.5


def _guardrail(of: _Compared, *, confidence: float, noise_of_one: float) -> Guardrail:
    """Return the interval of a part, by what another test split and another training would have changed.

    From the test split comes the wider of the percentile and the t interval at each end: the more guards
    there are, the further out the percentiles lie, where few resamples or a small support have next to
    nothing. Retrainings differ in a part as if they erred independently from token to token: the more, the
    smaller the part is and the harder its tokens are.

    Args:
        noise_of_one: retraining noise by the standard deviation of one token.
    """
    value = float(of.difference[0])
    low, high = percentile_interval(of.difference[1:, None], confidence)
    tail = (1 + confidence) / 2
    reach = t_reach(tail, of.documents, deviation=float(np.nanstd(of.difference[1:], ddof=1)))
    noise = noise_of_one * _deviation(of.score) / of.share**0.5 if of.share else math.inf
    of_training = t_reach(tail, of.documents, deviation=2**0.5 * noise)
    return Guardrail(
        what=of.what,
        difference=value,
        low=max(value - math.hypot(max(value - float(low[0]), reach), of_training), -1.0),
        high=min(value + math.hypot(max(float(high[0]) - value, reach), of_training), 1.0),
        support=of.support,
        documents=of.documents,
    )
