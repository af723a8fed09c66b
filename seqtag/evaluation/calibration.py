"""Calibration of confidences, for tokens and for predicted spans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqtag.config import EvaluateConfig, SchemeName
from seqtag.evaluation.bootstrap import Resampled, percentile_interval, resampled_totals
from seqtag.evaluation.counts import TagPairs
from seqtag.evaluation.prf import Interval, Sums, number, percentile, ratio, share
from seqtag.tagging.ragged import elements
from seqtag.tagging.spans import matches

N_BINS = 15  # Guo et al. 2017

# sums per sequence and bin
_SUPPORT, _RIGHT, _CONFIDENCE, _SQUARED_ERROR = range(4)


@dataclass(frozen=True)
class Bin:
    """Tokens or spans with a confidence in `(low, high]`; the first bin includes 0."""

    low: float
    high: float
    mean_confidence: float | None
    accuracy: Interval


@dataclass(frozen=True)
class Largest:
    """The largest of several values, with its support.

    It has no interval, because bootstrap intervals of a maximum cover the true value far too rarely.
    """

    value: float | None
    support: int


@dataclass(frozen=True)
class Reliability:
    """Reliability of confidences; all values are None if there is nothing to score.

    ece               expected calibration error: mean distance between confidence and accuracy over the
                      bins, weighted by support (Guo et al. 2017)
    ece_equal_mass    the same over bins of equal support (Nguyen and O'Connor 2015)
    mce               maximum calibration error: the largest of these distances (Guo et al. 2017)
    gap               mean confidence minus accuracy, in [-1, 1]
    brier             mean squared distance of confidence from 1 if correct, from 0 if wrong (Brier 1950)
    """

    support: int
    mean_confidence: Interval
    accuracy: Interval
    gap: Interval
    ece: Interval
    ece_equal_mass: Interval
    mce: Largest
    brier: Interval
    bins: list[Bin]


@dataclass(frozen=True)
class Calibration:
    """Calibration of tokens, and of predicted spans if the model reports the confidence of spans.

    A token is correct if its tag is; a span, read as by conlleval, if its type and both ends are.
    """

    tokens: Reliability
    spans: Reliability | None


@dataclass(frozen=True, eq=False)
class Judged:
    """Tokens or spans with confidences; those of sequence n are `[offsets[n]:offsets[n + 1]]`.

    confidences: <float64>[n_judged], right: <bool>[n_judged], offsets: <int64>[n_sequences + 1]
    """

    confidences: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BinCounts:
    """Sums per sequence and bin of confidence: `Counts` of `[4, bin]`.

    upper: <float64>[n_bins - 1], ascending; a bin excludes the previous bound and includes its own.
    """

    judged: Judged
    upper: npt.NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, ...]:
        return 4, len(self.upper) + 1

    def rows(self, sequences: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        n_bins = len(self.upper) + 1
        position, row = elements(self.judged.offsets, sequences)
        confidences, right = self.judged.confidences[position], self.judged.right[position]
        cell = row * n_bins + np.searchsorted(self.upper, confidences)
        added = (np.ones_like(confidences), right, confidences, (confidences - right) ** 2)
        sums = [np.bincount(cell, weights=w, minlength=len(sequences) * n_bins) for w in added]
        return np.stack([s.reshape(-1, n_bins) for s in sums], axis=1).astype(np.float32)


def calibration(
    pairs: TagPairs,
    confidences: npt.NDArray[np.float32],
    *,
    units: npt.NDArray[np.uint64],
    span_confidences: npt.NDArray[np.float32] | None,
    scheme: SchemeName,
    config: EvaluateConfig,
    seed: int,
    n_bins: int = N_BINS,
) -> Calibration:
    """Compare confidences with the correctness of tokens and spans.

    Args:
        confidences: `<float32>[n_tokens]`, the probability of each predicted tag.
        units: `<uint64>[n_sequences]`, equal for sequences that are drawn together.
        span_confidences: `<float32>[n_tokens]`, the probability of the predicted span around the token;
            None: spans are not scored.
        n_bins: number of bins, of equal width and of equal support.
    """
    judged = [_tokens(pairs, confidences)]
    if span_confidences is not None and scheme != "none":
        judged.append(_spans(pairs, span_confidences, scheme))
    width = np.arange(1, n_bins) / n_bins
    tables = [BinCounts(j, upper) for j in judged for upper in (width, equal_mass(j.confidences, n_bins))]
    totals = resampled_totals(tables, units=units, resamples=config.resamples, seed=seed)
    tokens, *spans = (
        _reliability(
            by_width,
            by_mass,
            upper=width,
            n_units=len(np.unique(units[np.diff(of.offsets) > 0])),
            confidence=config.confidence,
        )
        for of, by_width, by_mass in zip(judged, totals[::2], totals[1::2], strict=True)
    )
    return Calibration(tokens=tokens, spans=spans[0] if spans else None)


def equal_mass(confidences: npt.NDArray[np.float64], n_bins: int) -> npt.NDArray[np.float64]:
    """Return the upper bounds of all bins but the last; equal values share a bin, so there may be fewer.

    >>> equal_mass(np.array([0.9, 0.6, 0.7, 0.8]), 2)
    array([0.7])
    >>> equal_mass(np.array([1.0, 1.0, 1.0, 0.5]), 4)
    array([0.5, 1. ])
    """
    if not len(confidences):
        return np.zeros(0)
    return np.unique(np.quantile(confidences, np.arange(1, n_bins) / n_bins, method="lower"))


def _tokens(pairs: TagPairs, confidences: npt.NDArray[np.float32]) -> Judged:
    gold, predicted = pairs.judged()
    judged = confidences if pairs.known is None else confidences[pairs.known]
    return Judged(judged.astype(np.float64), gold == predicted, pairs.known_offsets)


def _spans(pairs: TagPairs, confidences: npt.NDArray[np.float32], scheme: SchemeName) -> Judged:
    gold, predicted = pairs.spans(scheme, "conlleval")
    # each token of a span holds the confidence of the span
    first = pairs.offsets[predicted.sequence] + predicted.start
    return Judged(
        confidences[first].astype(np.float64),
        matches(predicted, gold, pairs.offsets),
        np.searchsorted(predicted.sequence, np.arange(pairs.n_sequences + 1)),
    )


def _reliability(
    by_width: Resampled,
    by_mass: Resampled,
    *,
    upper: npt.NDArray[np.float64],
    n_units: int,
    confidence: float,
) -> Reliability:
    """Return all measures from `[1 + resamples, 4, bin]`, with bins of equal width and of equal mass.

    Args:
        n_units: resampling units with anything to score.
    """
    sums = by_width.sums
    support, right, confident, squared = np.moveaxis(sums.sum(axis=2), 1, 0)  # [1 + resamples] each

    def mean(total: Sums) -> Interval:
        return percentile(ratio(total, support), support=support[0], n_units=n_units, confidence=confidence)

    return Reliability(
        support=int(support[0]),
        mean_confidence=mean(confident),
        accuracy=share(ratio(right, support), trials=support[0], n_units=n_units, confidence=confidence),
        gap=mean(confident - right),
        ece=_ece(by_width.sums, n_units=n_units, confidence=confidence),
        ece_equal_mass=_ece(by_mass.sums, n_units=n_units, confidence=confidence),
        mce=_mce(sums[0]),
        brier=mean(squared),
        bins=_bins(by_width, upper, confidence=confidence),
    )


def _ece(sums: Sums, *, n_units: int, confidence: float) -> Interval:
    """Return the expected calibration error with its basic interval (Davison and Hinkley 1997).

    Noise always increases a sum of distances, so resampled errors exceed the error of the sample, and their
    percentiles exceed the true value; the basic interval mirrors them to correct this. Its lower end is 0 if
    noise alone would produce such an error; the noise is the difference between the resamples and the sample.
    """
    support = sums[:, _SUPPORT].sum(axis=1)
    surplus = sums[:, _CONFIDENCE] - sums[:, _RIGHT]  # [1 + resamples, bin]
    errors = ratio(np.abs(surplus).sum(axis=1), support)
    noise = ratio(np.abs(surplus[1:] - surplus[0]).sum(axis=1), support[1:])
    value, (below, above) = errors[0], percentile_interval(errors[1:], confidence)
    chance = np.count_nonzero(noise >= value) > (1 - confidence) * np.count_nonzero(~np.isnan(noise))
    low = 0.0 if chance else np.maximum(2 * value - above, 0.0)
    high = np.minimum(np.maximum(2 * value - below, value), 1.0)
    return Interval(
        value=number(value),
        low=number(low),
        high=number(high),
        support=int(support[0]),
        documents=n_units,
    )


def _mce(sums: Sums) -> Largest:
    distances = np.abs(ratio(sums[_CONFIDENCE] - sums[_RIGHT], sums[_SUPPORT]))  # NaN: an empty bin
    if np.isnan(distances).all():
        return Largest(value=None, support=0)
    worst = np.nanargmax(distances)
    return Largest(value=float(distances[worst]), support=int(sums[_SUPPORT, worst]))


def _bins(counts: Resampled, upper: npt.NDArray[np.float64], *, confidence: float) -> list[Bin]:
    support, right, confident, _ = np.moveaxis(counts.sums, 1, 0)  # [1 + resamples, bin] each
    shares, bounds = ratio(right, support), [0.0, *upper.tolist(), 1.0]
    return [
        Bin(
            low=bounds[i],
            high=bounds[i + 1],
            mean_confidence=number(mean),
            accuracy=share(
                shares[:, i],
                trials=support[0, i],
                n_units=int(counts.n_units[_SUPPORT, i]),
                confidence=confidence,
            ),
        )
        for i, mean in enumerate(ratio(confident[0], support[0]))
    ]
