"""Types and slices that a challenger must not be clearly worse on, however good it is on the whole."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, GateConfig, Metric, SchemeName
from seqtag.scoring.bootstrap import percentile_interval, resampled_totals
from seqtag.scoring.counts import CORRECT, GOLD, ClassCounts, TagPairs, span_counts, tag_counts
from seqtag.scoring.figures import Sums, f1, ratio
from seqtag.scoring.metric import metric_counts
from seqtag.scoring.predictions import Predictions
from seqtag.scoring.slices import Slices, by_column, by_length, sequence_counts


class Guarded(TypedDict):
    """What a challenger came to on one type, tag or slice: its score minus the champion's.

    The interval is wider than the decision's, since there are many of them (Bonferroni, which holds however
    types and slices overlap): where both are equally good everywhere, the chance that any of them lies below
    the margin is to be at most 1 - confidence.
    """

    what: str  # such as `type PER` or `genre = email`
    difference: float
    low: float
    high: float
    support: int  # gold spans or tokens of a type, sequences of a slice


@dataclass(frozen=True, eq=False)
class _Part:
    """The metric's counts of the sequences of each slice: `[sequence, slice, 2]`."""

    member: npt.NDArray[np.int32]  # [n_sequences]
    counts: npt.NDArray[np.float32]  # [n_sequences, 2]
    n_slices: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.n_slices, 2

    def rows(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        table = np.zeros((stop - start, *self.shape), np.float32)
        table[np.arange(stop - start), self.member[start:stop]] = self.counts[start:stop]
        return table


def guarded(
    ours: Predictions,
    theirs: Predictions,
    *,
    scheme: SchemeName,
    metric: Metric,
    gate: GateConfig,
    evaluate: EvaluateConfig,
    seed: int,
) -> list[Guarded]:
    """Compare two models on every type (or tag) and slice of at least `gate.min_support`.

    A type is compared by F1, a tag by the share of it that is found, a slice by the metric that decides.
    """
    classes = [_class_counts(each.pairs, scheme) for each in (ours, theirs)]
    slices = _slices(ours, evaluate)
    counts = [metric_counts(each.pairs, metric=metric, scheme=scheme) for each in (ours, theirs)]
    parts = [_Part(part.member, of_model, len(part.values)) for part in slices for of_model in counts]
    totals = resampled_totals(
        [*classes, *parts], n_sequences=ours.pairs.n_sequences, resamples=gate.resamples, seed=seed
    )
    figure = f1 if scheme != "none" else _share_found
    word = "type" if scheme != "none" else "tag"
    found: list[tuple[str, Sums, int]] = []
    for name, ours_of, theirs_of in _common(classes[0].names, classes[1].names):
        sums = [of[:, :, [i]] for of, i in zip(totals[:2], (ours_of, theirs_of), strict=True)]
        difference = (figure(sums[0]) - figure(sums[1]))[:, 0]
        found.append((f"{word} {name}", difference, int(sums[0][0, GOLD, 0])))
    for number, part in enumerate(slices):
        our_sums, their_sums = totals[2 + 2 * number], totals[3 + 2 * number]
        sizes = np.bincount(part.member, minlength=len(part.values))
        for i, value in enumerate(part.values):
            difference = ratio(*our_sums[:, i].T) - ratio(*their_sums[:, i].T)
            found.append((f"{part.name} = {value}", difference, int(sizes[i])))
    kept = [(what, each, n) for what, each, n in found if n >= gate.min_support and not np.isnan(each[0])]
    return _intervals(kept, confidence=1 - (1 - gate.confidence) / max(1, len(kept)))


def _class_counts(pairs: TagPairs, scheme: SchemeName) -> ClassCounts:
    if scheme == "none":
        return tag_counts(pairs)
    return span_counts(*pairs.spans(scheme, "conlleval"), pairs.offsets)


def _slices(predictions: Predictions, evaluate: EvaluateConfig) -> list[Slices]:
    counts = sequence_counts(predictions.pairs, "none")
    columns = (by_column(counts, name, predictions.columns[name]) for name in evaluate.slices)
    return [by_length(counts, evaluate.length_buckets), *columns]


def _common(ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[str, int, int]]:
    number = {name: i for i, name in enumerate(theirs)}
    return [(name, i, number[name]) for i, name in enumerate(ours) if name in number]


def _share_found(sums: Sums) -> Sums:
    return ratio(sums[..., CORRECT, :], sums[..., GOLD, :])


def _intervals(found: Sequence[tuple[str, Sums, int]], *, confidence: float) -> list[Guarded]:
    """Return the wider of the percentile and the normal interval at each end.

    The more guards there are, the further out the percentiles lie, where few resamples or a small support
    have next to nothing: alone they would fail by chance far more often than the confidence says.
    """
    deviations = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    guards = []
    for what, difference, support in found:
        value, (low, high) = float(difference[0]), percentile_interval(difference[1:, None], confidence)
        reach = deviations * float(np.nanstd(difference[1:], ddof=1))
        guards.append(
            Guarded(
                what=what,
                difference=value,
                low=min(float(low[0]), value - reach),
                high=max(float(high[0]), value + reach),
                support=support,
            )
        )
    return guards
